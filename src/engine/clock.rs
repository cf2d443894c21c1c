//! The one place the engine reads clocks and draws random numbers; replaceable in tests.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use rustix::time::{ClockId, clock_gettime};

use crate::domain::freshness::Moment;
use crate::domain::one_time::{OneTime, RANDOM};

/// Gives the time.
pub trait Clock: Send + Sync {
    /// Gives now: wall clock and boot clock.
    fn now(&self) -> Moment;
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let boot = clock_gettime(ClockId::Boottime);
        Moment {
            utc: chrono::Utc::now(),
            boot: Duration::new(
                u64::try_from(boot.tv_sec).unwrap_or(0),
                u32::try_from(boot.tv_nsec).unwrap_or(0),
            ),
        }
    }
}

/// How long the engine really waits: schedules and pauses times a factor, their order unchanged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace(f64);

impl Pace {
    /// Waits as long as it says.
    pub const REAL: Self = Self(1.0);

    /// Waits a share of it, for tests.
    pub fn scaled(factor: f64) -> Self {
        Self(factor.clamp(0.0001, 1.0))
    }

    /// Gives the wait for a nominal one.
    pub fn of(self, nominal: Duration) -> Duration {
        nominal.mul_f64(self.0)
    }
}

/// Makes a password of the operating system's random numbers; `None` where it gives none.
pub fn password() -> Option<OneTime> {
    let mut random = [0; RANDOM];
    let drawn = SystemRandom::new().fill(&mut random);
    drawn.is_ok().then(|| OneTime::password(&random))
}

/// Draws the random part of an id.
pub fn random() -> u128 {
    fastrand::u128(..)
}
