//! How likely the account is compromised: proposed from findings with a visible sum, decided by a person.
//!
//! What must not live here: what is odd (`timeline::finding`), what is done about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::Safe;
use super::timeline::finding::{Confidence, Finding, Rule, Stage};
use crate::safe;

/// How likely it is that the account is in somebody else's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Confirmed, for instance by the user.
    Confirmed,
}

impl Likelihood {
    /// Lists all values from the lowest up.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Confirmed];

    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Confirmed => "CONFIRMED",
        }
    }
}

/// Points from which a compromise is of medium likelihood: one finding of medium confidence.
pub const MEDIUM: u32 = 15;
/// Points from which it is of high likelihood: one finding of high confidence, or three of medium.
pub const HIGH: u32 = 40;
/// Most points that findings of low confidence give together: without a better one they are no more than odd.
const MOST_OF_LOW: u32 = 20;

/// What one rule adds to the sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The rule.
    pub rule: Rule,
    /// The best confidence among its findings.
    pub confidence: Confidence,
    /// How many findings it made.
    pub count: usize,
    /// Points it adds, 0 where the sum of the low ones is full.
    pub points: u32,
    /// The reason of its best finding.
    pub reason: Safe,
}

/// What the findings speak for, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The proposed value.
    pub value: Likelihood,
    /// The sum of the parts.
    pub points: u32,
    /// One part a rule, the weightiest first.
    pub parts: Vec<Part>,
    /// Why it is proposed as confirmed, where it is.
    pub proof: Option<Safe>,
}

fn weight(confidence: Confidence) -> u32 {
    match confidence {
        Confidence::Low => 5,
        Confidence::Medium => MEDIUM,
        Confidence::High => HIGH,
    }
}

/// Proposes a likelihood from findings of one account; dismissed ones must be left out.
///
/// Each rule counts once, by its best finding: low 5 points (together at most 20), medium 15, high 40. From 15 points on
/// it is medium, from 40 on high. Confirmed is proposed for activity after the containment, and for a way in of high
/// confidence followed by a change of high confidence.
pub fn proposal<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Proposal {
    let mut best: BTreeMap<Rule, (&Finding, usize)> = BTreeMap::new();
    let (mut entry, mut act, mut proven) = (None, None, false);
    for finding in findings {
        let (known, count) = best.entry(finding.rule).or_insert((finding, 0));
        *count += 1;
        if finding.confidence > known.confidence {
            *known = finding;
        }
        let high = finding.confidence == Confidence::High;
        match finding.rule.stage() {
            Stage::Entry if high => entry = entry.into_iter().chain([finding.row]).min(),
            Stage::Act if high => act = act.into_iter().chain([finding.row]).max(),
            Stage::Proof => proven = true,
            _ => {}
        }
    }
    let mut parts: Vec<Part> = best
        .into_iter()
        .map(|(rule, (finding, count))| Part {
            rule,
            confidence: finding.confidence,
            count,
            points: weight(finding.confidence),
            reason: finding.reason.clone(),
        })
        .collect();
    parts.sort_by_key(|part| (std::cmp::Reverse(part.confidence), part.rule));
    let mut room = MOST_OF_LOW;
    for part in &mut parts {
        if part.confidence == Confidence::Low {
            part.points = part.points.min(room);
            room -= part.points;
        }
    }
    let points = parts
        .iter()
        .fold(0_u32, |sum, part| sum.saturating_add(part.points));
    let chain = entry.zip(act).is_some_and(|(entry, act)| entry <= act);
    let proof = if proven {
        Some("the account acted after its containment".into())
    } else if chain {
        Some("a way in and a change after it, both of high confidence".into())
    } else {
        None
    };
    let value = match points {
        _ if proof.is_some() => Likelihood::Confirmed,
        HIGH.. => Likelihood::High,
        MEDIUM.. => Likelihood::Medium,
        _ => Likelihood::Low,
    };
    Proposal {
        value,
        points,
        parts,
        proof,
    }
}

/// What policy says about risky sign-ins of one user, from their findings.
///
/// The first one at high severity: end the sessions. A second one within a day: a new password as well.
pub fn policy<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Option<Policy> {
    findings
        .into_iter()
        .filter_map(|finding| match finding.rule {
            Rule::SecondRiskySignIn => Some(Policy::ResetPassword),
            Rule::RiskySignIn if finding.confidence >= Confidence::Medium => {
                Some(Policy::RevokeSessions)
            }
            _ => None,
        })
        .max()
}

/// What policy recommends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// The first risky sign-in: end the sessions.
    RevokeSessions,
    /// The second within a day: reset the password.
    ResetPassword,
}

impl Policy {
    /// Says what it recommends, and why.
    pub fn reason(self) -> Safe {
        match self {
            Self::RevokeSessions => safe!("first risky sign-in: revoke the sessions"),
            Self::ResetPassword => {
                safe!("second risky sign-in within a day: reset the password too")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::Safe;
    use chrono::DateTime;
    use rstest::rstest;

    fn finding(rule: Rule, confidence: Confidence, row: usize) -> Finding {
        Finding {
            rule,
            at: DateTime::UNIX_EPOCH,
            row,
            user: None,
            evidence: vec![row],
            reason: Safe::fixed("why"),
            confidence,
        }
    }

    use Confidence::{High, Low, Medium};
    use Rule as R;

    #[rstest]
    #[case::nothing(&[], Likelihood::Low, 0)]
    #[case::low(&[(R::NewUserAgent, Low)], Likelihood::Low, 5)]
    #[case::one_rule_counts_once(&[(R::NewUserAgent, Low), (R::NewUserAgent, Low), (R::NewUserAgent, Low)], Likelihood::Low, 5)]
    #[case::low_ones_are_never_more_than_odd(&[(R::NewUserAgent, Low), (R::NewCountry, Low), (R::NewNetwork, Low), (R::NewDevice, Low), (R::MfaAdded, Low), (R::BruteForce, Low)], Likelihood::Medium, 20)]
    #[case::medium(&[(R::NewCountry, Medium)], Likelihood::Medium, 15)]
    #[case::three_of_medium(&[(R::NewCountry, Medium), (R::NewNetwork, Medium), (R::BruteForce, Medium)], Likelihood::High, 45)]
    #[case::one_of_high(&[(R::BruteForce, High)], Likelihood::High, 40)]
    #[case::two_ways_in_are_not_a_chain(&[(R::BruteForce, High), (R::NewCountry, High)], Likelihood::High, 80)]
    #[case::change_before_the_way_in(&[(R::MfaAdded, High), (R::BruteForce, High)], Likelihood::High, 80)]
    #[case::way_in_then_change(&[(R::BruteForce, High), (R::InboxForwarding, High)], Likelihood::Confirmed, 80)]
    #[case::after_the_containment(&[(R::SuccessAfterContainment, High)], Likelihood::Confirmed, 40)]
    fn proposed(
        #[case] found: &[(Rule, Confidence)],
        #[case] value: Likelihood,
        #[case] points: u32,
    ) {
        let made = |(row, (rule, confidence)): (usize, &(Rule, Confidence))| {
            finding(*rule, *confidence, row)
        };
        let found: Vec<Finding> = found.iter().enumerate().map(made).collect();
        let proposal = proposal(&found);
        assert_eq!((proposal.value, proposal.points), (value, points));
        let sum: u32 = proposal.parts.iter().map(|part| part.points).sum();
        assert_eq!(sum, proposal.points);
    }

    #[rstest]
    #[case(&[(R::RiskySignIn, Low)], None)]
    #[case(&[(R::RiskySignIn, Medium)], Some(Policy::RevokeSessions))]
    #[case(&[(R::RiskySignIn, High), (R::SecondRiskySignIn, Low)], Some(Policy::ResetPassword))]
    #[case(&[(R::BruteForce, High)], None)]
    fn risky_sign_ins(#[case] found: &[(Rule, Confidence)], #[case] expected: Option<Policy>) {
        let found: Vec<Finding> = found
            .iter()
            .map(|(rule, confidence)| finding(*rule, *confidence, 0))
            .collect();
        assert_eq!(policy(&found), expected);
    }
}
