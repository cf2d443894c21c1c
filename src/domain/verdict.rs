//! How a case ends: the verdict with its impact, and the words that stand under it.
//!
//! What must not live here: a vendor's words for them (`connect`), sending (`engine`).

use super::case::Case;
use super::ids::AccountId;
use super::text::{Safe, Untrusted};
use crate::safe;

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
    /// Accounts the analyst was shown as contained or not over from the case; others stop the closing.
    pub known: Vec<AccountId>,
}

impl Closing {
    /// Gives the verdict and comment of a promise on record; no comment where the record does not keep it whole.
    pub fn on_record(to: &Untrusted, comment: Option<&Untrusted>) -> Option<Self> {
        let verdict = Verdict::ALL.into_iter().find(|one| one.key() == to.raw())?;
        let is_cut = |comment: &&Untrusted| {
            let raw = comment.raw();
            raw.contains(" [cut: ") && raw.ends_with(']')
        };
        let comment = comment.filter(|comment| !is_cut(comment)).cloned();
        Some(Self {
            verdict,
            comment: comment.unwrap_or_default(),
            open_tasks: Vec::new(),
            known: Vec::new(),
        })
    }
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

/// Judges by the case as it is now what came of a change that was cut off: whether it happened, and what to say.
///
/// `from` and `to` are what was promised: owners, or status and verdict. `bears` tells whether a closed case holds verdict and
/// comment of the closing, where its case system tells that.
pub fn came_of(
    kind: &str,
    (from, to): (&Untrusted, &Untrusted),
    (case, bears): (&Case, Option<bool>),
) -> (bool, Safe) {
    let owner = match &case.assignee {
        Some(owner) => safe!("it belongs to {}", owner.field()),
        None => "it belongs to nobody".into(),
    };
    let status = case.vendor_status.field();
    match kind {
        CLAIM if case.assignee.as_ref() == Some(to) => (true, owner),
        RELEASE if case.assignee.as_ref() != Some(from) => (true, owner),
        CLOSE if !case.status.is_open() && bears == Some(false) => (
            false,
            safe!("it does not stand: closed by others as {}", status),
        ),
        CLOSE if !case.status.is_open() => (true, safe!("it is closed ({})", status)),
        CLAIM | RELEASE => (false, safe!("it did not happen, {}", owner)),
        CLOSE => (
            false,
            safe!("it did not happen, the case is open ({})", status),
        ),
        _ => (false, "it did not happen, the case stands by itself".into()),
    }
}

/// Tells whether a kind of record write changes a case itself, rather than adding to it.
pub fn changes_case(kind: &str) -> bool {
    [CLAIM, RELEASE, CLOSE, MERGE].contains(&kind)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples::case as id;
    use crate::domain::severity::{CaseStatus, Severity};

    fn sample() -> Case {
        Case {
            id: id(),
            number: Some(14),
            title: "t".into(),
            description: Untrusted::default(),
            severity: Severity::High,
            status: CaseStatus::New,
            vendor_status: "New".into(),
            assignee: None,
            created: DateTime::UNIX_EPOCH,
            updated: None,
            tags: Vec::new(),
            fields: Vec::new(),
        }
    }

    #[rstest]
    #[case(CLAIM, Some("kim"), CaseStatus::New, true, "it belongs to kim")]
    #[case(
        CLAIM,
        Some("mo"),
        CaseStatus::New,
        false,
        "it did not happen, it belongs to mo"
    )]
    #[case(
        CLAIM,
        None,
        CaseStatus::New,
        false,
        "it did not happen, it belongs to nobody"
    )]
    #[case(RELEASE, None, CaseStatus::New, true, "it belongs to nobody")]
    #[case(
        RELEASE,
        Some("ash"),
        CaseStatus::New,
        false,
        "it did not happen, it belongs to ash"
    )]
    #[case(CLOSE, None, CaseStatus::Closed, true, "it is closed (word)")]
    #[case(
        CLOSE,
        None,
        CaseStatus::New,
        false,
        "it did not happen, the case is open (word)"
    )]
    #[case(
        MERGE,
        None,
        CaseStatus::New,
        false,
        "it did not happen, the case stands by itself"
    )]
    fn the_case_itself_says_what_came_of_a_change(
        #[case] kind: &str,
        #[case] owner: Option<&str>,
        #[case] status: CaseStatus,
        #[case] done: bool,
        #[case] word: &str,
    ) {
        let case = Case {
            assignee: owner.map(Untrusted::new),
            status,
            vendor_status: "word".into(),
            ..sample()
        };
        let (came, said) = came_of(kind, (&"ash".into(), &"kim".into()), (&case, None));
        assert_eq!((came, said.as_str()), (done, word));
    }

    #[rstest]
    #[case::as_wanted(Some(true), true, "it is closed (TruePositive)")]
    #[case::not_told(None, true, "it is closed (TruePositive)")]
    #[case::otherwise(
        Some(false),
        false,
        "it does not stand: closed by others as TruePositive"
    )]
    fn a_closing_is_done_only_where_the_case_bears_its_verdict(
        #[case] bears: Option<bool>,
        #[case] done: bool,
        #[case] word: &str,
    ) {
        let case = Case {
            status: CaseStatus::Closed,
            vendor_status: "TruePositive".into(),
            ..sample()
        };
        let promised = (&"New".into(), &Verdict::FalsePositive.key().into());
        let (came, said) = came_of(CLOSE, promised, (&case, bears));
        assert_eq!((came, said.as_str()), (done, word));
    }

    #[rstest]
    #[case::whole(Some("a [cut: of] test"), "a [cut: of] test")]
    #[case::cut(Some("a tes [cut: 9000 bytes, sha256 00]"), "")]
    #[case::none(None, "")]
    fn a_closing_on_record_has_its_comment_only_where_that_is_whole(
        #[case] comment: Option<&str>,
        #[case] expected: &str,
    ) {
        let comment = comment.map(Untrusted::new);
        for verdict in Verdict::ALL {
            let closing = Closing::on_record(&verdict.key().into(), comment.as_ref());
            let closing = closing.map(|one| (one.verdict, one.comment.raw().to_owned()));
            assert_eq!(closing, Some((verdict, expected.to_owned())));
        }
        assert_eq!(Closing::on_record(&"newer".into(), comment.as_ref()), None);
    }
}
