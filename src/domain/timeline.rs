//! The activity of one user: events in columns, lanes, findings with their evidence.
//!
//! What must not live here: vendors' shapes (they decode in `connect`), layout, io.

pub mod activity;
pub mod event;
pub mod export;
pub mod finding;
pub mod lane;
