//! What the console knows and decides: model, message, update, effect, command, keymap.
//!
//! Pure: time comes inside messages, the world is asked by effects. What must not live here: io, clocks, async,
//! anything of the layout.

pub mod actions;
pub mod alerts;
pub mod approvals;
pub mod checklist;
pub mod command;
pub mod decision;
mod deeds;
pub mod effect;
pub mod keymap;
pub mod left;
pub mod local;
pub mod message;
pub mod model;
pub mod ready;
pub mod related;
pub mod report;
mod trace;
pub mod unrecorded;
pub mod update;
pub mod wall;
pub mod window;
