//! The terminal: raw mode, keys in, bytes out.
//!
//! Every byte for the terminal goes through [`egress`]. What must not live here: what is drawn (that is
//! `ui`), what keys mean (that is `app`).

pub mod egress;
pub mod signal;
