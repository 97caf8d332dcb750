//! An application by itself, on a Kafka that others fill: joins its group, reads, and says what
//! it has found at its own rhythm, until somebody stops it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::apps::{Alert, AppKind, Rhythm, Summary};
use crate::base::clock::wall_clock_us;
use crate::base::error::{Error, Result};
use crate::client::target::Target;
use crate::plan::{AppPlan, Plan};
use crate::result::run_event::{Awaited, Listener};
use crate::run::closing::Closing;
use crate::workers::consume::{AppReader, ObservationRecorder, ReadCounts, Source};

/// Most records between two looks at the clock and at the signal.
const BATCH_RECORDS: usize = 1_024;

/// Longest wait for a record.
const WAIT: Duration = Duration::from_millis(50);

/// Longest wait for the last commits and for the clients' end.
const COMMIT: Duration = Duration::from_secs(8);

/// Least time between two summaries: nobody reads faster, and each costs a walk over all users.
const SUMMARY_GAP: Duration = Duration::from_millis(200);

/// After so long without any record somebody should look whether the topic is the right one.
const SILENCE: Duration = Duration::from_secs(10);

/// How often a client looks for new topics and partitions, in milliseconds.
const REFRESH: (&str, &str) = ("topic.metadata.refresh.interval.ms", "2000");

/// A place where an application reads the plan's topic by itself.
///
/// # Errors
/// [`crate::base::error::Error::Usage`] when the client refuses a property.
pub fn open(plan: &Plan, bootstrap: &str) -> Result<Arc<dyn Target>> {
    let mut kafka = plan.kafka.clone();
    // A consumer may be there before its topic: the client's own five minutes are long.
    kafka.consumer.entry(REFRESH.0.to_owned()).or_insert_with(|| REFRESH.1.to_owned());
    super::open(&kafka, bootstrap, &plan.topic.name)
}

/// When an application stops by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsumeLimits {
    /// After so many events.
    pub events: Option<u64>,
    /// After so long without a record, counted from the first assignment on.
    pub idle: Option<Duration>,
}

/// How long an application waits.
#[derive(Debug, Clone, Copy)]
struct Patience {
    limits: ConsumeLimits,
    /// For the first assignment, where the idle time is limited.
    assigned_within: Duration,
}

/// What an application says.
#[derive(Debug)]
pub enum Update<'a> {
    /// What it has found so far.
    Summary(&'a Summary, ReadCounts),
    /// The same, and the last of it.
    Last(&'a Summary, ReadCounts),
    /// New alerts, and how many more there were than a reader can follow.
    Alerts(&'a [Alert], u64),
    /// Nothing comes.
    Silence,
    /// The next event is due so much later.
    Gap(Duration),
}

/// An application by itself.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct StandaloneConsumer {
    reader: AppReader,
    source: Box<dyn Source>,
    rhythm: Rhythm,
    patience: Patience,
    topic: String,
    world: Arc<dyn Target>,
    signal: Arc<AtomicUsize>,
    witness: Option<Arc<Mutex<ObservationRecorder>>>,
}

impl StandaloneConsumer {
    /// Subscribes to the plan's topic in `world` as a member of the application's group.
    /// `signal` is not 0 once it shall stop.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Usage`] when librdkafka refuses a property.
    pub fn new(
        kind: &'static AppKind,
        app: &AppPlan,
        plan: &Plan,
        world: Arc<dyn Target>,
        signal: Arc<AtomicUsize>,
    ) -> Result<Self> {
        let source = world.source(plan, app)?;
        let assigned_within = Duration::from_millis(plan.measure.ready_timeout_ms);
        Ok(Self {
            reader: AppReader::new(kind, app.clone(), plan.event.codec()),
            source,
            rhythm: kind.rhythm,
            patience: Patience { limits: ConsumeLimits::default(), assigned_within },
            topic: plan.topic.name.clone(),
            world,
            signal,
            witness: None,
        })
    }

    /// Says something at another rhythm.
    #[must_use]
    pub fn every(mut self, rhythm: Rhythm) -> Self {
        self.rhythm = rhythm;
        self
    }

    /// Stops by itself.
    #[must_use]
    pub fn within(mut self, limits: ConsumeLimits) -> Self {
        self.patience.limits = limits;
        self
    }

    /// Lets somebody note and time every record. Nobody else locks it before the end of
    /// [`StandaloneConsumer::run`].
    #[must_use]
    pub fn witnessed_by(mut self, witness: Arc<Mutex<ObservationRecorder>>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Reads until the signal or a limit. What was read is not committed yet: that may hang, and
    /// comes after the saving, by [`commit`].
    pub fn run(mut self, say: impl FnMut(&Update<'_>) -> Result<()>) -> Stopped {
        let read = self.read(say);
        Stopped { read, source: self.source }
    }

    fn read(&mut self, mut say: impl FnMut(&Update<'_>) -> Result<()>) -> Result<ReadCounts> {
        let mut pace = SummaryDue::new(self.rhythm);
        let began = Instant::now();
        // Before the first assignment nothing can come.
        let mut last_record = None;
        let mut told_silence = false;
        let mut told = AlertLimiter::default();
        let witness = self.witness.clone();
        let mut witness =
            witness.as_ref().map(|witness| witness.lock().unwrap_or_else(PoisonError::into_inner));
        while self.signal.load(Ordering::Relaxed) == 0 && !self.is_done(last_record) {
            let Self { reader, source, patience, .. } = &mut *self;
            let room = patience.limits.events.map_or(u64::MAX, |most| most - reader.read().events);
            let most = BATCH_RECORDS.min(usize::try_from(room).unwrap_or(usize::MAX));
            let mut failed = None;
            let count = source.poll(most, WAIT, &mut |arrival| {
                let polled_ns = witness.as_ref().map_or(0, |witness| witness.now_ns());
                let observed = reader.observe(arrival, wall_clock_us());
                if let Some(witness) = &mut witness {
                    witness.saw(arrival, observed, polled_ns);
                }
                if observed && pace.is_due_after_event() {
                    let told = say(&Update::Summary(&reader.summary(), reader.read()));
                    failed = failed.take().or(told.err());
                }
            })?;
            if let Some(error) = failed {
                // Nobody listens any more; what was read is read.
                return Err(error);
            }
            told.alerts(&mut self.reader, &mut say)?;
            if count > 0 || (last_record.is_none() && self.source.assigned().is_some()) {
                last_record = Some(Instant::now());
            }
            if last_record.is_none() {
                self.check_joining(began.elapsed())?;
            }
            let silent = last_record.unwrap_or(began).elapsed();
            if count == 0 && !told_silence && silent > SILENCE {
                told_silence = true;
                say(&Update::Silence)?;
            }
            if pace.is_due_by_time() {
                say(&Update::Summary(&self.reader.summary(), self.reader.read()))?;
            }
        }
        self.reader.end();
        told.alerts(&mut self.reader, &mut say)?;
        let (read, summary) = (self.reader.read(), self.reader.summary());
        let said = say(&Update::Last(&summary, read));
        if let Some(witness) = &mut witness {
            witness.belonged(self.source.membership());
            witness.finish(summary, read);
        }
        said.map(|()| read)
    }

    fn is_done(&self, last_record: Option<Instant>) -> bool {
        let ConsumeLimits { events, idle } = self.patience.limits;
        let silent = last_record.map(|at| at.elapsed());
        events.is_some_and(|most| self.reader.read().events >= most)
            || idle.zip(silent).is_some_and(|(idle, silent)| silent > idle)
    }

    /// Whether it is worth while to go on waiting for the first assignment.
    fn check_joining(&self, waited: Duration) -> Result<()> {
        if let Some(words) = self.world.refusal() {
            return Err(Error::Broker(words));
        }
        let Patience { limits, assigned_within } = self.patience;
        if limits.idle.is_none() || waited < assigned_within {
            return Ok(());
        }
        let why = self.world.why().map(|why| format!(" ({why})")).unwrap_or_default();
        Err(Error::Broker(format!(
            "no partition of {} was assigned within {} s{why}; expected the topic to be there, or \
             a longer measure.ready_timeout",
            self.topic,
            assigned_within.as_secs_f64()
        )))
    }
}

/// An application that reads no more.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct Stopped {
    /// What it has read; or what went wrong.
    pub read: Result<ReadCounts>,
    /// Still open.
    source: Box<dyn Source>,
}

/// Commits what was read, so that the next member of each group goes on right behind it, and
/// closes the clients, all at the same time and within some seconds. `listener` is told where it
/// takes longer than expected.
///
/// # Errors
/// [`crate::base::error::Error::Broker`] when a commit fails, or has no answer in time.
pub fn commit(
    stopped: Vec<Stopped>,
    signal: Arc<AtomicUsize>,
    listener: &mut dyn Listener,
) -> Result<()> {
    let work = move || {
        let commit = |stopped: Stopped| {
            let mut source = stopped.source;
            let committed = source.commit();
            drop(source);
            committed
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                stopped.into_iter().map(|stopped| scope.spawn(|| commit(stopped))).collect();
            let panicked = |_| Err(Error::Internal("a commit panicked".to_owned()));
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(panicked))
        })
    };
    Closing::new(signal).wait(Awaited::Committed, COMMIT, listener, work).unwrap_or_else(|| {
        let why = "the broker does not answer: what was read last is not committed, and the next \
                   member of the group reads it again";
        Err(Error::Broker(why.to_owned()))
    })
}

/// Most alerts told in a second.
const ALERTS_PER_S: usize = 20;

/// How many alerts were told in the second that goes on.
#[derive(Debug)]
pub(crate) struct AlertLimiter {
    since: Instant,
    in_this_second: usize,
}

impl Default for AlertLimiter {
    fn default() -> Self {
        Self { since: Instant::now(), in_this_second: 0 }
    }
}

impl AlertLimiter {
    /// Tells the new alerts, as many in a second as can be read; the rest is counted.
    pub(crate) fn alerts(
        &mut self,
        reader: &mut AppReader,
        say: &mut impl FnMut(&Update<'_>) -> Result<()>,
    ) -> Result<()> {
        let (alerts, left_out) = reader.take_alerts();
        if alerts.is_empty() && left_out == 0 {
            return Ok(());
        }
        let shown = alerts.len().min(self.room());
        self.in_this_second += shown;
        let more = (alerts.len() - shown) as u64 + left_out;
        say(&Update::Alerts(&alerts[..shown], more))
    }

    fn room(&mut self) -> usize {
        if self.since.elapsed() >= Duration::from_secs(1) {
            *self = Self::default();
        }
        ALERTS_PER_S - self.in_this_second.min(ALERTS_PER_S)
    }
}

/// When the next summary is due.
#[derive(Debug)]
pub(crate) struct SummaryDue {
    rhythm: Rhythm,
    events: u64,
    last: Option<Instant>,
    began: Instant,
}

impl SummaryDue {
    pub(crate) fn new(rhythm: Rhythm) -> Self {
        Self { rhythm, events: 0, last: None, began: Instant::now() }
    }

    pub(crate) fn is_due_after_event(&mut self) -> bool {
        self.events += 1;
        let Rhythm::Events(every) = self.rhythm else { return false };
        if self.events < every || self.last.is_some_and(|last| last.elapsed() < SUMMARY_GAP) {
            return false;
        }
        (self.events, self.last) = (0, Some(Instant::now()));
        true
    }

    pub(crate) fn is_due_by_time(&mut self) -> bool {
        let Rhythm::Time(every) = self.rhythm else { return false };
        if self.last.unwrap_or(self.began).elapsed() < every {
            return false;
        }
        self.last = Some(Instant::now());
        true
    }
}
