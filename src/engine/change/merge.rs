//! One case of several: promised for each, sent once, proven by reading the one that was made.
//!
//! What must not live here: the changes of one case (see the module above).

use std::sync::Arc;

use super::{Held, may_happen, once, promise, read, refused, system, unsettled};
use crate::app::message::Message;
use crate::connect::capability::ConnectErrorKind;
use crate::domain::audit::{Body, sha256_hex};
use crate::domain::case::Case;
use crate::domain::containment::counted::Counted;
use crate::domain::containment::ledger::Ledger;
use crate::domain::fault::Fault;
use crate::domain::ids::{CaseId, RecordId};
use crate::domain::text::Safe;
use crate::domain::verdict::MERGE;
use crate::engine::World;
use crate::engine::journal::{NotRecorded, own};
use crate::safe;

/// Makes one case of several.
pub(in crate::engine) async fn merge(world: Arc<World>, cases: Vec<CaseId>) {
    let result = match refused(&world) {
        Some(fault) => Err(fault),
        None => try_merge(&world, &cases).await,
    };
    world.tell(Message::CasesMerged { cases, result }).await;
    world.poke.notify_waiters();
}

async fn try_merge(world: &World, cases: &[CaseId]) -> Result<Box<Case>, Fault> {
    let first = cases
        .first()
        .ok_or_else(|| Fault::new("no case to merge"))?;
    let source = system(world, first)?;
    let mut now = Vec::new();
    for case in cases {
        now.push(read(world, source.as_ref(), case).await?);
    }
    let words: Vec<&str> = cases.iter().map(CaseId::raw).collect();
    let mut rids = Vec::new();
    let mut bodies = Vec::new();
    let mut held = Vec::new();
    for case in &now {
        let said = promise(
            world,
            case,
            MERGE,
            (case.title.clone(), own(words.join(" "))),
        );
        bodies.push(Body::RecordIntent {
            rid: said.rid.clone(),
            kind: MERGE.to_owned(),
            case: case.id.clone(),
            marker: format!("quell-merge:{}", said.rid),
            sha256: sha256_hex(words.join(" ").as_bytes()),
            phase: None,
        });
        rids.push(said.rid.clone());
        held.push(Held::of(world, &said));
        bodies.push(Body::CaseChanged(said));
    }
    let of = cases.to_vec();
    let check = move |counted: &Counted| acted(counted.ledger(), &of);
    match world.journal.record_if(bodies, check).await {
        Ok(_) => {}
        Err(NotRecorded::Failed(fault)) => return Err(fault),
        Err(NotRecorded::Refused(what)) => return Err(Fault::new(what)),
    }
    let made = once(world, source.merge(cases)).await;
    let is_open = may_happen(&made);
    let (made, result) = match made {
        // The new case is what proves it, and where it cannot be read its id is known all the same.
        Ok(made) => match source.case(&made.id).await {
            Ok(case) => (Some(made.id), Ok(case)),
            Err(error) if error.kind == ConnectErrorKind::NotFound => (
                None,
                Err(Fault::new(
                    "the merge was accepted but its case is not there",
                )),
            ),
            Err(error) => {
                let fault = world.troubled(&first.connection, error).await;
                let what = safe!(
                    "they are one case now, which cannot be read yet: {}",
                    fault.what
                );
                (Some(made.id), Err(Fault::new(what)))
            }
        },
        Err(error) => (None, Err(world.troubled(&first.connection, error).await)),
    };
    match &result {
        Err(fault) if is_open => return Err(unsettled(fault)),
        _ => {
            let last = rids
                .into_iter()
                .map(|rid| ended(rid, made.as_ref(), &result));
            world.journal.record(last.collect()).await?;
        }
    }
    drop(held);
    result.map(Box::new)
}

/// Makes the record of what came of the merge of one case: the case that was made, or why there is none.
fn ended(rid: RecordId, made: Option<&CaseId>, result: &Result<Case, Fault>) -> Body {
    match (made, result) {
        (Some(made), _) => Body::RecordDone {
            rid,
            id: own(made.raw()),
        },
        (None, result) => Body::RecordFailed {
            rid,
            reason: own(result
                .as_ref()
                .map_or_else(|fault| fault.what.as_str(), |_| "")),
            taken: None,
        },
    }
}

/// Says why cases must not become one: what was done for a case is known by its id.
fn acted(ledger: &Ledger, cases: &[CaseId]) -> Option<Safe> {
    let mut acts = ledger.actions();
    let act = acts.find(|act| cases.contains(&act.case))?;
    Some(safe!(
        "nothing was merged: {} of {} came meanwhile, which is known by the id of its case",
        act.kind.word(),
        act.login.field()
    ))
}
