//! The escalation path: who is called, how, and from when on.
//!
//! What must not live here: reading the file (`config`, `store`), and calling anybody.

use std::time::Duration;

use super::severity::Severity;
use super::text::Untrusted;

/// The path, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Escalation {
    /// Its steps; each comes at the same time as the one before it or later.
    pub steps: Vec<Rung>,
}

/// One step of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// A person or a role.
    pub who: Untrusted,
    /// How to reach them, the best way first; ways that do not depend on a locked account.
    pub reach: Vec<Untrusted>,
    /// From how long after the creation of the case on.
    pub after: Duration,
    /// The least severity of a case for which they are called; `None` for every one. A case of unknown severity counts as the worst.
    pub severity: Option<Severity>,
    /// What they decide or must be told; empty when nothing is said.
    pub note: Untrusted,
}

/// How a step of the path stands for a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Due, for so long; of those that are due the last one is who is to be called.
    Since(Duration),
    /// Due in so long.
    In(Duration),
    /// Not for a case of this severity.
    NotForThis,
}

impl Escalation {
    /// Gives how each step stands for a case of this severity and age.
    pub fn standing(&self, severity: Severity, age: Duration) -> Vec<Due> {
        let due = |rung: &Rung| {
            if severity != Severity::Unknown && rung.severity.is_some_and(|least| severity < least)
            {
                Due::NotForThis
            } else if rung.after <= age {
                Due::Since(age.saturating_sub(rung.after))
            } else {
                Due::In(rung.after.saturating_sub(age))
            }
        };
        self.steps.iter().map(due).collect()
    }

    /// Gives who is to be called now: the last step that is due; `None` when none is yet.
    pub fn now(&self, severity: Severity, age: Duration) -> Option<usize> {
        let standing = self.standing(severity, age);
        standing
            .iter()
            .rposition(|due| matches!(due, Due::Since(_)))
    }

    /// Gives who is called after that, and in how long; `None` at the end of the path.
    pub fn then(&self, severity: Severity, age: Duration) -> Option<(usize, Duration)> {
        let mut standing = self.standing(severity, age).into_iter().enumerate();
        standing.find_map(|(at, due)| match due {
            Due::In(left) => Some((at, left)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn rung(minutes: u64, severity: Option<Severity>) -> Rung {
        Rung {
            who: "x".into(),
            reach: vec!["y".into()],
            after: Duration::from_secs(minutes * 60),
            severity,
            note: "".into(),
        }
    }

    #[rstest]
    #[case::at_once(Severity::Low, 0, Some(0), Some((1, 15)))]
    #[case::second(Severity::Low, 15, Some(1), None)]
    #[case::severe(Severity::High, 20, Some(1), Some((2, 10)))]
    #[case::severe_and_late(Severity::Critical, 45, Some(2), None)]
    #[case::unknown_counts_as_severe(Severity::Unknown, 45, Some(2), None)]
    #[case::not_severe_and_late(Severity::Medium, 4_000, Some(1), None)]
    fn who_is_next(
        #[case] severity: Severity,
        #[case] minutes: u64,
        #[case] now: Option<usize>,
        #[case] then: Option<(usize, u64)>,
    ) {
        let path = Escalation {
            steps: vec![
                rung(0, None),
                rung(15, None),
                rung(30, Some(Severity::High)),
            ],
        };
        let age = Duration::from_secs(minutes * 60);
        assert_eq!(path.now(severity, age), now);
        let then = then.map(|(at, left)| (at, Duration::from_secs(left * 60)));
        assert_eq!(path.then(severity, age), then);
    }

    #[test]
    fn nobody_is_due_before_the_first_and_on_an_empty_path() {
        let path = Escalation {
            steps: vec![rung(5, None)],
        };
        assert_eq!(path.now(Severity::High, Duration::ZERO), None);
        let empty = Escalation::default();
        assert_eq!(empty.now(Severity::High, Duration::ZERO), None);
        assert_eq!(empty.then(Severity::High, Duration::ZERO), None);
    }
}
