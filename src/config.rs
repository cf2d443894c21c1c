//! Text to settings: every fault is collected with its file, line and hint; layers and who wins.
//!
//! Pure: `store` and `cli` read the files. What must not live here: io, secrets themselves (only where they come from).

pub mod settings;
