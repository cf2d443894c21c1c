//! How old what a source said is: shown with everything, in words.
//!
//! Ages are measured on the boot clock, which goes on while the machine sleeps.

use std::time::Duration;

/// A moment as the edge measured it; every message carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Wall clock in UTC, for showing and recording.
    pub utc: chrono::DateTime<chrono::Utc>,
    /// Time since boot including sleep (`CLOCK_BOOTTIME`), for ages and deadlines.
    pub boot: Duration,
}

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It has not answered yet.
    Waiting,
    /// It answered within two intervals.
    Ok,
    /// Its last good answer is older than two intervals.
    Stale(Duration),
    /// Its last good answer is older than ten intervals, or there was none: counts become `?`.
    NoAnswer(Duration),
}

/// When a source last answered well, and when it was first asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When asking began.
    pub since: Duration,
    /// When the last good answer came.
    pub good: Option<Duration>,
    /// How often it is asked.
    pub interval: Duration,
}

impl Heard {
    /// Judges the source at the given boot time.
    pub fn freshness(&self, boot: Duration) -> Freshness {
        let age = boot.saturating_sub(self.good.unwrap_or(self.since));
        match self.good {
            None if age <= self.interval.saturating_mul(2) => Freshness::Waiting,
            Some(_) if age <= self.interval.saturating_mul(2) => Freshness::Ok,
            Some(_) if age <= self.interval.saturating_mul(10) => Freshness::Stale(age),
            _ => Freshness::NoAnswer(age),
        }
    }
}

/// Writes an age as `4s`, `12m`, `3h`, `2d`.
pub fn age_word(age: Duration) -> super::text::Safe {
    let s = age.as_secs();
    match s {
        0..60 => crate::safe!("{}s", s),
        60..3_600 => crate::safe!("{}m", s / 60),
        3_600..86_400 => crate::safe!("{}h", s / 3_600),
        _ => crate::safe!("{}d", s / 86_400),
    }
}

/// Writes a time as `03:12Z`.
pub fn clock_word(at: chrono::DateTime<chrono::Utc>) -> super::text::Safe {
    use chrono::Timelike as _;
    crate::safe!("{:02}:{:02}Z", at.hour(), at.minute())
}

/// Writes a time as `03:12:45Z`.
pub fn second_word(at: chrono::DateTime<chrono::Utc>) -> super::text::Safe {
    use chrono::Timelike as _;
    crate::safe!("{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second())
}

/// Writes a time as `2026-01-31 03:12:45Z`.
pub fn time_word(at: chrono::DateTime<chrono::Utc>) -> super::text::Safe {
    use chrono::{Datelike as _, Timelike as _};
    crate::safe!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}
