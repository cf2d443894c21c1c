//! Carrying out what was confirmed: guards again, intent on disk, exactly one request, the answer on disk.
//!
//! The only place that reaches the methods which change an account.

mod answer;
mod apart;
mod halt;
mod last;
mod secret;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::journal::{NotRecorded, own};
use answer::{Answer, answered, silent};
use apart::look_apart;
use halt::{has_ended, not_again, refused_once, skip, unsent};
use secret::{hand_over, made_for};

use super::plan::Rule;
use super::{World, follow, outbox, plan, prove, removal, watch};
use crate::app::message::Level;
use crate::connect::capability::Identity;
use crate::domain::audit::{Body, OutcomeState};
use crate::domain::containment::caps;
use crate::domain::containment::confirm::{ConfirmedAction, ConfirmedPlan};
use crate::domain::containment::guard::GuardResult;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::plan::{Expected, changed_since};
use crate::domain::containment::rival;
use crate::domain::containment::state::ActionState;
use crate::domain::fault::Fault;
use crate::domain::ids::ActionId;
use crate::domain::text::Safe;
use crate::safe;
use crate::store::lease::{self, Lease};

/// Longest wait for the answer to a send.
pub(super) const ANSWER: Duration = Duration::from_secs(20);

/// When a send that does not end by itself counts as unanswered.
pub(super) const GUARD: Duration = Duration::from_secs(25);

/// Why the rest of a plan is not sent.
struct Halt {
    reason: Safe,
    bodies: Vec<Body>,
    /// Whether the bodies hold the last that is said of the action it was stopped at.
    ended: bool,
    /// Whether an earlier request of that action left, which has no final word: it is read back.
    left: bool,
    /// Whether only this action is not sent: what it removes is gone or another, which says nothing of the others.
    alone: bool,
}

/// Carries a plan out; `finish` is held until its last answer is on record.
pub(super) async fn carry_out(world: Arc<World>, plan: ConfirmedPlan, finish: TaskTrackerToken) {
    let mut confirmed = confirmations(&world, &plan);
    // Every action is ours before any of them is on record, so that no other console takes one for an orphan.
    let mut leases = match take_leases(&world, &plan) {
        Ok(leases) => leases,
        Err(halt) => {
            give_up(&world, &plan, 0, &halt, confirmed).await;
            return;
        }
    };
    plan::warn_of_others(&world, &plan).await;
    let mut proofs = Vec::new();
    // A provider may show our own act late: until then the status of the plan is no change either.
    let mut expected = Expected::of_kinds(plan.account(), &plan.plan().kinds());
    for (index, action) in plan.actions().iter().enumerate() {
        let (sent, goes_on) = match step(&world, &plan, action, &expected, &mut confirmed).await {
            Ok(sent) => (sent, true),
            Err(halt) => {
                let (left, goes_on) = (halt.left, halt.alone);
                if goes_on {
                    skip(&world, action, halt, &mut confirmed).await;
                } else {
                    let confirmed = std::mem::take(&mut confirmed);
                    give_up(&world, &plan, index, &halt, confirmed).await;
                }
                let sent = if left { Sent::Perhaps } else { Sent::Not };
                (sent, goes_on)
            }
        };
        if matches!(sent, Sent::Perhaps) {
            let (kind, identity) = (action.kind(), world.identity(&plan.account().id.connection));
            expected.add(kind, identity.and_then(|identity| identity.leads_to(kind)));
            let lease = leases.remove(action.aid());
            let (world, aid) = (Arc::clone(&world), action.aid().clone());
            proofs.push(tokio::spawn(async move {
                prove::prove(world, aid, lease).await;
            }));
        }
        if !goes_on {
            break;
        }
    }
    if !confirmed.is_empty() {
        // Nothing of it was left to be sent. The journal tells the console when it fails.
        let _ = world.journal.record(confirmed).await;
    }
    for aid in leases.keys() {
        lease::clear(&world.leases, aid);
    }
    // What is not read back has its final word; a lease that stayed would only keep its documentation away.
    drop(leases);
    drop(finish);
    // What could not be given up on record is, once the log takes it: that may have been before the leases were let go.
    let mut left = world.journal.plan(plan.pid()).into_iter();
    let is_left = left.any(|action| action.state == ActionState::Confirmed);
    if is_left && !world.journal.tells_of_failure() {
        world.journal.wake();
    }
    for proof in proofs {
        // A proof that panicked leaves the action unfinished, which is what it then is.
        let _ = proof.await;
    }
    outbox::document(world, plan.pid().clone()).await;
}

fn take_leases(world: &World, plan: &ConfirmedPlan) -> Result<HashMap<ActionId, Lease>, Halt> {
    let mut leases = HashMap::new();
    for action in plan.actions() {
        let reason = match lease::take(&world.leases, action.aid()) {
            Ok(Some(lease)) => {
                leases.insert(action.aid().clone(), lease);
                continue;
            }
            Ok(None) => "another process works on this action".into(),
            Err(error) => {
                let error = own(error.to_string());
                safe!("failed to take the lease of the action: {}", error.line())
            }
        };
        return Err(Halt {
            reason,
            bodies: Vec::new(),
            ended: false,
            left: false,
            alone: false,
        });
    }
    Ok(leases)
}

fn confirmations(world: &World, plan: &ConfirmedPlan) -> Vec<Body> {
    // The approval is used up by the same write that confirms and intends: it can neither get lost nor count twice.
    let approval = plan.grant().map(|grant| Body::Approval {
        pid: plan.pid().clone(),
        asked: grant.ask().plan.clone(),
        plan_hash: plan.hash().to_owned(),
        approver: grant.by().id.clone(),
        approver_login: grant.by().login.clone(),
        comment: grant.comment().clone(),
        at: grant.at(),
    });
    let confirms = plan.actions().iter().map(|action| Body::ActionConfirm {
        pid: plan.pid().clone(),
        aid: action.aid().clone(),
        how: "typed name and y".to_owned(),
        plan_hash: plan.hash().to_owned(),
        dry_run: plan.dry_run(),
        operator: outbox::login(world),
    });
    approval.into_iter().chain(confirms).collect()
}

/// What was read of the account right before a send.
#[derive(Clone, Copy)]
struct Seen {
    /// The provider's clock.
    server_date: Option<DateTime<Utc>>,
    password_changed: Option<DateTime<Utc>>,
    tokens_valid_from: Option<DateTime<Utc>>,
}

/// What became of one step.
enum Sent {
    /// It certainly had no effect.
    Not,
    /// It had, or may have had; it is read back.
    Perhaps,
}

/// Carries out one action up to its answer. `confirmed` holds records that go into the same durable write.
async fn step(
    world: &World,
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    expected: &Expected,
    confirmed: &mut Vec<Body>,
) -> Result<Sent, Halt> {
    let id = &plan.account().id;
    let identity = world
        .identity(&id.connection)
        .ok_or_else(|| because("the identity provider is not configured any more".into()))?;
    let (mut looked, mut seen) =
        look_apart(world, plan, action, expected, identity.as_ref()).await?;
    if plan.dry_run() {
        let call = action.call();
        let evidence = format!("would have sent {} {}{}", call.method, call.host, call.path);
        let mut bodies = confirmed.clone();
        bodies.push(outcome(action.aid(), OutcomeState::DryRun, evidence, None));
        world
            .journal
            .record(bodies)
            .await
            .map_err(|fault| because(fault.what))?;
        confirmed.clear();
        return Ok(Sent::Not);
    }
    let password = made_for(action, identity.as_ref())?;
    let mut attempt = 1;
    loop {
        // Kept until they are on record: giving up records them too.
        let mut bodies = confirmed.clone();
        if attempt == 1 {
            bodies.extend(plan.promised(action.aid()).cloned());
            if action.kind() == ActionKind::DisableAccount {
                bodies.extend(watch::undone_before(world, plan.plan()));
            }
        }
        bodies.push(intent(world, action, attempt, seen));
        // Nothing leaves before this is on disk; if it fails, nothing is sent. The caps are counted in the same act, and
        // the approval is used up in it.
        let by = Arc::default();
        let allows = plan::allows(world, plan, action, &bodies, &by);
        let halt = match world.journal.record_if(bodies, allows).await {
            Ok(_) => None,
            Err(NotRecorded::Failed(fault)) => Some(because(fault.what)),
            Err(NotRecorded::Refused(reason)) => {
                let by = by.get().copied().unwrap_or_default();
                Some(refused(plan, action, (by, reason), confirmed))
            }
        };
        if let Some(halt) = halt {
            return Err(refused_once(action, attempt, halt));
        }
        confirmed.clear();
        world.probe.pass("send.before").await;
        let last = last::looks(world, plan, action, (expected, looked), identity.as_ref());
        last.await.map_err(|halt| unsent(action, attempt, halt))?;
        let answer =
            tokio::time::timeout(GUARD, identity.perform(action, password.as_deref())).await;
        let answer = answer.unwrap_or_else(|_elapsed| Err(silent(action)));
        world.probe.pass("send.after").await;
        let secret = match &answer {
            Ok(accepted) => accepted.secret.clone().or_else(|| password.clone()),
            Err(_) => password.clone(),
        };
        let meaning = answered(world, action, attempt, answer).await;
        hand_over(world, plan, action, secret, &meaning).await;
        match meaning {
            Answer::Again(wait) => {
                // The one send more: the provider said that the first was not executed.
                if !world.pause(Duration::from_secs(wait)).await {
                    // Whatever was said of it, it left: the next start reads back what became of it. A log that fails now
                    // leaves it unfinished all the same.
                    let ended = not_again(action.aid(), attempt, &"the console ended".into());
                    let _ = world.journal.record(vec![ended]).await;
                    return Ok(Sent::Perhaps);
                }
                attempt += 1;
                // The wait may have been minutes: what was true before it is asked again.
                let again = look_apart(world, plan, action, expected, identity.as_ref()).await;
                (looked, seen) = again.map_err(|halt| refused_once(action, attempt, halt))?;
            }
            Answer::Nothing => return Ok(Sent::Not),
            Answer::Perhaps | Answer::Denied => return Ok(Sent::Perhaps),
        }
    }
}

/// Says what refused an intent under the lock of the log; an approval that others used up is not recorded once more.
fn refused(
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    (by, reason): (Rule, Safe),
    confirmed: &mut Vec<Body>,
) -> Halt {
    let guard = match by {
        Rule::Closed => {
            // Its word stands, and a confirmation would be one of an action that is over.
            confirmed.retain(|body| body.about() != Some(action.aid()));
            return Halt {
                ended: true,
                alone: true,
                ..because(reason)
            };
        }
        Rule::Spent => {
            confirmed.retain(|body| !matches!(body, Body::Approval { .. }));
            "second person"
        }
        Rule::Rival => rival::GUARD,
        Rule::CaseOver => "case",
        Rule::Caps => caps::GUARD,
    };
    let refused = GuardResult {
        guard,
        refusal: Some(reason.clone()),
    };
    Halt {
        reason,
        bodies: plan::refusals(plan.plan(), &[refused]),
        ended: false,
        left: false,
        // Another plan takes the same thing away; the others of this one are nobody else's.
        alone: guard == rival::GUARD && action.item().is_some(),
    }
}

/// Looks again as [`look_again`] does, while there is time: a console that ends begins nothing that it cannot end.
async fn look_in_time(
    world: &World,
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    expected: &Expected,
    identity: &dyn Identity,
) -> Result<Seen, Halt> {
    let ended = || because("the console ended before it was sent".into());
    if world.closing.is_cancelled() {
        return Err(ended());
    }
    tokio::select! {
        () = world.ending() => Err(ended()),
        looked = look_again(world, plan, action, expected, identity) => looked,
    }
}

/// Reads the account again right before the send: the plan must still be true and the guards must still pass.
async fn look_again(
    world: &World,
    plan: &ConfirmedPlan,
    action: &ConfirmedAction,
    expected: &Expected,
    identity: &dyn Identity,
) -> Result<Seen, Halt> {
    let account = identity
        .account(&plan.account().id)
        .await
        .map_err(|error| because(safe!("the account could not be read again: {}", error.what)))?;
    let changed =
        changed_since(plan.account(), &account, expected).map(|what| safe!("{} changed", what));
    let alone = changed.is_none();
    let reason = if let Some(what) = changed {
        Some(safe!("the plan is stale: {}", what))
    } else {
        let stale = removal::stale(identity, &account.id, action).await;
        stale.map(|what| safe!("the plan is stale here: {}", what))
    };
    if let Some(reason) = reason {
        let refusal = Body::Refusal {
            case: plan.case().clone(),
            account: Some(account.id.clone()),
            login: account.login.clone(),
            kinds: vec![action.kind().key().to_owned()],
            guard: "stale plan".to_owned(),
            reason: own(reason.as_str()),
        };
        return Err(Halt {
            reason,
            bodies: vec![refusal],
            ended: false,
            left: false,
            alone,
        });
    }
    let asked_for = &plan.account().login;
    let kinds = [action.kind()];
    let judged = plan::judge_all(world, identity, &account, asked_for, &kinds).await;
    let guards = judged.guards;
    let word = plan.grant().is_some() || plan.dry_run();
    let unasked = judged
        .reasons
        .first()
        .filter(|_| !word)
        .map(|reason| safe!("it needs a second person now: {}; plan it again", reason));
    // A campaign that the dialog did not name was not confirmed.
    let unnamed = judged
        .campaign
        .filter(|name| plan.plan().campaign.as_ref() != Some(name))
        .map(|_| "a cap was reached meanwhile: plan it again in the name of the campaign".into());
    if let Some(reason) = unasked.or(unnamed) {
        return Err(because(reason));
    }
    if let Some(refusal) = guards.iter().find_map(|guard| guard.refusal.clone()) {
        return Err(Halt {
            reason: refusal,
            bodies: plan::refusals(plan.plan(), &guards),
            ended: false,
            left: false,
            alone: false,
        });
    }
    Ok(Seen {
        server_date: account.server_date,
        password_changed: account.password_changed,
        tokens_valid_from: account.tokens_valid_from,
    })
}

fn because(reason: Safe) -> Halt {
    Halt {
        reason,
        bodies: Vec::new(),
        ended: false,
        left: false,
        alone: false,
    }
}

fn intent(world: &World, action: &ConfirmedAction, attempt: u32, seen: Seen) -> Body {
    let call = action.call();
    let deadline = world.clock.now().utc + chrono::Duration::from_std(ANSWER).unwrap_or_default();
    Body::ActionIntent {
        aid: action.aid().clone(),
        attempt,
        method: call.method.to_owned(),
        host: call.host.clone(),
        path: own(call.path.clone()),
        body_sha256: call.body_sha256.clone(),
        request_id: format!("{}-{attempt}", action.aid()),
        server_date: seen.server_date,
        password_changed: seen
            .password_changed
            .filter(|_| action.kind().is_of_password()),
        valid_from: seen
            .tokens_valid_from
            .filter(|_| action.kind() == ActionKind::RevokeSessions),
        deadline,
    }
}

async fn give_up(
    world: &World,
    plan: &ConfirmedPlan,
    from: usize,
    halt: &Halt,
    confirmed: Vec<Body>,
) {
    let line = safe!(
        "stopped before {}: {}",
        plan.actions()
            .get(from)
            .map_or_else(|| "the end".into(), ConfirmedAction::what),
        halt.reason
    );
    let mut bodies = confirmed;
    bodies.extend(halt.bodies.clone());
    // Whoever closed one of them meanwhile said its last word.
    world.journal.catch_up().await;
    let rest = plan.actions().iter().skip(from + usize::from(halt.ended));
    for action in rest.filter(|action| !has_ended(world, action)) {
        let evidence = format!("not sent: {}", halt.reason);
        bodies.push(outcome(
            action.aid(),
            OutcomeState::Abandoned,
            evidence,
            None,
        ));
    }
    // The journal tells the console when it fails; nothing was sent in any case.
    let mut recorded = world.journal.record(bodies.clone()).await;
    world.notice(Level::Error, Fault::new(line)).await;
    // What was approved, and has neither that nor its end on record, would look as if an answer were waited for.
    let waits = |action: &ConfirmedAction| {
        let now = world.journal.action(action.aid());
        now.is_some_and(|now| now.state == ActionState::Awaiting)
    };
    while recorded.is_err() && plan.actions().iter().any(waits) && world.pause(follow::LOOK).await {
        recorded = world.journal.record(bodies.clone()).await;
    }
}

/// Makes the record of a final word.
pub(super) fn outcome(
    aid: &ActionId,
    state: OutcomeState,
    evidence: String,
    seconds: Option<u32>,
) -> Body {
    Body::ActionOutcome {
        aid: aid.clone(),
        state,
        evidence: own(evidence),
        seconds,
    }
}
