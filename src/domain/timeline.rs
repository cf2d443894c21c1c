//! The activity of one user: events in columns, lanes, findings with their evidence.
//!
//! What must not live here: vendors' shapes (they decode in `connect`), layout, io.

pub mod activity;
pub mod annotation;
pub mod event;
pub mod export;
pub mod filter;
pub mod finding;
pub mod lane;
pub mod summary;
pub mod zone;
