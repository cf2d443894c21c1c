//! What the console finds odd in an activity, each with its rule, its reason and the rows it rests on.

use chrono::{DateTime, Duration, Utc};

use super::activity::{Activity, Outcome, Row};
use super::lane::Lane;
use crate::domain::text::Safe;

/// Which rule found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Several failed sign-ins, then a success from the same address.
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

/// Finds failed sign-ins followed by a success from the same address.
pub fn fail_then_success(activity: &Activity, tuning: Tuning) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut failures: Vec<Row<'_>> = Vec::new();
    for row in activity.rows().filter(|row| row.lane() == Lane::SignIn) {
        match row.outcome() {
            Outcome::Failure => failures.push(row),
            Outcome::Success => {
                let start = row.at() - tuning.window;
                let evidence: Vec<usize> = failures
                    .iter()
                    .filter(|fail| fail.at() >= start && fail.ip() == row.ip())
                    .map(Row::index)
                    .collect();
                if evidence.len() >= tuning.failures {
                    let count = evidence.len();
                    failures.retain(|fail| fail.ip() != row.ip());
                    findings.push(Finding {
                        rule: Rule::BruteForce,
                        at: row.at(),
                        row: row.index(),
                        evidence: evidence.into_iter().chain([row.index()]).collect(),
                        reason: crate::safe!("{} failures, then success", count),
                    });
                }
                failures.retain(|fail| fail.at() >= start);
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
