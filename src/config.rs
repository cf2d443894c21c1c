//! Text to settings: every fault is collected with its file, line and hint; layers and who wins.
//!
//! Pure: `store` and `cli` read the files. What must not live here: io, secrets themselves (only where they come from).

mod canonical;
mod connection;
pub mod duration;
mod entra;
pub mod escalation;
pub mod fault;
pub mod nearest;
mod oauth_client;
pub mod parse;
pub mod policy;
mod runbook;
pub mod sample;
mod secret;
mod section;
mod service_app;
pub mod settings;
pub mod terminal;
mod timeline;
mod wall;
