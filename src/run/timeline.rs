//! Plays the plan's timeline: what is due is done, told, and noted with its time.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use crate::base::error::{Error, Result};
use crate::plan::Plan;
use crate::plan::timeline::{Happening, TimelineEntry, timeline};
use crate::result::run_event::{Listener, RunEvent};
use crate::result::timeline_event::TimelineEvent;

/// Who carries out one kind of action of the timeline.
pub trait Actor: Debug {
    /// The kind's name: what the plan calls for.
    fn kind(&self) -> &str;

    /// Does it. The runner waits for it meanwhile, and looks after nothing else: what lasts longer
    /// than some milliseconds goes to a thread.
    ///
    /// # Errors
    /// When it can't be done: the run goes on, and is invalid.
    fn act(&mut self, settings: &BTreeMap<String, String>) -> Result<()>;
}

/// Makes sure that there is somebody for every action of a plan.
pub(super) fn check(plan: &Plan, actors: &[Box<dyn Actor>]) -> Result<()> {
    let is_known = |kind: &str| actors.iter().any(|actor| actor.kind() == kind);
    match plan.actions.iter().find(|action| !is_known(&action.actor)) {
        Some(action) => {
            let known: Vec<&str> = actors.iter().map(|actor| actor.kind()).collect();
            Err(Error::usage(format!(
                "timeline: {} is no kind of action of this run; expected {}",
                action.actor,
                if known.is_empty() { "no action".to_owned() } else { known.join(", ") }
            )))
        }
        None => Ok(()),
    }
}

/// Plays a timeline, from the schedule's start until the load has ended.
pub(super) struct TimelinePlayer<'a> {
    left: VecDeque<TimelineEntry>,
    actors: &'a mut [Box<dyn Actor>],
    start_ns: u64,
    happened: Vec<TimelineEvent>,
}

impl<'a> TimelinePlayer<'a> {
    /// Of a plan whose slot time 0 is `start_ns` on the run's clock.
    pub(super) fn new(plan: &Plan, start_ns: u64, actors: &'a mut [Box<dyn Actor>]) -> Self {
        let left = timeline(&plan.load, &plan.actions).into();
        Self { left, actors, start_ns, happened: Vec::new() }
    }

    /// Plays what is due by now. The load's end is no matter of the time: see [`Self::end`].
    pub(super) fn tick(&mut self, now_ns: u64, listener: &mut dyn Listener) {
        let Some(since_ns) = now_ns.checked_sub(self.start_ns) else { return };
        while self
            .left
            .front()
            .is_some_and(|next| next.at_ns <= since_ns && next.what != Happening::LoadEnds)
        {
            if let Some(entry) = self.left.pop_front() {
                self.play(&entry, since_ns, listener);
            }
        }
    }

    /// Nothing is sent any more, be it that the schedule is over or that it was cut. What was
    /// planned for later has not happened.
    pub(super) fn end(&mut self, now_ns: u64, listener: &mut dyn Listener) -> Vec<TimelineEvent> {
        self.tick(now_ns, listener);
        let load_ends = self.left.iter().find(|entry| entry.what == Happening::LoadEnds).cloned();
        if let Some(entry) = load_ends {
            self.play(&entry, now_ns.saturating_sub(self.start_ns), listener);
        }
        std::mem::take(&mut self.happened)
    }

    fn play(&mut self, entry: &TimelineEntry, since_ns: u64, listener: &mut dyn Listener) {
        let mut event = TimelineEvent::of(entry, since_ns);
        if let Happening::Action(action) = &entry.what {
            let actor = self.actors.iter_mut().find(|actor| actor.kind() == action.actor);
            let done = actor.map(|actor| actor.act(&action.settings));
            event.failed = done.and_then(Result::err).map(|error| error.to_string());
        }
        let at_s = event.at_s;
        listener.on(&match &entry.what {
            Happening::PhaseBegins { phase, warmup } => {
                RunEvent::PhaseBegan { phase: phase.clone(), warmup: *warmup, at_s }
            }
            Happening::MeasuringBegins => RunEvent::MeasuringBegan { at_s },
            Happening::LoadEnds => RunEvent::LoadEnded { at_s },
            Happening::Action(_) => RunEvent::Acted(event.clone()),
        });
        self.happened.push(event);
    }
}
