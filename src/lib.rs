//! quell: a terminal console for on-call security analysts.

pub mod app;
pub mod cli;
pub mod config;
pub mod connect;
pub mod domain;
pub mod drill;
pub mod engine;
pub mod store;
pub mod terminal;
pub mod ui;
