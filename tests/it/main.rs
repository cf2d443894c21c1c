//! Integration tests.

mod architecture;
mod audit;
mod config;
mod connectors;
mod drill;
mod harness;
mod hostile;
mod perms;
mod raw_http;
mod runbooks;
mod scalars;
mod spec;
mod wire;
mod wiretap;
