//! What the analyst writes for a case: put on record first, then posted.
//!
//! What must not live here: posting.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{begin, login};
use crate::app::message::Level;
use crate::domain::audit::{Body, TimelineSaid};
use crate::domain::containment::outbox::{NOTE, pieces};
use crate::domain::containment::plan::hex;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, RecordId};
use crate::domain::report::Target;
use crate::domain::text::Untrusted;
use crate::engine::{World, clock, documents};
use crate::safe;

/// Takes a note of the analyst: durable first, so that neither a failed post nor the end of the process loses it.
///
/// `phase` is the code of the phase it documents, if it does.
///
/// `draft` is where it was kept while it was typed; it is removed once the note is on record. `first` are the records of
/// what was decided and is told by it: they are written with it, or neither is.
pub(in crate::engine) async fn note(
    world: Arc<World>,
    case: CaseId,
    text: Untrusted,
    (phase, draft): (Option<String>, Option<Target>),
    first: Vec<Body>,
) {
    let kept = draft.as_ref().and_then(|of| documents::rid_of(&world, of));
    let rid = kept.unwrap_or_else(|| RecordId::from_parts(world.clock.now().utc, clock::random()));
    let recorded = promise(&world, case, text, (rid.clone(), phase), first).await;
    if let Some(of) = &draft {
        if recorded {
            documents::done(&world, of).await;
        } else {
            documents::close(&world, of);
        }
    }
    if recorded {
        begin(&world, &rid).await;
    }
}

/// Takes an event for the case: a note whose id follows from case and event, so that it is posted once by whatever console.
pub(in crate::engine) async fn event(
    world: Arc<World>,
    case: CaseId,
    text: Untrusted,
    mut said: TimelineSaid,
) {
    let named = format!("{}\n{}", case.with_connection().as_str(), said.event.raw());
    let digest = Sha256::digest(named.as_bytes());
    let half = digest.iter().take(16);
    let number = half.fold(0u128, |number, byte| (number << 8) | u128::from(*byte));
    let rid = RecordId::from_parts(said.at.unwrap_or_default(), number);
    said.rid = Some(rid.clone());
    let first = vec![Body::TimelineSaid(said)];
    if promise(&world, case, text, (rid.clone(), None), first).await {
        begin(&world, &rid).await;
    }
}

/// Puts a note on record, after some other records in the same write; tells whether it is.
async fn promise(
    world: &World,
    case: CaseId,
    text: Untrusted,
    (rid, phase): (RecordId, Option<String>),
    mut bodies: Vec<Body>,
) -> bool {
    let by = login(world);
    bodies.extend(pieces(text.raw()).into_iter().map(|text| Body::Note {
        case: case.clone(),
        text,
        operator: by.clone(),
    }));
    bodies.push(Body::RecordIntent {
        rid: rid.clone(),
        kind: NOTE.to_owned(),
        case: case.clone(),
        marker: format!("quell:{rid}"),
        sha256: hex(&Sha256::digest(text.raw().as_bytes())),
        phase,
    });
    if let Err(fault) = world.journal.record(bodies).await {
        let line = safe!("the note is neither recorded nor sent: {}", fault.what);
        world
            .notice(
                Level::Error,
                Fault {
                    what: line,
                    hint: fault.hint,
                },
            )
            .await;
        return false;
    }
    true
}
