//! The terminal: raw mode, keys in, bytes out.
//!
//! Every byte for the terminal goes through [`egress`]; [`session`] takes the terminal and gives it back, [`backend`]
//! turns cells into few bytes, [`input`] turns keys into messages,
//! [`decode`] tells keys from answers. What must not live here: what is drawn (that is
//! `ui`), what keys mean (that is `app`).

pub mod backend;
pub mod decode;
pub mod egress;
pub mod features;
pub mod input;
pub mod outflow;
pub mod session;
pub mod signal;
