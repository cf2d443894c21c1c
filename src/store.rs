//! What is kept on disk: the audit log, and where state lives; runbooks that lie there.
//!
//! What must not live here: what records mean (`domain`), when they are written (`engine`).

pub mod audit;
pub mod drafts;
pub mod files;
pub mod lease;
pub mod places;
pub mod process;
pub mod runbooks;
pub mod secret;
pub mod state;
pub mod systems;
