//! Comments of ours in the open case: which are there, which were deleted, and what they show of the phases.
//!
//! What must not live here: what follows for the items of the list (`evidence`).

use chrono::{DateTime, Utc};

use crate::app::model::{Model, OpenCase};
use crate::domain::freshness::clock_word;
use crate::domain::ids::CaseId;
use crate::domain::report::Subject;
use crate::domain::runbook::Phase;
use crate::domain::runbook::binding::{Evidence, EvidenceKind};
use crate::domain::text::Untrusted;
use crate::safe;

/// Looks which comments of ours are no longer among those that were just read of the open case.
pub(super) fn comments_read(model: &mut Model) {
    let now = model.now.utc;
    let Some(open) = &model.open else {
        return;
    };
    let Some(file) = open.file.ready() else {
        return;
    };
    // A comment that could not be read may be the one.
    if !file.faults.is_empty() {
        return;
    }
    let there = file.comments.clone();
    let ours = posted(model, &open.id);
    if let Some(open) = &mut model.open {
        open.comments.read(&there, ours, now);
    }
}

/// Lists the comments that are on record as being in a case, with when that was recorded.
fn posted(model: &Model, case: &CaseId) -> Vec<(Untrusted, DateTime<Utc>)> {
    let work = model.casework.case(case);
    let of_records = work
        .iter()
        .flat_map(|work| work.posted.iter().map(|(id, at)| (id.clone(), *at)));
    let reports = model.ledger.documents().of_case(case);
    let of_reports = reports.filter_map(|one| Some((one.comment.clone()?, one.posted?)));
    of_records.chain(of_reports).collect()
}

/// Says that a comment documents a phase, or that it did and somebody deleted it.
pub(super) fn comment(
    open: &OpenCase,
    id: Option<&Untrusted>,
    at: DateTime<Utc>,
    phase: Phase,
) -> Evidence {
    let gone = id.and_then(|id| open.comments.gone(id));
    let (kind, at, source) = if let Some(gone) = gone {
        let said = safe!(
            "its comment is gone from the case, seen {}",
            clock_word(gone)
        );
        (EvidenceKind::CommentGone, gone, said)
    } else {
        let said = safe!("comment posted {}", clock_word(at));
        (EvidenceKind::CommentPosted, at, said)
    };
    Evidence {
        kind,
        at,
        source: Untrusted::new(source.as_str()),
        phase: Some(phase),
    }
}

/// Says of each phase's report whether it is in the case.
pub(super) fn documented(model: &Model, open: &OpenCase) -> Vec<Evidence> {
    let reports = model.ledger.documents().of_case(&open.id);
    reports
        .filter_map(|one| {
            let id = one.comment.as_ref()?;
            let sections = &crate::app::report::root(model).0.sections;
            let section = sections.iter().find(|section| {
                Subject::of_phase(&section.name, section.picerl) == one.target.subject
            });
            let at = one.posted.unwrap_or(one.at);
            Some(comment(open, Some(id), at, section?.picerl?))
        })
        .collect()
}
