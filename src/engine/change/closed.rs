//! How a case was closed: whether what is read of it is what was wanted.
//!
//! What must not live here: sending and recording (see the module above).

use crate::connect::capability::{Cases, ConnectError};
use crate::domain::case::Case;
use crate::domain::fault::Fault;
use crate::domain::ids::CaseId;
use crate::domain::verdict::Closing;
use crate::safe;

/// Reads a case, and whether it holds verdict and comment of a closing; `None` where its case system does not tell.
pub(in crate::engine) async fn bears(
    source: &dyn Cases,
    id: &CaseId,
    closing: &Closing,
) -> Result<(Case, Option<bool>), ConnectError> {
    source.closed_as(id, closing).await
}

/// Says that a case is closed, but not as it was to be.
pub(super) fn otherwise(after: &Case, answer: &Result<(), ConnectError>) -> Fault {
    let status = after.vendor_status.field();
    Fault::new(match answer {
        // It may still arrive.
        Err(_) if super::may_happen(answer) => safe!("it is closed as {}", status),
        Err(error) => safe!("it is closed by others as {}: {}", status, error.what),
        Ok(()) => safe!(
            "it is closed by others as {}: the closing was accepted, and its verdict or comment is not there",
            status
        ),
    })
}
