//! What a signal brings about, and what it leaves behind, in words.

use crate::result::remainder::{Remainder, RunStage};

/// The longest time from a signal to the result on the disk, in seconds.
pub const WITHIN_S: u64 = 10;

/// What the first signal brings about.
#[must_use]
pub fn at_first(remains: &Remainder) -> String {
    match remains.stage {
        RunStage::Before => "ending: nothing is measured yet".to_owned(),
        RunStage::Measuring => {
            format!("ending: the rest is drained, and the result saved, within {WITHIN_S} s")
        }
        RunStage::Saved(..) => format!("ending within {WITHIN_S} s: the result is saved"),
        RunStage::Replaying => "ending: what was found so far is shown".to_owned(),
        RunStage::Serving => "ending: the broker keeps nothing".to_owned(),
        RunStage::Reading => format!("ending: what was read is committed, within {WITHIN_S} s"),
    }
}

/// What stays behind when it ends at once, by a second signal.
#[must_use]
pub fn at_second(remains: &Remainder) -> String {
    let mut text = match &remains.stage {
        RunStage::Before => "left at once: nothing was measured".to_owned(),
        RunStage::Measuring => "left at once: nothing was saved".to_owned(),
        RunStage::Saved(folder, settled) => {
            let doubt = if *settled { "" } else { ", with events in doubt" };
            format!("left at once: the result is saved in {}{doubt}", folder.display())
        }
        RunStage::Replaying | RunStage::Serving => "left at once".to_owned(),
        RunStage::Reading => "left at once: what was read last is not committed".to_owned(),
    };
    if let Some((name, at)) = &remains.topic {
        text.push_str(&format!("; topic {name} stays at {at}"));
    }
    text
}
