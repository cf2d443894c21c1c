//! Integration tests.

mod architecture;
mod audit;
mod audit_seal;
mod config;
mod connectors;
mod contain;
mod doctor;
mod drill;
mod guards;
mod harness;
mod hostile;
mod hostile_http;
mod perms;
mod pty;
mod random_keys;
mod raw_http;
mod readme;
mod runbooks;
mod scalars;
mod scene;
mod screens;
mod spec;
mod spec_requests;
mod story;
mod wire;
mod wiretap;
