//! Integration tests.

mod architecture;
mod audit;
mod config;
mod drill;
mod harness;
mod hostile;
mod perms;
mod runbooks;
mod scalars;
mod spec;
mod wire;
