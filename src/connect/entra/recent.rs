//! What was read of an account a moment ago and may not be asked for often: its methods, last sign-in, risk.
//!
//! Graph gives five requests in ten seconds for methods and logs, ten a minute for the last sign-in, and one a second for
//! all applications together for risk. What must not live here: what a guard decides by, other than a risk of
//! a few seconds ago.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How many answers are kept.
const KEPT: usize = 64;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The authentication methods.
    Methods,
    /// The last sign-in.
    SignIn,
    /// The risk state.
    Risk,
}

impl Asked {
    /// Gives how long an answer is good for.
    fn life(self) -> Duration {
        Duration::from_secs(match self {
            // The reads before the requests of one plan share an answer; one after a person's confirmation is a new one.
            Self::Methods | Self::Risk => 5,
            Self::SignIn => 60,
        })
    }
}

struct Kept {
    asked: Asked,
    account: String,
    at: Instant,
    answer: Value,
}

/// The newest answers.
#[derive(Default)]
pub(super) struct Recent(Mutex<Vec<Kept>>);

impl std::fmt::Debug for Recent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recent")
    }
}

impl Recent {
    /// Gives an answer that is still good.
    pub(super) fn get(&self, asked: Asked, account: &str) -> Option<Value> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .find(|kept| kept.asked == asked && kept.account == account)
            .filter(|kept| kept.at.elapsed() < asked.life())
            .map(|kept| kept.answer.clone())
    }

    /// Drops an answer that is none any more.
    pub(super) fn forget(&self, asked: Asked, account: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.asked != asked || kept.account != account);
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, asked: Asked, account: &str, answer: &Value) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| {
            (kept.asked != asked || kept.account != account)
                && kept.at.elapsed() < kept.asked.life()
        });
        if all.len() >= KEPT {
            all.remove(0);
        }
        all.push(Kept {
            asked,
            account: account.to_owned(),
            at: Instant::now(),
            answer: answer.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_for_its_account_and_its_question_alone() {
        let recent = Recent::default();
        recent.keep(Asked::Risk, "a", &Value::from(1));
        assert_eq!(recent.get(Asked::Risk, "a"), Some(Value::from(1)));
        assert_eq!(recent.get(Asked::Risk, "b"), None);
        assert_eq!(recent.get(Asked::SignIn, "a"), None);
        recent.keep(Asked::Risk, "a", &Value::from(2));
        assert_eq!(recent.get(Asked::Risk, "a"), Some(Value::from(2)));
        recent.keep(Asked::Risk, "b", &Value::from(3));
        recent.forget(Asked::Risk, "a");
        assert_eq!(recent.get(Asked::Risk, "a"), None);
        assert_eq!(recent.get(Asked::Risk, "b"), Some(Value::from(3)));
        for number in 0..2 * KEPT {
            recent.keep(Asked::Methods, &number.to_string(), &Value::Null);
        }
        let kept = recent.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(kept.len(), KEPT);
    }
}
