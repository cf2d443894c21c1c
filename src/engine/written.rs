//! Whether what was typed is on record: the console keeps each text until it hears of it.
//!
//! What must not live here: what the texts are recorded as.

use std::sync::Arc;

use super::World;
use crate::app::message::{Level, Message};
use crate::domain::audit::Body;
use crate::domain::fault::Fault;
use crate::safe;

/// Records bodies; their place in the log is fixed by the call, so the order of effects is the order of records.
///
/// The journal tells the console when it fails. Under a `number` somebody waits for the text that is in them.
pub(super) fn record(
    world: Arc<World>,
    bodies: Vec<Body>,
    number: Option<u64>,
) -> impl Future<Output = ()> + Send + 'static {
    let appended = world.journal.append(bodies);
    async move {
        let refused = appended.await.err();
        if number.is_none() {
            return;
        }
        let refused = refused.map(|fault| {
            let what = safe!("what you typed is not recorded: {}", fault.what);
            let hint = fault.hint;
            (Level::Error, Fault { what, hint })
        });
        tell(&world, number, refused).await;
    }
}

/// Says whether a text is on record; of one that nobody waits for only that it is not.
pub(super) async fn tell(world: &World, number: Option<u64>, refused: Option<(Level, Fault)>) {
    match (number, refused) {
        (Some(number), refused) => world.tell(Message::Written { number, refused }).await,
        (None, Some((level, fault))) => world.notice(level, fault).await,
        (None, None) => {}
    }
}
