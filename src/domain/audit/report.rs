//! What records say of the reports that an analyst writes into a case.
//!
//! What must not live here: what follows from them (see `domain::report::documents`).

use serde::{Deserialize, Serialize};

use super::long;
use crate::domain::ids::{CaseId, RecordId};
use crate::domain::text::Untrusted;

/// A part of a report of the analyst that was confirmed for the case; written with all its other parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentWritten {
    /// The report.
    pub rid: RecordId,
    /// The case.
    pub case: CaseId,
    /// What kind: `phase`, `lessons_learned`, `feedback`, `handover`.
    pub kind: String,
    /// The runbook's name of the phase.
    #[serde(with = "long")]
    pub name: Untrusted,
    /// Who stands under it.
    #[serde(with = "long")]
    pub by: Untrusted,
    /// Which part, from 0.
    pub part: u32,
    /// How many parts.
    pub parts: u32,
    /// The text of this part as typed.
    #[serde(with = "long")]
    pub text: Untrusted,
}

/// A report is in the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentPosted {
    /// The report.
    pub rid: RecordId,
    /// The vendor's id of the comment.
    #[serde(with = "long")]
    pub comment: Untrusted,
}
