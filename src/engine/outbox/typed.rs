//! What the analyst writes for a case: put on record first, then posted, with a word before it where it does not hold any
//! more by then.
//!
//! What must not live here: posting.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{begin, login};
use crate::app::decision::{Decision, HINT, nothing, since};
use crate::app::message::Refused;
use crate::domain::audit::{Body, TimelineSaid};
use crate::domain::containment::caps::CapWord;
use crate::domain::containment::counted::Counted;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::note::Anchor;
use crate::domain::containment::outbox::{PendingNote, records};
use crate::domain::fault::Fault;
use crate::domain::freshness::time_word;
use crate::domain::ids::{CaseId, RecordId};
use crate::domain::operator::signed;
use crate::domain::report::Target;
use crate::domain::text::{Safe, Untrusted, sink};
use crate::engine::{World, clock, documents, written};
use crate::safe;
use crate::store::audit::StoreError;

/// Longest wait for an account that is decided to stay contained: a decision must not hang on a provider.
const LOOK: Duration = Duration::from_secs(5);

/// What to do where an account that is decided to stay contained reads otherwise.
const ENABLED_HINT: &str = "nothing was posted; disable it again where it is to stay contained";

/// Takes a note of the analyst: durable first, so that neither a failed post nor the end of the process loses it.
///
/// `phase` is the code of the phase it documents, if it does.
///
/// `draft` is where it was kept while it was typed; it is removed once the note is on record. `decided` is what it tells of:
/// the records of that are written with it, or neither is. `number` is that under which the console waits to hear whether
/// it is on record.
pub(in crate::engine) async fn note(
    world: Arc<World>,
    case: CaseId,
    text: Untrusted,
    (phase, draft): (Option<String>, Option<Target>),
    decided: Vec<Decision>,
    number: Option<u64>,
) {
    let kept = match &draft {
        Some(of) => documents::rid_of(&world, of).await,
        None => None,
    };
    let rid = kept.unwrap_or_else(|| RecordId::from_parts(world.clock.now().utc, clock::random()));
    let records = decided.iter().map(|one| one.record.clone()).collect();
    let first = (records, decided);
    let refused = match seen(&world, &first.1).await {
        Ok(unread) => {
            let text = match unread {
                Some(line) => Untrusted::new(format!("{}\n{line}", text.raw())),
                None => text,
            };
            promise(&world, case, text, (rid.clone(), phase), first).await
        }
        Err(what) => Some(Refused::Unfit(Fault::new(what).hint(ENABLED_HINT))),
    };
    let recorded = refused.is_none();
    if let Some(of) = &draft {
        if recorded {
            documents::done(&world, of, &rid).await;
        } else {
            documents::close(&world, of);
        }
    }
    written::tell(&world, number, refused).await;
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
    let first = (vec![Body::TimelineSaid(said)], Vec::new());
    match promise(&world, case, text, (rid.clone(), None), first).await {
        None => begin(&world, &rid).await,
        refused => written::tell(&world, None, refused).await,
    }
}

/// Composes the comment of a note, as it was written. What it says of a decision may have ended while it waited: then that
/// is said first.
pub(super) fn comment(world: &World, note: &PendingNote, head: &Anchor) -> String {
    let body = sink::markdown(&note.text.block());
    let by = sink::markdown(&signed(note.operator.as_ref(), &note.user));
    let at = time_word(note.at);
    let written = sink::markdown(&at);
    let text = format!(
        "{body}\n\nby {by}, written {written}\n{}\naudit {} n={} h={}\n",
        note.marker, head.log, head.n, head.h
    );
    let decided = note.decided.as_ref();
    let ended = world
        .journal
        .with(|ledger| decided.and_then(|decided| since(decided, ledger)));
    match ended {
        Some(ended) => format!("Written {at}; since then {ended}.\n\n{text}"),
        None => text,
    }
}

/// Reads each account that is decided to stay contained, for others may have enabled it since the watch looked; gives a line
/// for the case where one cannot be read in time.
///
/// # Errors
/// Says that nothing is decided where one reads as letting its holder in.
async fn seen(world: &World, decided: &[Decision]) -> Result<Option<Safe>, Safe> {
    let mut unread = None;
    for one in decided {
        let Body::HoldSet(set) = &one.record else {
            continue;
        };
        // Until it is done an account reads as before.
        let is_under_way = world.journal.with(|ledger| {
            let mut acts = ledger.on(&set.account);
            acts.any(|act| act.kind == ActionKind::DisableAccount && act.is_unfinished())
        });
        if is_under_way {
            continue;
        }
        let name = &set.account.connection;
        if let Some(identity) = world.identity(name)
            && let Ok(Ok(account)) =
                tokio::time::timeout(LOOK, identity.account(&set.account)).await
        {
            if identity.keeps_out(&account.status) {
                continue;
            }
            let why = safe!("the account reads {} now", account.vendor_status.field());
            return Err(nothing(&set.login, &why));
        }
        unread = Some(safe!(
            "The account could not be read at {} right before this.",
            name
        ));
    }
    Ok(unread)
}

/// Puts a note on record, after some other records in the same write and where what was decided still fits; gives why it
/// is not known to be, if so.
async fn promise(
    world: &World,
    case: CaseId,
    text: Untrusted,
    (rid, phase): (RecordId, Option<String>),
    (mut bodies, decided): (Vec<Body>, Vec<Decision>),
) -> Option<Refused> {
    let by = login(world);
    bodies.extend(records(&rid, &case, &text, by.as_ref(), phase));
    match recorded(world, bodies, decided).await {
        Ok(()) => None,
        Err(StoreError::Unmet { reason }) => Some(Refused::Unfit(Fault::new(reason).hint(HINT))),
        Err(error) => {
            let title = Safe::from("the note");
            let of = (&title, "is neither recorded nor sent", written::POSTED);
            Some(written::refused_by(&error, of))
        }
    }
}

/// Records a note; one that tells of a decision is asked for with the log locked, for another console may have enabled the
/// account, or contained it again, since the dialog was opened.
async fn recorded(
    world: &World,
    bodies: Vec<Body>,
    decided: Vec<Decision>,
) -> Result<(), StoreError> {
    let journal = &world.journal;
    if decided.is_empty() {
        return journal.try_record(bodies).await.map(drop);
    }
    // What refuses it is to be seen beside the refusal.
    journal.catch_up().await;
    // What is not counted yet is not counted with the log locked.
    journal.count(|_| CapWord::Within).await;
    let check = move |counted: &Counted| {
        let mut all = decided.iter();
        all.find_map(|one| one.refusal(counted.ledger()))
    };
    journal.try_record_if(bodies, check).await.map(drop)
}
