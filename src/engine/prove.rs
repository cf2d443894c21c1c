//! Reading back until the deadline: proven, refuted, or honestly neither.

mod agreed;
mod alarm;
mod ours;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use self::ours::{ahead, others};
use super::World;
use super::journal::{NotRecorded, own};
use super::respond::outcome;
use crate::connect::capability::{Identity, ProofQuery, Reading};
use crate::domain::audit::{Body, Observed, OutcomeState};
use crate::domain::containment::counted::Counted;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::time_word;
use crate::domain::ids::ActionId;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::lease::{self, Lease};

/// How long what was refused is read back: that a copy of it was carried out is seldom, and its word is waited for.
const REFUSED: Duration = Duration::from_secs(30);

/// Reads an unfinished action back once more, on a person's word.
pub(super) async fn again(world: Arc<World>, aid: ActionId) {
    let lease = match lease::take(&world.leases, &aid) {
        Ok(Some(lease)) => Some(lease),
        // Whoever holds it is already at it.
        Ok(None) => return,
        Err(_) => None,
    };
    // Another console of this user may have said the last word meanwhile.
    world.journal.catch_up().await;
    prove(Arc::clone(&world), aid.clone(), lease).await;
    if let Some(action) = world.journal.action(&aid) {
        super::outbox::document(world, action.pid).await;
    }
}

/// Reads the evidence by the provider's schedule and records every change and the final word.
pub(super) async fn prove(world: Arc<World>, aid: ActionId, lease: Option<Lease>) {
    let first = world
        .proving
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(aid.clone());
    if first {
        let ended = tokio::select! {
            () = world.stop.cancelled() => false,
            ended = read_until_known(&world, &aid) => ended,
        };
        world
            .proving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&aid);
        // Only whoever holds a lease may remove its file: another may hold it right after.
        if ended && lease.is_some() {
            lease::clear(&world.leases, &aid);
        }
        drop(lease);
    }
}

/// Tells whether a final word was recorded.
async fn read_until_known(world: &World, aid: &ActionId) -> bool {
    let action = world.journal.action(aid);
    let is_open = |action: &ActionView| action.is_unfinished() || action.is_closed_by_hand();
    let Some(action) = action.filter(is_open) else {
        return false;
    };
    let Some(identity) = world.identity(&action.account.connection) else {
        let name = &action.account.connection;
        let reason = format!("could not be read back: no identity provider is named {name} now");
        unread(world, aid, reason).await;
        return false;
    };
    let mut reads = Reads::new(action);
    let schedule = identity.schedule(reads.action.kind);
    let agree = world.pace.of(schedule.agree);
    let mut waited = Duration::ZERO;
    for wait in &schedule.waits {
        waited += *wait;
        if reads.action.refused.is_some() && waited > REFUSED {
            break;
        }
        tokio::time::sleep(world.pace.of(*wait)).await;
        reads.read(world, identity.as_ref(), agree).await;
        if reads.proven(agree) {
            return reads.agreed(world).await;
        }
    }
    // An agreement that is not old enough at the deadline still gets its second read.
    if let Some(since) = reads.agreeing_since {
        tokio::time::sleep(agree.saturating_sub(since.elapsed())).await;
        reads.read(world, identity.as_ref(), agree).await;
        if reads.proven(agree) {
            return reads.agreed(world).await;
        }
    }
    if !reads.settle(world).await {
        return false;
    }
    let rejected = reads.action.refused.is_some();
    // What was read before the provider fell silent is no word about the deadline.
    let last = reads.last.as_ref().filter(|_| !reads.silent);
    match last.map(|last| last.matches) {
        Some(_) if rejected => {
            let mut said = format!("{}; read back: {}", reads.refusal(), reads.evidence);
            if let Some(at) = reads.read_as_done(world) {
                said.push_str(safe!("; it read as done at {}", time_word(at)).as_str());
            }
            reads.stands_disabled(world).await;
            reads.evidence = said;
            reads.conclude(world, OutcomeState::Rejected).await
        }
        Some(Some(false)) => reads.denied(world).await,
        Some(Some(true) | None) => {
            reads.stands_disabled(world).await;
            reads.conclude(world, OutcomeState::Unverifiable).await
        }
        None => {
            // Not readable in the end: it stays unknown, on the list, to be checked again.
            let reason = format!("could not be read back: {}", reads.fault);
            unread(world, aid, reason).await;
            false
        }
    }
}

/// Records that an action cannot be read back, once for each reason: it is looked at every half minute, by every console.
async fn unread(world: &World, aid: &ActionId, reason: String) {
    // Whoever closed it meanwhile said its last word: that nothing could be read is none.
    let action = world.journal.action(aid);
    let Some(action) = action.filter(ActionView::is_unfinished) else {
        return;
    };
    let said = action
        .unread
        .as_ref()
        .is_some_and(|said| said.raw() == reason);
    if said && action.state == ActionState::Unknown {
        return;
    }
    let unknown = Body::ActionUnknown {
        aid: aid.clone(),
        attempt: action.attempt,
        reason: own(reason),
    };
    // Another console may have closed it, and what it closed is not opened again by what nobody could read.
    let closed = aid.clone();
    let ended = move |counted: &Counted| {
        let now = counted.ledger().get(&closed);
        now.filter(|now| now.ended.is_some())
            .map(|_| Safe::from("it has its final word"))
    };
    let recorded = world.journal.record_if(vec![unknown], ended).await;
    // The journal tells the console when it fails.
    if let Err(NotRecorded::Refused(_)) = recorded {
        world.journal.catch_up().await;
    }
}

/// The readings of one action so far.
struct Reads {
    action: ActionView,
    last: Option<Reading>,
    /// The words of the last read that did not fail.
    evidence: String,
    /// Why the last one failed that did.
    fault: String,
    count: u32,
    /// Reads since the last one that did not agree.
    agreeing: u32,
    /// Whether the last read failed.
    silent: bool,
    /// Whether the last read found what is wanted, but of before the request.
    older: bool,
    /// When the first of those was made, and how long after it the last one.
    agreeing_since: Option<tokio::time::Instant>,
    agreed_for: Duration,
    /// When a read of this process agreed last, also where it could not be recorded.
    done_at: Option<DateTime<Utc>>,
}

impl Reads {
    fn new(action: ActionView) -> Self {
        Self {
            action,
            last: None,
            evidence: String::new(),
            fault: String::new(),
            count: 0,
            agreeing: 0,
            silent: false,
            older: false,
            agreeing_since: None,
            agreed_for: Duration::ZERO,
            done_at: None,
        }
    }

    /// Tells whether two reads agree, far enough apart, with none against them in between. The last read is one of them: one
    /// that failed tells nothing, and what it would have read may be otherwise by then.
    fn proven(&self, agree: Duration) -> bool {
        self.agreeing >= 2 && self.agreed_for >= agree && !self.silent
    }

    /// Records that an account reads as disabled to the end, though of before the request: whoever did that, or whatever clock
    /// is wrong, what stands is watched.
    async fn stands_disabled(&mut self, world: &World) {
        if !self.older || self.action.kind != ActionKind::DisableAccount {
            return;
        }
        if let Some(last) = self.last.take() {
            let mut reading = Reading {
                matches: Some(true),
                ..last
            };
            self.observed(world, &mut reading).await;
            self.last = Some(reading);
        }
    }

    /// Ends an action that does not read as wanted at the deadline.
    async fn denied(&mut self, world: &World) -> bool {
        world.journal.catch_up().await;
        let (by_us, done_at) = world.journal.with(|ledger| {
            let now = ledger.get(&self.action.aid).unwrap_or(&self.action);
            let is_disabling = now.kind == ActionKind::DisableAccount;
            let by_us = is_disabling && ledger.may_be_undone_here(now);
            (by_us, now.agreed.filter(|_| is_disabling))
        });
        if by_us {
            self.evidence
                .push_str("; an enabling from here was sent since");
            return self.conclude(world, OutcomeState::Unverifiable).await;
        }
        if let Some(at) = done_at {
            let before = safe!("; it read as done at {}", time_word(at));
            self.evidence.push_str(before.as_str());
        }
        self.conclude(world, OutcomeState::NotEffective).await
    }

    /// Asks the provider; `None` where it does not answer.
    async fn once(
        &mut self,
        world: &World,
        identity: &dyn Identity,
        query: &ProofQuery,
    ) -> Option<Reading> {
        world.probe.pass("read.before").await;
        match identity.read_back(query).await {
            Ok(reading) => {
                let wanted = reading.matches == Some(true);
                let reading = self.dated(reading);
                self.older = wanted && reading.matches.is_none();
                Some(reading)
            }
            Err(error) => {
                // A read that failed says nothing: it neither agrees nor disagrees.
                error.what.as_str().clone_into(&mut self.fault);
                self.silent = true;
                None
            }
        }
    }

    /// Tells when a state of the account was read as wanted since it was sent.
    fn read_as_done(&self, world: &World) -> Option<DateTime<Utc>> {
        let is_state = matches!(
            self.action.kind,
            ActionKind::DisableAccount | ActionKind::EnableAccount
        );
        let recorded = || world.journal.action(&self.action.aid)?.agreed;
        self.done_at.or_else(recorded).filter(|_| is_state)
    }

    /// Takes back that a reading agrees where what it read was there before the request: a copy of then, or an act of others.
    fn dated(&self, reading: Reading) -> Reading {
        let began = reading.effect_at.filter(|_| reading.used.is_none());
        if reading.matches != Some(true) || !began.is_some_and(|began| self.action.is_older(began))
        {
            return reading;
        }
        let said = format!(
            "{}, which is older than the request by the provider's clock",
            reading.evidence.raw()
        );
        Reading {
            matches: None,
            evidence: Untrusted::new(said),
            effect_at: None,
            ..reading
        }
    }

    /// Records what is owed of the action and takes to heart what it was answered; `false` while the log does not take it.
    async fn settle(&mut self, world: &World) -> bool {
        let aid = &self.action.aid;
        let settled = world.is_settled(aid).await;
        let is_news = |now: &ActionView| settled && now.answered != self.action.answered;
        if let Some(now) = world.journal.action(aid).filter(is_news) {
            self.action = now;
        }
        settled
    }

    async fn read(&mut self, world: &World, identity: &dyn Identity, agree: Duration) {
        self.settle(world).await;
        let aid = &self.action.aid;
        // What other consoles sent and claimed meanwhile proves their actions, not this one.
        world.journal.catch_up().await;
        let query = ProofQuery {
            kind: self.action.kind,
            item: self.action.item.clone(),
            account: self.action.account.clone(),
            not_before: self.action.not_before(),
            before: world
                .journal
                .with(|ledger| ledger.before_send(&self.action)),
            request_id: self.action.request_id.clone(),
            path: self.action.call.as_ref().map(|call| call.2.clone()),
            ahead: ahead(world, &self.action),
            used: world
                .journal
                .with(|ledger| ledger.outbox().taken_by_others(aid)),
            others: others(world, &self.action),
            after: ours::after(world, &self.action),
        };
        let Some(mut reading) = self.once(world, identity, &query).await else {
            return;
        };
        // One answer of a replica that lags is no alarm: what read as done is looked at twice before it is said.
        if reading.matches == Some(false) && self.read_as_done(world).is_some() {
            tokio::time::sleep(agree).await;
            let Some(again) = self.once(world, identity, &query).await else {
                return;
            };
            reading = again;
        }
        self.silent = false;
        self.count += 1;
        let changed = self.last.as_ref().is_none_or(|last| {
            last.matches != reading.matches || last.evidence != reading.evidence
        });
        if changed {
            self.observed(world, &mut reading).await;
        }
        if reading.matches == Some(true) {
            self.agreeing += 1;
            self.done_at = Some(world.clock.now().utc);
            let since = self
                .agreeing_since
                .get_or_insert_with(tokio::time::Instant::now);
            self.agreed_for = since.elapsed();
        } else {
            self.agreeing = 0;
            self.agreeing_since = None;
            self.agreed_for = Duration::ZERO;
        }
        reading.evidence.raw().clone_into(&mut self.evidence);
        self.last = Some(reading);
    }

    /// Records a reading, and with it the claim of its log entry: of two actions the first in the log is proven by it.
    async fn observed(&self, world: &World, reading: &mut Reading) {
        let aid = &self.action.aid;
        let observed = Body::ActionObserve(Observed {
            aid: aid.clone(),
            evidence: reading.evidence.clone(),
            matches: reading.matches,
            reads: self.count,
            used: reading.used.clone(),
            effect_at: reading.effect_at,
        });
        // What an earlier round read, here or in another console, is on record: only another answer is news.
        let known = world.journal.action(aid).is_some_and(|action| {
            let said = (reading.matches, reading.evidence.clone());
            let claimed = reading.used.is_none() || action.used == reading.used;
            claimed && action.observed.as_ref() == Some(&said)
        });
        // The journal tells the console when it fails. The reading itself still counts, but a claim that is not on
        // record is none: another console could not know of it.
        let recorded = known
            || if reading.used.is_none() {
                world.record_of(aid, vec![observed]).await.is_ok()
            } else {
                world.journal.record(vec![observed]).await.is_ok()
            };
        if known && self.count == 1 {
            self.known(world, &reading.evidence).await;
        }
        if !recorded {
            let words = reading.evidence.line();
            self.unrecorded(world, reading.matches, &words, false).await;
        }
        let Some(used) = reading.used.clone() else {
            return;
        };
        if !recorded {
            reading.matches = None;
            return;
        }
        // What others recorded before this record is folded by now.
        let mine = world
            .journal
            .with(|ledger| ledger.outbox().owner_of(&used) == Some(aid));
        if !mine {
            // Of this one it says nothing.
            let said = format!("{}; but it proves another action", reading.evidence.raw());
            reading.matches = None;
            reading.evidence = Untrusted::new(said);
            reading.used = None;
        }
    }

    /// Gives what the provider said when it refused.
    fn refusal(&self) -> &str {
        self.action.refused.as_ref().map_or("", Untrusted::raw)
    }

    async fn conclude(&self, world: &World, state: OutcomeState) -> bool {
        let seconds = self
            .action
            .sent
            .and_then(|sent| u32::try_from((world.clock.now().utc - sent).num_seconds()).ok());
        let evidence = match state {
            OutcomeState::Verified => {
                format!("{}; {} reads agree", self.evidence, self.agreeing)
            }
            _ => self.evidence.clone(),
        };
        let word = outcome(&self.action.aid, state, evidence, seconds);
        // What was answered and read stands before what is concluded from it.
        let is_recorded = world.is_settled(&self.action.aid).await
            && world.journal.record(vec![word]).await.is_ok();
        if !is_recorded && state == OutcomeState::NotEffective {
            let words = own(self.evidence.as_str()).line();
            self.unrecorded(world, Some(false), &words, true).await;
        }
        is_recorded
    }
}
