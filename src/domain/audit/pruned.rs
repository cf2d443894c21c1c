//! What a record says of a closed segment that is removed on purpose.
//!
//! What must not live here: removing it (see `store::audit`), judging that it is gone (see `verify`).

use serde::{Deserialize, Serialize};

/// A closed segment is about to be removed on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentPruned {
    /// Its number.
    pub segment: u64,
    /// Number of its last record.
    pub n: u64,
    /// Hash of its last record, hex.
    pub h: String,
}
