//! The comments of a console whose audit log is BROKEN or cut: what they say first, and which records wait for a person.
//!
//! What must not live here: whether the log is in doubt (`engine::journal`, `engine::anchored`), the words (`domain`), posting.

use std::sync::PoisonError;

use crate::app::message::Level;
use crate::domain::containment::note::{doubted, hedged, marker};
use crate::domain::fault::Fault;
use crate::domain::ids::{PlanId, SessionId};
use crate::engine::World;
use crate::engine::anchored::Round;
use crate::safe;

/// Gives a comment with the warning before it, where the log is in doubt.
pub(super) fn warn_first(world: &World, text: String) -> String {
    if world.journal.is_in_doubt() {
        doubted(&text)
    } else {
        text
    }
}

/// Gives a comment that the console composed, claiming no more than is known, where the log is in doubt.
pub(super) fn hedge(world: &World, text: String) -> String {
    if world.journal.is_in_doubt() {
        hedged(&text)
    } else {
        text
    }
}

/// Holds the log against the case of a plan from before this console was started: what is not in the log any more may be
/// told there, and its record must not be taken for that of what is.
pub(super) async fn look(world: &World, pid: &PlanId) {
    if !is_earlier(pid, world.journal.session()) {
        return;
    }
    let plan = world.journal.plan(pid);
    if let Some(action) = plan.first() {
        Round::default().look(world, &action.case).await;
    }
}

/// Tells whether the record of a plan waits for a person, and rings for it once: nothing but a log that is in doubt says
/// what came of a plan from before this console was started.
pub(super) async fn waits(world: &World, pid: &PlanId) -> bool {
    if !world.journal.is_in_doubt() || !is_earlier(pid, world.journal.session()) {
        return false;
    }
    let plan = world.journal.plan(pid);
    let Some(action) = plan.first() else {
        return false;
    };
    let what = safe!(
        "the record of the response to {} is not posted: the audit log it comes from is BROKEN or cut",
        action.login.field()
    );
    // A mark of its own: whoever asks for the comment is not rung for again while it is on its way.
    let said = (format!("{} in doubt", marker(pid)), what.clone());
    let is_new = world
        .missing
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(said);
    if is_new {
        let hint =
            "look at the provider; `d` posts it all the same, with that warning as its first line";
        let fault = Fault::new(what).hint(hint);
        world.notice(Level::Alarm, fault).await;
    }
    true
}

/// Tells whether a plan was made before a session began: both ids begin with their time and sort by it. A clock that was
/// set back makes a plan look older, and then it waits.
fn is_earlier(pid: &PlanId, session: &SessionId) -> bool {
    pid.as_str() < session.as_str()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples::at;

    #[rstest]
    #[case::before(-1, true)]
    #[case::long_before(-40_000_000, true)]
    #[case::after(1, false)]
    #[case::long_after(40_000_000, false)]
    fn a_plan_is_of_an_earlier_session_by_its_time(#[case] seconds: i64, #[case] expected: bool) {
        let session = SessionId::from_parts(at(0), 7);
        let pid = PlanId::from_parts(at(seconds), 7);
        assert_eq!(is_earlier(&pid, &session), expected);
    }
}
