//! The words of the field and their rules: pure, and the ground of everything else.
//!
//! What must not live here: io, clocks, async, vendor types, anything of the screen.

pub mod account;
pub mod audit;
pub mod case;
pub mod casework;
pub mod containment;
pub mod escalation;
pub mod fault;
pub mod freshness;
pub mod ids;
pub mod likelihood;
pub mod mirror;
pub mod one_time;
pub mod operator;
pub mod phase;
pub mod report;
pub mod runbook;
pub mod severity;
pub mod text;
pub mod timeline;
pub mod verdict;
