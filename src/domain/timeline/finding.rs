//! What the console finds odd in an activity, each with its rule, its reason and the rows it rests on.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};

use super::activity::{Activity, Outcome, Row};
use super::lane::Lane;
use crate::domain::text::{Safe, Untrusted};

/// Which rule found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Several failed sign-ins, then a success from one of their addresses or from a new one.
    BruteForce,
    /// The account did something after its containment was proven.
    SuccessAfterContainment,
}

impl Rule {
    /// Gives the id used in records and exports.
    pub fn id(self) -> &'static str {
        match self {
            Self::BruteForce => "brute_force",
            Self::SuccessAfterContainment => "success_after_containment",
        }
    }

    /// Gives the MITRE ATT&CK technique.
    pub fn technique(self) -> &'static str {
        match self {
            Self::BruteForce => "T1110",
            Self::SuccessAfterContainment => "T1078",
        }
    }
}

/// Something odd, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// When the deciding event happened.
    pub at: DateTime<Utc>,
    /// Index of the deciding event in the activity.
    pub row: usize,
    /// Indexes of all rows it rests on, oldest first.
    pub evidence: Vec<usize>,
    /// One short sentence.
    pub reason: Safe,
}

/// What the rules may be tuned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// How many failures before a success make a finding.
    pub failures: usize,
    /// Within which time.
    pub window: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::minutes(30),
        }
    }
}

/// Finds failed sign-ins followed by a success from the same address, or from one that never succeeded before.
///
/// Guessing is often spread over many addresses and the success comes from yet another one; a success from an address
/// that the user already worked from is taken for the user. What was "before" is what `activity` holds.
pub fn fail_then_success(activity: &Activity, tuning: Tuning) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut failures: Vec<Row<'_>> = Vec::new();
    let mut known: HashSet<&Untrusted> = HashSet::new();
    for row in activity.rows().filter(|row| row.lane() == Lane::SignIn) {
        match row.outcome() {
            Outcome::Failure => failures.push(row),
            Outcome::Success => {
                // A window longer than the calendar reaches back to the first event.
                if let Some(start) = row.at().checked_sub_signed(tuning.window) {
                    failures.retain(|fail| fail.at() >= start);
                }
                let is_new = row.ip().is_some_and(|ip| known.insert(ip));
                let counts = |fail: &Row<'_>| is_new || fail.ip() == row.ip();
                let evidence: Vec<usize> = failures
                    .iter()
                    .filter(|fail| counts(fail))
                    .map(Row::index)
                    .collect();
                if evidence.len() >= tuning.failures.max(1) {
                    let count = evidence.len();
                    let elsewhere = failures
                        .iter()
                        .any(|fail| counts(fail) && fail.ip() != row.ip());
                    failures.retain(|fail| !counts(fail));
                    findings.push(Finding {
                        rule: Rule::BruteForce,
                        at: row.at(),
                        row: row.index(),
                        evidence: evidence.into_iter().chain([row.index()]).collect(),
                        reason: if elsewhere {
                            crate::safe!("{} failures, success from a new address", count)
                        } else {
                            crate::safe!("{} failures, then success", count)
                        },
                    });
                }
            }
            Outcome::Unknown => {}
        }
    }
    findings
}

/// Finds successes of the account after the moment its containment was proven to hold.
///
/// `since` is the provider's time of the last containing action; what is listed happened after it.
pub fn success_after(activity: &Activity, since: DateTime<Utc>) -> Option<Finding> {
    let rows: Vec<usize> = activity
        .rows()
        .skip(activity.first_at_or_after(since + Duration::milliseconds(1)))
        .filter(|row| row.outcome() == Outcome::Success && row.lane() != Lane::AccountChange)
        .map(|row| row.index())
        .collect();
    let row = activity.row(*rows.first()?)?;
    Some(Finding {
        rule: Rule::SuccessAfterContainment,
        at: row.at(),
        row: row.index(),
        reason: crate::safe!("{} successes after containment", rows.len()),
        evidence: rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timeline::activity::Event;
    use rstest::rstest;

    /// Makes sign-ins of minutes, success and address.
    fn activity(rows: &[(i64, bool, &str)]) -> Activity {
        let mut activity = Activity::default();
        let event = |(index, (minute, succeeds, ip)): (usize, &(i64, bool, &str))| Event {
            id: Untrusted::new(index.to_string()),
            at: DateTime::<Utc>::UNIX_EPOCH + Duration::minutes(*minute),
            lane: Lane::SignIn,
            action: Untrusted::default(),
            outcome: if *succeeds {
                Outcome::Success
            } else {
                Outcome::Failure
            },
            ip: Some(Untrusted::new(*ip)),
            ..Event::default()
        };
        activity.merge(rows.iter().enumerate().map(event));
        activity
    }

    #[rstest]
    #[case::same_address(&[(100, false, "b"), (101, false, "b"), (102, true, "b")], Some("2 failures, then success"))]
    #[case::new_address(&[(0, true, "a"), (100, false, "b"), (101, false, "c"), (102, true, "d")], Some("2 failures, success from a new address"))]
    #[case::known_address_retried(&[(0, true, "a"), (100, false, "a"), (101, false, "a"), (102, true, "a")], Some("2 failures, then success"))]
    #[case::the_user_works_on_during_the_guessing(&[(0, true, "a"), (100, false, "b"), (101, false, "c"), (102, true, "a")], None)]
    #[case::too_few(&[(101, false, "b"), (102, true, "d")], None)]
    #[case::too_long_ago(&[(0, false, "b"), (1, false, "b"), (102, true, "d")], None)]
    #[case::told_once(&[(0, false, "b"), (1, false, "b"), (2, true, "d"), (3, true, "e")], Some("2 failures, success from a new address"))]
    fn failures_then_a_success(#[case] rows: &[(i64, bool, &str)], #[case] expected: Option<&str>) {
        let tuning = Tuning {
            failures: 2,
            ..Tuning::default()
        };
        let found = fail_then_success(&activity(rows), tuning);
        let reasons: Vec<&str> = found.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons, Vec::from_iter(expected));
    }
}
