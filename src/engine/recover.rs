//! Picking up what an earlier process left: read back, never sent again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::World;
use super::anchored::Round;
use super::change::{FRESH, bears};
use super::journal::{NotRecorded, own};
use super::outbox::Rounds;
use super::respond::outcome;
use super::{outbox, prove};
use crate::app::message::Level;
use crate::connect::capability::ConnectErrorKind;
use crate::domain::audit::{Body, Entry, OutcomeState, SecretSaid, SecretState, sha256_hex};
use crate::domain::containment::counted::Counted;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger, Worth};
use crate::domain::containment::outbox::PendingChange;
use crate::domain::containment::standing::standing;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::domain::ids::{ActionId, RecordId};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::verdict::{CLOSE, Closing, came_of, is_whole, marker};
use crate::safe;
use crate::store::lease;

/// Tells whether this process takes the action over for the first time. Two consoles that take turns would otherwise say
/// so at every look.
fn first(world: &World, aid: &ActionId) -> bool {
    let mut adopted = world.adopted.lock().unwrap_or_else(PoisonError::into_inner);
    adopted.insert(aid.clone())
}

/// When each change was first seen here without what came of it, by the clock that no stop stops.
pub(super) type FirstSeen = HashMap<RecordId, Duration>;

/// Says what came of changes of cases that were cut off when their console ended, or could not be read after: by reading, never by a second send.
pub(super) async fn changes(world: &World, seen: &mut FirstSeen) {
    let open = cut_off(world);
    seen.retain(|rid, _| open.iter().any(|change| change.rid == *rid));
    for change in open {
        let new = !seen.contains_key(&change.rid);
        // It may still arrive there: "did not happen" is no answer before its time is over.
        if let Some(left) = may_arrive(world, &change, seen) {
            if new {
                say_cut_off(world, &change, left).await;
            }
            continue;
        }
        let lease = match lease::take(&world.leases, &change.rid) {
            Ok(Some(lease)) => lease,
            // Its console is alive and says it itself.
            Ok(None) => continue,
            Err(error) => {
                let error = own(error.to_string());
                let line = safe!("failed to settle a change of a case: {}", error.line());
                world.notice(Level::Error, Fault::new(line)).await;
                continue;
            }
        };
        // It may have been said between our look and the lease.
        world.journal.catch_up().await;
        if !cut_off(world).contains(&change) || settled(world, &change).await {
            lease::clear(&world.leases, &change.rid);
        }
        drop(lease);
    }
}

/// Says that a change has no answer on record, until it can be read what came of it; not where its console is at work.
async fn say_cut_off(world: &World, change: &PendingChange, left: Duration) {
    let Ok(Some(_lease)) = lease::take(&world.leases, &change.rid) else {
        return;
    };
    // Its console may have said it between our look and the lease.
    world.journal.catch_up().await;
    if !cut_off(world).contains(change) {
        lease::clear(&world.leases, &change.rid);
        return;
    }
    let line = safe!(
        "{} of {}: no answer is on record; the case is read in {} s for what came of it",
        Untrusted::new(change.kind.as_str()).field(),
        change.case.shown(),
        left.as_secs().max(1)
    );
    world.notice(Level::Warning, Fault::new(line)).await;
}

/// Gives how long a change may still be sent, or arrive; `None` where that is over. A promise that is dated later than it is
/// says nothing of its age: then the time counts since it was first seen here.
fn may_arrive(world: &World, change: &PendingChange, seen: &mut FirstSeen) -> Option<Duration> {
    let now = world.clock.now();
    let first = *seen.entry(change.rid.clone()).or_insert(now.boot);
    let dated = (now.utc - change.at).to_std().unwrap_or_default();
    let age = now.boot.saturating_sub(first).max(dated);
    let most = world.pace.of(outbox::LATE.saturating_add(FRESH));
    most.checked_sub(age).filter(|left| !left.is_zero())
}

fn cut_off(world: &World) -> Vec<PendingChange> {
    world
        .journal
        .with(|ledger| ledger.outbox().changes().to_vec())
}

/// Reads a case and records what came of its change; `false` when it could not be read, and is asked for again later.
async fn settled(world: &World, change: &PendingChange) -> bool {
    let Some(source) = world.case_system(&change.case.connection) else {
        return false;
    };
    let promised = (&change.from, &change.to);
    let is_closing = change.kind == CLOSE;
    let comment = change.comment.as_ref().filter(|_| is_closing);
    let whole = comment.filter(|comment| is_kept_whole(world, change, comment));
    let closing = Closing::on_record(&change.to, whole).filter(|_| is_closing);
    let read = match &closing {
        // The verdict alone may be another's.
        Some(closing) => bears(source.as_ref(), &change.case, closing)
            .await
            .map(|(case, bears)| (case, bears.filter(|bears| whole.is_some() || !*bears))),
        None => source.case(&change.case).await.map(|case| (case, None)),
    };
    let ((done, word), name) = match read {
        Ok((case, bears)) => {
            let number = case.number.map(|number| safe!("#{}", number));
            let name = number.unwrap_or_else(|| change.case.shown());
            (came_of(&change.kind, promised, (&case, bears)), name)
        }
        Err(error) if error.kind == ConnectErrorKind::NotFound => {
            let word = "it is not in the case system any more: merged or deleted there";
            ((false, word.into()), change.case.shown())
        }
        // The source says itself that it does not answer.
        Err(_) => return false,
    };
    let rid = change.rid.clone();
    let body = if done {
        Body::RecordDone {
            rid,
            id: own(change.case.raw()),
        }
    } else {
        Body::RecordFailed {
            rid,
            reason: own(word.as_str()),
            taken: None,
        }
    };
    if world.journal.record(vec![body]).await.is_err() {
        return false;
    }
    let line = safe!(
        "{} of {}, of which nobody knew what came of it: {}",
        Untrusted::new(change.kind.as_str()).field(),
        name,
        word
    );
    // The dialog is gone, and what was typed there is not to be.
    let line = match comment.filter(|_| !done) {
        Some(comment) => safe!("{}; its comment: {}", line, comment.line()),
        None => line,
    };
    let level = if done { Level::Info } else { Level::Warning };
    world.notice(level, Fault::new(line)).await;
    true
}

/// Tells whether the record of a closing has its whole comment.
fn is_kept_whole(world: &World, change: &PendingChange, comment: &Untrusted) -> bool {
    is_whole((&change.to, comment), |text| {
        let marker = marker(&change.kind, &change.rid);
        let digest = sha256_hex(text.as_bytes());
        let promised = |ledger: &Ledger| ledger.outbox().wrote(&marker, &digest);
        world.journal.with(promised)
    })
}

/// Names the lease of a console in whose memory the secret of an action waits.
fn secret_of(aid: &ActionId) -> String {
    format!("secret-{aid}")
}

/// Holds the secret of an action for this console until it was seen or forgotten, so that no other one calls it lost.
pub(super) fn hold_secret(world: &World, aid: &ActionId) {
    // Without it another console may say too early that the secret is lost, which is safe: a reset more voids this one.
    if let Ok(Some(lease)) = lease::take(&world.leases, &secret_of(aid)) {
        let mut handed = world.handed.lock().unwrap_or_else(PoisonError::into_inner);
        handed.insert(aid.clone(), lease);
    }
}

/// Lets go of what was seen or forgotten here.
fn let_go(world: &World) {
    let mut handed = world.handed.lock().unwrap_or_else(PoisonError::into_inner);
    handed.retain(|aid, _lease| {
        let said = world.journal.action(aid).and_then(|action| action.secret);
        // Nothing is said before it is on record that it waits.
        let waits = said.is_none_or(|state| state == SecretState::Waits);
        if !waits {
            lease::clear(&world.leases, &secret_of(aid));
        }
        waits
    });
}

fn is_being_read(world: &World, aid: &ActionId) -> bool {
    let proving = world.proving.lock().unwrap_or_else(PoisonError::into_inner);
    proving.contains(aid)
}

fn is_unseen(action: &ActionView) -> bool {
    action.secret == Some(SecretState::Waits) && action.may_have_had_effect()
}

/// Says, once for all consoles, which new passwords and links went with a console that ended before they were seen.
pub(super) async fn secrets(world: &World) {
    let_go(world);
    let unseen: Vec<ActionId> = world.journal.with(|ledger| {
        let unseen = ledger.actions().filter(|action| is_unseen(action));
        unseen.map(|action| action.aid.clone()).collect()
    });
    for aid in unseen {
        // Its console is alive, this one or another; or nobody can tell now, and a later look asks again.
        let Ok(Some(lease)) = lease::take(&world.leases, &secret_of(&aid)) else {
            continue;
        };
        // It may have been shown between our look and the lease.
        world.journal.catch_up().await;
        if let Some(action) = world.journal.action(&aid).filter(is_unseen) {
            let lost = Body::ActionSecret(SecretSaid {
                aid: aid.clone(),
                state: SecretState::Lost,
            });
            if world.journal.record(vec![lost]).await.is_err() {
                return;
            }
            let line = safe!(
                "the new password or link for {} was lost with its console before it was seen",
                action.login.field()
            );
            // One more would void what the later one made.
            let is_replaced = world
                .journal
                .with(|ledger| ledger.worth(&action, None) == Worth::Replaced);
            let again = world.reset_again(&action.account.connection);
            let hint: Safe = if is_replaced {
                "a later reset replaced it".into()
            } else if action.is_unfinished() {
                safe!("once it is read back, {}", again)
            } else {
                again.into()
            };
            let fault = Fault::new(line).hint(hint);
            world.notice(Level::Warning, fault).await;
        }
        lease::clear(&world.leases, &secret_of(&aid));
        drop(lease);
    }
}

/// Gives up an action that waits for its turn and has no owner any more; an owner that lives, and whose lease was removed,
/// may have sent it by now, and then it stays as it is.
async fn never_sent(world: &World, action: &ActionView) -> Result<Vec<Entry>, NotRecorded> {
    // There is no intent, so nothing of it ever left.
    let evidence = if action.sess == *world.journal.session() {
        "never sent: its record could not be written, or its lease was removed"
    } else {
        "never sent: its console ended, or could not write its record"
    };
    let state = OutcomeState::Abandoned;
    let ended = outcome(&action.aid, state, evidence.to_owned(), None);
    let aid = action.aid.clone();
    let waits = move |counted: &Counted| {
        let now = counted.ledger().get(&aid);
        now.filter(|now| now.state != ActionState::Confirmed)
            .map(|_| Safe::from("it does not wait any more"))
    };
    world.journal.record_if(vec![ended], waits).await
}

/// Tells whether the intent of an action from before this console was started may be among what is missing of the log: it
/// stays open then, until a person has seen to the log. Its case is looked into first, for only that may know.
async fn may_be_missing(world: &World, action: &ActionView, round: &mut Round) -> bool {
    // What this console recorded it knows without the log.
    if action.sess == *world.journal.session() {
        return false;
    }
    round.look(world, &action.case).await;
    if !world.journal.is_in_doubt() {
        return false;
    }
    if first(world, &action.aid) {
        let what = safe!(
            "whether {} of {} was sent is not known: the audit log is not whole",
            action.what(),
            action.login.field()
        );
        let hint = "look at the provider; nothing is sent, and its case is not told before the log is seen to";
        world
            .notice(Level::Alarm, Fault::new(what).hint(hint))
            .await;
    }
    true
}

pub(super) async fn unfinished(world: Arc<World>) {
    let mut round = Round::default();
    let open: Vec<ActionView> = world
        .journal
        .with(|ledger| ledger.unfinished().cloned().collect());
    for action in open {
        let lease = match lease::take(&world.leases, &action.aid) {
            Ok(Some(lease)) => lease,
            // Its owner is alive: another console of this user.
            Ok(None) => continue,
            Err(error) => {
                let error = own(error.to_string());
                let line = safe!("failed to take over an unfinished action: {}", error.line());
                world.notice(Level::Error, Fault::new(line)).await;
                continue;
            }
        };
        // Its owner may have said the last word between our look and the lease.
        world.journal.catch_up().await;
        let Some(action) = world
            .journal
            .action(&action.aid)
            .filter(ActionView::is_unfinished)
        else {
            lease::clear(&world.leases, &action.aid);
            continue;
        };
        // Of one that came there is a record, see `secrets`.
        let lost = action.kind == ActionKind::ResetPassword
            && action.secret.is_none()
            && action.sess != *world.journal.session()
            && action.sent.is_some();
        if action.state == ActionState::Confirmed {
            if may_be_missing(&world, &action, &mut round).await {
                continue;
            }
            if let Err(NotRecorded::Failed(_)) = never_sent(&world, &action).await {
                return;
            }
            lease::clear(&world.leases, &action.aid);
            continue;
        }
        let adopted = if action.sess == *world.journal.session() || !first(&world, &action.aid) {
            // Our own, or taken over before, and not readable so far: read again, with nothing new to say.
            Vec::new()
        } else {
            vec![Body::ActionAdopt {
                aid: action.aid.clone(),
                owner_pid: action.pid_os,
            }]
        };
        let is_news = !adopted.is_empty();
        if is_news && world.journal.record(adopted).await.is_err() {
            return;
        }
        if lost && is_news {
            let login = action.login.field();
            let line = safe!(
                "reset password of {}: what was to be handed over is lost",
                login
            );
            let hint = safe!(
                "it was in the memory of the console that ended; once it is read back, {}",
                world.reset_again(&action.account.connection)
            );
            world
                .notice(Level::Warning, Fault::new(line).hint(hint))
                .await;
        }
        // Not waited for: a proof may take minutes, and other consoles are to be heard meanwhile.
        let shared = Arc::clone(&world);
        world.spawn(async move {
            prove::prove(Arc::clone(&shared), action.aid, Some(lease)).await;
            outbox::document(shared, action.pid).await;
        });
    }
}

/// How long after it was closed a disabling is read back whose case was told already.
const TOLD: TimeDelta = TimeDelta::days(7);

/// Tells whether what was closed by hand is to be read back: nothing said what became of it and its case was not told, or it
/// is the last disabling of an account that stands by it still, told a short time ago or not.
fn is_to_be_read(ledger: &Ledger, action: &ActionView, now: DateTime<Utc>) -> bool {
    let is_last = || {
        let all = ledger.on(&action.account);
        let mut disablings = all.filter(|one| one.kind == ActionKind::DisableAccount);
        disablings.all(|one| one.sent_n <= action.sent_n)
    };
    let stands = || standing(ledger, &action.account, |_| false).is_by_hand();
    let is_new = action.ended.is_some_and(|ended| now - ended < TOLD);
    let is_disabling = action.kind == ActionKind::DisableAccount;
    action.is_closed_unread()
        || (is_disabling && is_new && action.is_closed_by_hand() && is_last() && stands())
}

/// Reads back what somebody closed after it was sent and before it was read to an end, less and less often, until a
/// reading has a word for it or its case was told: the case is told what became of it, not only that it was closed.
pub(super) async fn closed(world: &Arc<World>, round: u32, tried: &mut Rounds<ActionId>) {
    let now = world.clock.now().utc;
    let all: Vec<ActionView> = world.journal.with(|ledger| {
        let closed = ledger
            .actions()
            .filter(|action| is_to_be_read(ledger, action, now));
        closed.cloned().collect()
    });
    tried.keep(|aid| all.iter().any(|action| action.aid == *aid));
    for action in all {
        if is_being_read(world, &action.aid) || !tried.is_due(&action.aid, round) {
            continue;
        }
        // Whoever holds it reads it back, or is about to; one that cannot be taken is tried again.
        let Ok(Some(lease)) = lease::take(&world.leases, &action.aid) else {
            continue;
        };
        // Its owner may have said the last word between our look and the lease.
        world.journal.catch_up().await;
        let is_left = world.journal.with(|ledger| {
            let found = ledger.get(&action.aid);
            found.is_some_and(|found| is_to_be_read(ledger, found, now))
        });
        if !is_left {
            lease::clear(&world.leases, &action.aid);
            continue;
        }
        // Until a reading has a word for it.
        tried.put_off(action.aid.clone());
        let shared = Arc::clone(world);
        world.spawn(async move {
            prove::prove(Arc::clone(&shared), action.aid, Some(lease)).await;
            outbox::document(shared, action.pid).await;
        });
    }
}
