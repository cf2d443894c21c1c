//! How a case ends: the verdict with its impact, and the words that stand under it.
//!
//! What must not live here: a vendor's words for them (`connect`), sending (`engine`).

use super::case::Case;
use super::ids::{ActionId, RecordId};
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
    /// Disablings and enablings the analyst was shown as standing or not over; others of the case stop the closing.
    pub known: Vec<ActionId>,
}

impl Closing {
    /// Gives the verdict of a promise on record with its comment, which is empty where it is not known whole.
    pub fn on_record(to: &Untrusted, comment: Option<&Untrusted>) -> Option<Self> {
        let verdict = Verdict::ALL.into_iter().find(|one| one.key() == to.raw())?;
        Some(Self {
            verdict,
            comment: comment.cloned().unwrap_or_default(),
            open_tasks: Vec::new(),
            known: Vec::new(),
        })
    }
}

/// Gives the mark of the promise of a change.
pub fn marker(kind: &str, rid: &RecordId) -> String {
    format!("quell-{kind}:{rid}")
}

/// Gives the text whose SHA-256 stands in the promise of a change.
pub fn promised_text(kind: &str, to: &Untrusted, comment: Option<&Untrusted>) -> String {
    match comment {
        Some(comment) => format!("{kind} {}\n{}", to.raw(), comment.raw()),
        None => format!("{kind} {}", to.raw()),
    }
}

/// Tells whether a comment on record is the whole one. A long one is cut there, and then ends with words that anybody may have
/// typed: of such a one the promise decides, by its SHA-256; `is_promised` tells whether a text is that of the promise.
pub fn is_whole(
    (to, comment): (&Untrusted, &Untrusted),
    is_promised: impl FnOnce(&str) -> bool,
) -> bool {
    let raw = comment.raw();
    let may_be_cut = raw.contains(" [cut: ") && raw.ends_with(']');
    !raw.is_empty() && (!may_be_cut || is_promised(&promised_text(CLOSE, to, Some(comment))))
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
/// comment of the closing, where that is known; without it a closed case proves nothing: others may have closed it.
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
        CLOSE if !case.status.is_open() && bears.is_none() => (
            false,
            safe!(
                "it is closed ({}), and whether as it was to be is not known",
                status
            ),
        ),
        CLOSE if !case.status.is_open() => (true, safe!("it is closed ({})", status)),
        CLAIM | RELEASE => (false, safe!("it does not stand, {}", owner)),
        CLOSE => (
            false,
            // Whether it never was, or others opened the case again, a case that is open does not tell.
            safe!(
                "it does not stand, the case is open ({}), again or still",
                status
            ),
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
        "it does not stand, it belongs to mo"
    )]
    #[case(
        CLAIM,
        None,
        CaseStatus::New,
        false,
        "it does not stand, it belongs to nobody"
    )]
    #[case(RELEASE, None, CaseStatus::New, true, "it belongs to nobody")]
    #[case(
        RELEASE,
        Some("ash"),
        CaseStatus::New,
        false,
        "it does not stand, it belongs to ash"
    )]
    #[case(
        CLOSE,
        None,
        CaseStatus::Closed,
        false,
        "it is closed (word), and whether as it was to be is not known"
    )]
    #[case(
        CLOSE,
        None,
        CaseStatus::New,
        false,
        "it does not stand, the case is open (word), again or still"
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
    #[case::not_told(
        None,
        false,
        "it is closed (TruePositive), and whether as it was to be is not known"
    )]
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
    #[case::typed_whole("a [cut: of] test", "a [cut: of] test", true)]
    #[case::typed_like_a_cut_one("a test [cut: of ours]", "a test [cut: of ours]", true)]
    #[case::cut("a test of ours", "a tes [cut: 9000 bytes, sha256 00]", false)]
    #[case::none("", "", false)]
    fn a_cut_comment_is_not_known_by_its_words(
        #[case] typed: &str,
        #[case] on_record: &str,
        #[case] expected: bool,
    ) {
        let to: Untrusted = Verdict::FalsePositive.key().into();
        let promised = promised_text(CLOSE, &to, Some(&typed.into()));
        let whole = is_whole((&to, &on_record.into()), |text| text == promised);
        assert_eq!(whole, expected);
    }

    #[test]
    fn a_closing_on_record_has_a_verdict_that_is_known() {
        let comment: Untrusted = "a test".into();
        for verdict in Verdict::ALL {
            let closing = Closing::on_record(&verdict.key().into(), Some(&comment));
            let closing = closing.map(|one| (one.verdict, one.comment));
            assert_eq!(closing, Some((verdict, comment.clone())));
        }
        assert_eq!(Closing::on_record(&"newer".into(), Some(&comment)), None);
    }
}
