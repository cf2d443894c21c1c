//! What the providers say alike that keep no risk of an account.
//!
//! What must not live here: a vendor's requests.

use super::{ConnectError, Lacking};
use crate::domain::text::Safe;
use crate::safe;

fn reason(vendor: &'static str) -> Safe {
    safe!("{} keeps no risk state", vendor)
}

/// Says that nothing of a risk is told to a vendor.
pub(crate) fn keeps_none(vendor: &'static str) -> Lacking {
    Lacking {
        reason: reason(vendor),
    }
}

/// Says that no request to a vendor tells anything of a risk.
pub(crate) fn no_risk(vendor: &'static str) -> ConnectError {
    ConnectError::unsent(reason(vendor))
}
