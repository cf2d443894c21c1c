//! Comments that their case system took more than once and never showed: they are posted no more, only looked for.
//!
//! What must not live here: posting, when a comment is looked for.

use std::sync::PoisonError;

use crate::app::message::Level;
use crate::domain::fault::Fault;
use crate::engine::World;

/// What becomes of such a comment.
const HINT: &str = "it is not posted again, only looked for, also after a restart; \
                    look into the case there: a rule or a view may hide it";

/// Tells whether a comment is only looked for from now on.
pub(super) fn is_hidden(world: &World, marker: &str) -> bool {
    world
        .journal
        .with(|ledger| ledger.outbox().is_hidden(marker))
}

/// Says what is known of such a comment.
pub(super) fn fault() -> Fault {
    Fault::new("the case system took the comment twice and shows none").hint(HINT)
}

/// Says that a comment is not in its case yet; once where it is only looked for, however often that is.
pub(in crate::engine) async fn missing(world: &World, marker: &str, mut fault: Fault) {
    if is_hidden(world, marker) {
        fault.hint = Some(HINT.into());
        let said = (marker.to_owned(), fault.what.clone());
        let is_new = world
            .missing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(said);
        if !is_new {
            return;
        }
    }
    world.notice(Level::Warning, fault).await;
}

/// Forgets what was said of a comment: who asks for it is told again.
pub(super) fn say_again(world: &World, marker: &str) {
    world
        .missing
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|(said, _)| said != marker);
}
