//! Integration tests.

mod audit;
mod drill;
mod harness;
mod config;
mod perms;
mod runbooks;
mod spec;
