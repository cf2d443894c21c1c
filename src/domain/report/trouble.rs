//! Counts what went wrong between this console and its connections.
//!
//! What must not live here: what a failure said (it stands in the messages).

use crate::domain::text::Safe;
use crate::safe;

/// How a request failed, as far as a review asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// No answer: it timed out, or the connection broke or was never made.
    NoAnswer,
    /// Refused for its rate (429).
    RateLimit,
    /// Any other failure: refused, a fault of the server, an answer that could not be read.
    Failed,
}

/// How often each happened on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Without an answer.
    pub no_answer: u64,
    /// Refused for the rate.
    pub rate_limit: u64,
    /// Failed otherwise.
    pub failed: u64,
}

impl Tally {
    /// Counts one.
    pub fn count(&mut self, trouble: Trouble) {
        let counter = match trouble {
            Trouble::NoAnswer => &mut self.no_answer,
            Trouble::RateLimit => &mut self.rate_limit,
            Trouble::Failed => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
    }

    /// Gives what was counted after an earlier count.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            no_answer: self.no_answer.saturating_sub(earlier.no_answer),
            rate_limit: self.rate_limit.saturating_sub(earlier.rate_limit),
            failed: self.failed.saturating_sub(earlier.failed),
        }
    }

    /// Gives the words of it; `None` when nothing was counted.
    pub fn words(self) -> Option<Safe> {
        let one = |count: u64, what: &'static str| (count > 0).then(|| safe!("{} {}", count, what));
        let parts: Vec<Safe> = [
            one(self.no_answer, "without an answer (time-out or connection)"),
            one(self.rate_limit, "refused for the rate (429)"),
            one(self.failed, "failed otherwise"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| Safe::join(parts, &Safe::fixed(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_counted_since_is_said() {
        let mut before = Tally::default();
        before.count(Trouble::Failed);
        let mut now = before;
        assert_eq!(now.since(before).words(), None);
        now.count(Trouble::RateLimit);
        now.count(Trouble::RateLimit);
        now.count(Trouble::NoAnswer);
        let words = now.since(before).words().unwrap_or_default();
        assert_eq!(
            words.as_str(),
            "1 without an answer (time-out or connection), 2 refused for the rate (429)"
        );
    }
}
