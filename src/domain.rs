//! The words of the field and their rules: pure, and the ground of everything else.
//!
//! What must not live here: io, clocks, async, vendor types, anything of the screen.

pub mod audit;
pub mod ids;
pub mod phase;
pub mod runbook;
pub mod text;
