//! Integration tests.

mod audit;
mod drill;
mod harness;
mod runbooks;
mod spec;
