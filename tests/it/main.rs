//! Integration tests.

mod drill;
mod runbooks;
