//! How a case ends: the verdict with its impact, and the words that stand under it.
//!
//! What must not live here: a vendor's words for them (`connect`), sending (`engine`).

use super::text::Untrusted;

/// What a case turned out to be, after OCSF's `verdict_id`, with the impact beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It was an attack, and it did harm.
    TrueWithImpact,
    /// It was an attack, and it did no harm.
    TrueWithoutImpact,
    /// It was none.
    FalsePositive,
    /// What is known does not tell.
    InsufficientData,
    /// Another case is about the same.
    Duplicate,
    /// None of these; the comment says what.
    Other,
}

impl Verdict {
    /// Lists them in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::TrueWithImpact,
        Self::TrueWithoutImpact,
        Self::FalsePositive,
        Self::InsufficientData,
        Self::Duplicate,
        Self::Other,
    ];

    /// Gives the words shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::TrueWithImpact => "true positive, with impact",
            Self::TrueWithoutImpact => "true positive, no impact",
            Self::FalsePositive => "false positive",
            Self::InsufficientData => "insufficient data",
            Self::Duplicate => "duplicate",
            Self::Other => "other",
        }
    }

    /// Gives the word it has in records.
    pub fn key(self) -> &'static str {
        match self {
            Self::TrueWithImpact => "true_positive_impact",
            Self::TrueWithoutImpact => "true_positive",
            Self::FalsePositive => "false_positive",
            Self::InsufficientData => "insufficient_data",
            Self::Duplicate => "duplicate",
            Self::Other => "other",
        }
    }
}

/// How a case is to be closed: verdict and comment, in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// What it turned out to be.
    pub verdict: Verdict,
    /// Why, in the analyst's words.
    pub comment: Untrusted,
    /// Ids of the open tasks the analyst was shown; others that are open stop the closing.
    pub open_tasks: Vec<Untrusted>,
}

/// One change of a case in its case system that is no comment and no task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseChange {
    /// The operator becomes the owner; what the console showed as owner before.
    Claim {
        /// The owner on the screen, who must still be the owner when it is sent.
        seen: Option<Untrusted>,
    },
    /// Nobody owns it any more.
    Release,
    /// It is closed.
    Close(Closing),
}

impl CaseChange {
    /// Gives the word of its records.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Claim { .. } => CLAIM,
            Self::Release => RELEASE,
            Self::Close(_) => CLOSE,
        }
    }
}

/// `kind` of the record that promises a claim.
pub const CLAIM: &str = "claim";
/// `kind` of the record that promises a release.
pub const RELEASE: &str = "release";
/// `kind` of the record that promises a closing.
pub const CLOSE: &str = "close";
/// `kind` of the record that promises a merge.
pub const MERGE: &str = "merge";

/// Tells whether a kind of record write changes a case itself, rather than adding to it.
pub fn changes_case(kind: &str) -> bool {
    [CLAIM, RELEASE, CLOSE, MERGE].contains(&kind)
}
