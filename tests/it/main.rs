//! Integration tests.

mod runbooks;
