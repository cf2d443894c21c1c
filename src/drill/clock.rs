//! The one place of the drill where the current time is read.
//!
//! Everything else takes an instant as an argument, so that a test can stop and move the time.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// A source of the current time: the machine's own, or one that a test moves by hand.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System,
    Set(Mutex<DateTime<Utc>>),
}

impl Clock {
    /// Follows the machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Source::System))
    }

    /// Stands still at `at` until [`Clock::advance`] moves it.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Arc::new(Source::Set(Mutex::new(at))))
    }

    /// Answers the current instant, cut to milliseconds (the finest unit the vendors print).
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &*self.0 {
            Source::System => Utc::now(),
            Source::Set(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        };
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// Moves a fixed clock by `by`; the machine's clock stays as it is.
    pub fn advance(&self, by: TimeDelta) {
        if let Source::Set(at) = &*self.0 {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(next) = at.checked_add_signed(by) {
                *at = next;
            }
        }
    }
}
