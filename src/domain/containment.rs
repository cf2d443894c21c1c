//! Containing an account: kinds of action, plan, guards, confirmation, the state machine of an action.
//!
//! What must not live here: io, clocks, vendors' calls. Everything shown of an action is a fold over audit records.

pub mod administrators;
pub mod approval;
pub mod asked;
pub mod called;
pub mod campaign;
pub mod caps;
pub mod confirm;
pub mod consent;
pub mod counted;
pub mod credit;
pub mod foreign;
pub mod guard;
pub mod hold;
pub mod holding;
pub mod kind;
pub mod ledger;
pub mod need;
pub mod note;
pub mod outbox;
pub mod plan;
pub mod recovery_watch;
pub mod remnant;
pub mod risk;
pub mod rival;
#[cfg(test)]
pub(crate) mod samples;
pub mod standing;
pub mod state;
pub mod told;
mod typed;
