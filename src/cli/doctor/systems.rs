//! What the doctor finds of whose records the state directory holds.
//!
//! What must not live here: taking the directory for other systems (`cli::systems`, at a start).

use super::action::Stops;
use super::host::Judged;
use super::{Verdict, check, of_fault};
use crate::cli::{compose, systems};
use crate::config::settings::Settings;
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::safe;
use crate::store::state::StateDir;
use crate::store::systems::Turn;

/// Says whether the records in the state directory are of the systems of this configuration.
pub(super) fn judged(state: &StateDir, settings: &Settings, now: Moment) -> Judged {
    const WHAT: &str = "systems";
    let root = state.root();
    let Some(fault) = systems::look(root, settings).against else {
        let found = "the state directory belongs to those of this configuration";
        return Judged {
            checks: vec![check(WHAT, Verdict::Ok, found)],
            ..Judged::default()
        };
    };
    let who = compose::identity();
    let Some(why) = systems::in_use(state, &Turn::wait(root), &who, now.utc) else {
        let found = safe!(
            "{}; no work was done with it: the next start takes it over",
            fault.what
        );
        let mut line = check(WHAT, Verdict::Warning, found);
        line.hint = fault.hint;
        return Judged {
            checks: vec![line],
            ..Judged::default()
        };
    };
    let what = safe!("{}; {}", fault.what, why);
    let stop = safe!("the console does not start: {}", what);
    let line = Fault { what, ..fault };
    Judged {
        checks: vec![of_fault(WHAT, line)],
        stops: Stops::of_all(stop),
    }
}
