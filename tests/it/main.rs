//! Integration tests.

mod drill;
mod harness;
mod runbooks;
mod spec;
