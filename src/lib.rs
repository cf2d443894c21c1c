//! quell: a terminal console for on-call security analysts.

pub mod domain;
