//! What the command line offers: one file a subcommand.
//!
//! What must not live here: anything a second subcommand or the console needs too.

pub mod audit;
