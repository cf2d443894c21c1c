//! Asking a second person, waiting for them, and handing over what they approved.
//!
//! Who wrote a comment is the case system's word alone. What must not live here: whether an answer counts (see
//! `domain::containment::approval`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::journal::own;
use super::outbox::{Place, Unposted};
use super::respond::{self, outcome};
use super::{World, follow, outbox};
use crate::app::message::{Level, Message};
use crate::connect::capability::Cases;
use crate::domain::audit::{Body, OutcomeState};
use crate::domain::containment::approval::{
    Ask, Decision, EITHER, Grant, Posted, TTL, Written, answer_in, compose_request, decide,
    posted_as,
};
use crate::domain::containment::confirm::ConfirmedPlan;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{Lapsed, UNANSWERED};
use crate::domain::containment::note::Anchor;
use crate::domain::containment::remnant::Item;
use crate::domain::fault::Fault;
use crate::domain::ids::{ActionId, CaseId, PlanId};
use crate::domain::operator::Author;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::lease::{self, Lease};

/// How often the case is looked at for an answer.
const LOOK: Duration = Duration::from_secs(5);

/// How long after the end of a request an answer of before it may still be seen: a look that was under way.
const GRACE: Duration = Duration::from_secs(30);

/// Tells whether a request is over for good, by the clock that goes on while a machine sleeps.
fn is_over(until: Duration, boot: Duration) -> bool {
    boot >= until + GRACE
}

/// The action by whose host the provider is named where an item is removed: it is prepared for an account alone, so both
/// consoles know it.
pub(super) const KNOWN_BY: ActionKind = ActionKind::RevokeSessions;

/// Reads the comments of the open case again.
pub(super) async fn comments(world: Arc<World>, case: CaseId) {
    let Some(source) = world.case_system(&case.connection) else {
        return;
    };
    let result = source.find_comment(&case, "").await.map_err(Fault::from);
    world.tell(Message::CommentsRead { case, result }).await;
}

/// Says who is at this console, by the case system's own word, and that it can say so of others.
///
/// # Errors
/// Says why a second person is impossible here.
pub async fn person(source: &dyn Cases) -> Result<Author, Safe> {
    let unknown = |what: Safe| safe!("the case system does not say who you are: {}", what);
    let me = source.who_am_i().await.map_err(|e| unknown(e.what))?;
    let Some(login) = me.login.filter(|_| !me.id.is_empty()) else {
        return Err(unknown("no id or no login".into()));
    };
    if me.shared {
        return Err("the key of the case system is shared, so nobody can tell who answered".into());
    }
    let author = source.author(&login).await;
    match author.map_err(|e| {
        safe!(
            "the case system does not say who wrote a comment: {}",
            e.what
        )
    })? {
        Some(author) if author.id == me.id && !author.shared => Ok(author),
        Some(author) if author.shared => {
            Err("the key of the case system is shared, so nobody can tell who answered".into())
        }
        _ => Err("the case system does not say who wrote a comment".into()),
    }
}

fn key(pid: &PlanId) -> Option<ActionId> {
    // Plans and actions are named alike, so one kind of lock file does for both.
    ActionId::parse(pid.as_str()).ok()
}

/// Asks for what was confirmed, waits, and carries it out once somebody else approved.
pub(super) async fn ask(world: Arc<World>, plan: ConfirmedPlan) {
    let need = plan.plan().need.clone();
    let asked = need.and_then(|need| {
        let me = need.asks?;
        Some((need.earlier, me, need.reasons))
    });
    let Some((earlier, me, reasons)) = asked else {
        stop(&world, &plan, "nobody can be asked".into()).await;
        return;
    };
    let asked = earlier.clone().unwrap_or_else(|| plan.pid().clone());
    let lease = match key(&asked).map(|key| lease::take(&world.leases, &key)) {
        Some(Ok(Some(lease))) => lease,
        Some(Err(error)) => {
            let error = own(error.to_string());
            let line = safe!("failed to take the lease of the request: {}", error.line());
            stop(&world, &plan, line).await;
            return;
        }
        Some(Ok(None)) | None => {
            let line = "another console of yours waits for this approval";
            stop(&world, &plan, line.into()).await;
            return;
        }
    };
    let account = plan.account();
    let probe = || {
        let identity = world.identity(&account.id.connection)?;
        let call = identity.prepare(KNOWN_BY, &account.id).ok()?;
        Some(call.host)
    };
    let (first, items) = (plan.plan().steps.first(), plan.plan().items());
    let host = host_of(&items, probe, first.map(|step| step.call.host.as_str()));
    let target = (account.id.raw(), &account.login);
    let (hash, case, kinds) = (plan.hash(), plan.case().raw(), plan.plan().kinds());
    let ask = Ask::new(asked, hash, case, &host, target, kinds).removing(items);
    let waiting = Waiting { ask, me, reasons };
    wait(&world, plan, waiting, lease).await;
}

/// Gives the host by which the second person's console finds the provider. What removes an item may go to another one:
/// Google has one for mailboxes and one for accounts.
fn host_of(items: &[Item], probe: impl FnOnce() -> Option<String>, first: Option<&str>) -> String {
    let known = if items.is_empty() { None } else { probe() };
    known.unwrap_or_else(|| first.unwrap_or_default().to_owned())
}

/// What is waited for, and by whom.
struct Waiting {
    ask: Ask,
    me: Author,
    reasons: Vec<Safe>,
}

async fn wait(world: &Arc<World>, plan: ConfirmedPlan, waiting: Waiting, lease: Lease) {
    let now = world.clock.now();
    let known = world.journal.with(|ledger| {
        let view = ledger.asked().get(&waiting.ask.plan);
        view.map(|view| view.expires)
    });
    let expires = known.unwrap_or(now.utc + TTL).min(now.utc + TTL);
    // Posting the request takes time as well.
    let until = now.boot + (expires - now.utc).to_std().unwrap_or_default();
    let requested = Body::ApprovalRequested {
        pid: plan.pid().clone(),
        aids: aids(&plan),
        ask: waiting.ask.clone(),
        reasons: waiting.reasons.iter().map(Safe::to_string).collect(),
        requester: waiting.me.id.clone(),
        requester_login: waiting.me.login.clone(),
        expires,
    };
    // Nothing is in the case before this is on disk.
    if let Err(fault) = world.journal.record(vec![requested]).await {
        stop(world, &plan, fault.what).await;
        return;
    }
    let by = outbox::operator(world);
    let text = |head: &Anchor| {
        let request = compose_request(&waiting.ask, &waiting.reasons, &by, expires);
        format!("{request}\naudit {} n={} h={}\n", head.log, head.n, head.h)
    };
    let marker = waiting.ask.marker();
    let comment = match outbox::post(world, plan.case(), &marker, text).await {
        Ok(comment) => comment,
        Err(unposted) => match asked(world, &plan, &marker, unposted, expires).await {
            Asked::In(comment) => comment,
            Asked::Not(reason) => return stop(world, &plan, reason).await,
            Asked::NotRead => return expired(world, &aids(&plan), UNASKED).await,
            Asked::Ended => return,
        },
    };
    let mut eyes = Eyes::default();
    loop {
        match eyes.look(world, plan.case(), &waiting, &comment).await {
            Look::Wait => {}
            Look::Void(reason) => return stop(world, &plan, reason).await,
            Look::Denied(by, comment) => return denied(world, &plan, by, comment).await,
            // This console may have been stopped, or asleep, since the answer came: what was asked for until then is over.
            Look::Approved(_) if is_over(until, world.clock.now().boot) => {
                let late = "the approval was seen too late: nothing was sent";
                return expired(world, &aids(&plan), late).await;
            }
            Look::Approved(grant) => {
                let approved = plan.clone().approved_by(*grant);
                if approved.grant().is_none() {
                    return stop(world, &plan, "the approval is for another plan".into()).await;
                }
                return send(world, approved, &waiting.ask.plan, lease);
            }
        }
        if world.clock.now().boot >= until {
            return expired(world, &aids(&plan), UNANSWERED).await;
        }
        if !world.pause(LOOK).await {
            return;
        }
    }
}

/// Said of a request that nobody could read in its case until its time was over.
const UNASKED: &str =
    "whether the request is in the case was not read within 15 minutes: nothing was sent";

/// Where a request is that is not on record as being in its case.
enum Asked {
    In(Untrusted),
    Not(Safe),
    NotRead,
    Ended,
}

/// Finds out whether a request is in its case: somebody may say yes to one that is.
async fn asked(
    world: &World,
    plan: &ConfirmedPlan,
    marker: &str,
    unposted: Unposted,
    until: DateTime<Utc>,
) -> Asked {
    let reason = match unposted.place {
        Place::There(comment) => return Asked::In(comment),
        Place::Absent => {
            return Asked::Not(safe!(
                "the request is not in the case: {}",
                unposted.fault.what
            ));
        }
        Place::Perhaps => unposted.fault.what,
    };
    let line = safe!(
        "whether the request is in the case is not known yet: {}",
        reason
    );
    world.notice(Level::Warning, Fault::new(line)).await;
    match outbox::settle(world, plan.case(), marker, until).await {
        Some(Some(comment)) => Asked::In(comment),
        Some(None) => Asked::Not(safe!("the request is not in the case: {}", reason)),
        None if world.clock.now().utc > until => Asked::NotRead,
        None => Asked::Ended,
    }
}

/// What one look at the case showed.
enum Look {
    Wait,
    Void(Safe),
    Denied(Untrusted, Untrusted),
    Approved(Box<Grant>),
}

/// What was seen in the case so far.
#[derive(Default)]
struct Eyes {
    authors: HashMap<Untrusted, Option<Author>>,
    refused: HashSet<Untrusted>,
    failing: bool,
}

impl Eyes {
    async fn look(
        &mut self,
        world: &World,
        case: &CaseId,
        waiting: &Waiting,
        comment: &Untrusted,
    ) -> Look {
        let Some(source) = world.case_system(&case.connection) else {
            return Look::Void("the case system is not configured any more".into());
        };
        let read = self.read(source.as_ref(), case, waiting, comment).await;
        let (posted, written) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(void)) => return Look::Void(void),
            Err(fault) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let line = safe!("the case cannot be read for an answer: {}", fault.what);
                    world.notice(Level::Warning, Fault::new(line)).await;
                }
                return Look::Wait;
            }
        };
        self.failing = false;
        // What another console of this user used up counts as well.
        world.journal.catch_up().await;
        let (decision, refused) = world
            .journal
            .with(|ledger| decide(&waiting.ask, &posted, &written, ledger.asked().used()));
        for (id, reason) in refused {
            if self.refused.insert(id) {
                let refusal = Body::Refusal {
                    case: case.clone(),
                    account: None,
                    login: waiting.ask.login.clone(),
                    kinds: Vec::new(),
                    guard: "second person".to_owned(),
                    reason: own(safe!("an approval does not count: {}", reason).to_string()),
                };
                // The journal tells the console when it fails.
                let _ = world.journal.record(vec![refusal]).await;
            }
        }
        match decision {
            Decision::Wait => Look::Wait,
            Decision::Denied(by, comment) => Look::Denied(by, comment),
            Decision::Approved(grant) => Look::Approved(grant),
        }
    }

    async fn read(
        &mut self,
        source: &dyn Cases,
        case: &CaseId,
        waiting: &Waiting,
        comment: &Untrusted,
    ) -> Result<Result<(Posted, Vec<Written>), Safe>, Fault> {
        let comments = source.find_comment(case, EITHER).await?;
        let Some(request) = comments.iter().find(|one| one.id == *comment) else {
            return Ok(Err("the request is not in the case any more".into()));
        };
        let posted = match posted_as(&waiting.ask, request, &waiting.me) {
            Ok(posted) => posted,
            Err(void) => return Ok(Err(void)),
        };
        let mut written = Vec::new();
        for comment in comments {
            let answers =
                answer_in(comment.message.raw()).is_some_and(|a| a.ask.plan == waiting.ask.plan);
            if !answers {
                continue;
            }
            let author = if let Some(known) = self.authors.get(&comment.author) {
                known.clone()
            } else {
                let author = source.author(&comment.author).await?;
                self.authors.insert(comment.author.clone(), author.clone());
                author
            };
            written.push(Written { comment, author });
        }
        Ok(Ok((posted, written)))
    }
}

fn aids(plan: &ConfirmedPlan) -> Vec<ActionId> {
    plan.actions().iter().map(|a| a.aid().clone()).collect()
}

/// Hands what was approved over to be sent; the lease keeps every other console of this user away until its end.
fn send(world: &Arc<World>, plan: ConfirmedPlan, asked: &PlanId, lease: Lease) {
    if world.stop.is_cancelled() {
        return;
    }
    let finish = world.must_finish.token();
    let (shared, key) = (Arc::clone(world), key(asked));
    world.tasks.spawn(async move {
        respond::carry_out(Arc::clone(&shared), plan, finish).await;
        if let Some(key) = key {
            lease::clear(&shared.leases, &key);
        }
        drop(lease);
    });
}

async fn stop(world: &World, plan: &ConfirmedPlan, reason: Safe) {
    let evidence = format!("not sent: {reason}");
    let bodies = aids(plan)
        .iter()
        .map(|aid| outcome(aid, OutcomeState::Abandoned, evidence.clone(), None))
        .collect();
    let line = safe!("the approval was not asked for or is void: {}", reason);
    over(world, bodies, line).await;
}

async fn denied(world: &World, plan: &ConfirmedPlan, by: Untrusted, comment: Untrusted) {
    let line = safe!("denied by {}: nothing was sent", by.field());
    let denied = Body::ApprovalDenied {
        pid: plan.pid().clone(),
        aids: aids(plan),
        by,
        comment,
    };
    over(world, vec![denied], line).await;
}

/// Records that nobody waits for an answer any more, and says it. What the log does not take is tried again: it would look
/// as if an answer were waited for.
async fn over(world: &World, bodies: Vec<Body>, line: Safe) {
    // The journal tells the console when it fails; nothing was sent in any case.
    let mut recorded = world.journal.record(bodies.clone()).await;
    world.notice(Level::Error, Fault::new(line)).await;
    while recorded.is_err() && world.pause(follow::LOOK).await {
        recorded = world.journal.record(bodies.clone()).await;
    }
}

async fn expired(world: &World, aids: &[ActionId], evidence: &str) {
    end(world, aids, OutcomeState::Expired, evidence).await;
}

/// Records the last word of what waited, and says why.
async fn end(world: &World, aids: &[ActionId], state: OutcomeState, evidence: &str) {
    let bodies = aids
        .iter()
        .map(|aid| outcome(aid, state, evidence.to_owned(), None))
        .collect();
    // The journal tells the console when it fails; what has no word is looked at again.
    let _ = world.journal.record(bodies).await;
    let line = own(evidence).line();
    world.notice(Level::Error, Fault::new(line)).await;
}

/// Ends what nobody waits for any more: requests whose time is over, and what a console left of one that died while it
/// wrote the answer or the last words.
pub(super) async fn sweep(world: &World) {
    for found in lapsed(world) {
        let Some(key) = key(&found.asked) else {
            continue;
        };
        // Whoever waits holds it; a lease that cannot be taken is looked at again.
        let Ok(Some(lease)) = lease::take(&world.leases, &key) else {
            continue;
        };
        // Its word may have been said between our look and the lease.
        world.journal.catch_up().await;
        let still = lapsed(world).into_iter().find(|one| one.pid == found.pid);
        if let Some(one) = still {
            end(world, &one.aids, one.state, &one.evidence).await;
        }
        lease::clear(&world.leases, &key);
        drop(lease);
    }
}

fn lapsed(world: &World) -> Vec<Lapsed> {
    let now = world.clock.now().utc;
    world.journal.with(|ledger| ledger.lapsed(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::remnant::RemnantKind;

    #[test]
    fn an_answer_that_is_seen_long_after_the_end_of_a_request_sends_nothing() {
        let until = Duration::from_secs(1_000);
        for (boot, over) in [(0, false), (1_000, false), (1_029, false), (1_030, true)] {
            assert_eq!(is_over(until, Duration::from_secs(boot)), over, "{boot}");
        }
    }

    #[test]
    fn a_removal_names_the_host_by_which_the_provider_is_found() {
        let rule = [Item::new(RemnantKind::InboxRule, "a", "rule")];
        let probe = || Some("accounts.example".to_owned());
        let first = Some("mail.example");
        assert_eq!(host_of(&rule, probe, first), "accounts.example");
        assert_eq!(host_of(&rule, || None, first), "mail.example");
        assert_eq!(host_of(&[], probe, first), "mail.example");
    }
}
