//! Asking a second person and waiting for them; and, at the other console, reading what is asked and answering it.
//!
//! Who wrote a comment is the case system's word alone. What must not live here: whether an answer counts (see
//! `domain::containment::approval`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::journal::own;
use super::respond::{self, outcome};
use super::{World, outbox};
use crate::app::message::{Level, Message};
use crate::config::settings::Mode;
use crate::connect::capability::{Cases, PreparedCall};
use crate::domain::account::Account;
use crate::domain::audit::{Body, OutcomeState};
use crate::domain::containment::approval::{
    Ask, Decision, EITHER, Posted, Request, Say, TTL, Written, answer_in, compose_answer,
    compose_request, decide, posted_as, requests, second_person,
};
use crate::domain::containment::asked::AskedView;
use crate::domain::containment::confirm::ConfirmedPlan;
use crate::domain::containment::consent::{Asked, Given};
use crate::domain::containment::note::Anchor;
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, ActionId, CaseId, PlanId, RecordId};
use crate::domain::operator::Author;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::lease::{self, Lease};

/// How often the case is looked at for an answer.
const LOOK: Duration = Duration::from_secs(5);

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
    let call = plan.plan().steps.first();
    let host = call.map_or("", |step| step.call.host.as_str());
    let target = (plan.account().id.raw(), &plan.account().login);
    let (hash, case, kinds) = (plan.hash(), plan.case().raw(), plan.plan().kinds());
    let ask = Ask::new(asked, hash, case, host, target, kinds);
    let waiting = Waiting { ask, me, reasons };
    wait(&world, plan, waiting, lease).await;
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
    let comment = match outbox::post(world, plan.case(), &waiting.ask.marker(), text).await {
        Ok(comment) => comment,
        Err(fault) => {
            let line = safe!("the request is not in the case: {}", fault.what);
            stop(world, &plan, line).await;
            return;
        }
    };
    let left = (expires - world.clock.now().utc)
        .to_std()
        .unwrap_or_default();
    let until = world.clock.now().boot + left;
    let mut eyes = Eyes::default();
    loop {
        match eyes.look(world, plan.case(), &waiting, &comment).await {
            Look::Wait => {}
            Look::Void(reason) => return stop(world, &plan, reason).await,
            Look::Denied(by, comment) => return denied(world, &plan, by, comment).await,
            Look::Approved(plan_of) => {
                let approved = plan.clone().approved_by(*plan_of);
                if approved.grant().is_none() {
                    return stop(world, &plan, "the approval is for another plan".into()).await;
                }
                return send(world, approved, &waiting.ask.plan, lease);
            }
        }
        if world.clock.now().boot >= until {
            return expired(world, &aids(&plan)).await;
        }
        if !world.pause(LOOK).await {
            return;
        }
    }
}

/// What one look at the case showed.
enum Look {
    Wait,
    Void(Safe),
    Denied(Untrusted, Untrusted),
    Approved(Box<crate::domain::containment::approval::Grant>),
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
            let author = match self.authors.get(&comment.author) {
                Some(known) => known.clone(),
                None => {
                    let author = source.author(&comment.author).await?;
                    self.authors.insert(comment.author.clone(), author.clone());
                    author
                }
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
    // The journal tells the console when it fails; nothing was sent in any case.
    let _ = world.journal.record(bodies).await;
    let line = safe!("the approval was not asked for or is void: {}", reason);
    world.notice(Level::Error, Fault::new(line)).await;
}

async fn denied(world: &World, plan: &ConfirmedPlan, by: Untrusted, comment: Untrusted) {
    let line = safe!("denied by {}: nothing was sent", by.field());
    let denied = Body::ApprovalDenied {
        pid: plan.pid().clone(),
        aids: aids(plan),
        by,
        comment,
    };
    let _ = world.journal.record(vec![denied]).await;
    world.notice(Level::Error, Fault::new(line)).await;
}

async fn expired(world: &World, aids: &[ActionId]) {
    let evidence = "nobody approved within 15 minutes: nothing was sent";
    let bodies = aids
        .iter()
        .map(|aid| outcome(aid, OutcomeState::Expired, evidence.to_owned(), None))
        .collect();
    let _ = world.journal.record(bodies).await;
    world.notice(Level::Error, Fault::new(evidence)).await;
}

/// Ends the requests that nobody waits for any more and whose time is over.
pub(super) async fn sweep(world: &World) {
    let over = |view: &&AskedView| view.expires <= world.clock.now().utc;
    let open: Vec<AskedView> = world
        .journal
        .with(|ledger| ledger.asked().open().filter(over).cloned().collect());
    for view in open {
        let Some(key) = key(&view.ask.plan) else {
            continue;
        };
        // Whoever waits holds it; a lease that cannot be taken is looked at again.
        let Ok(Some(lease)) = lease::take(&world.leases, &key) else {
            continue;
        };
        world.journal.catch_up().await;
        let still = world.journal.with(|ledger| {
            let view = ledger.asked().get(&view.pid);
            view.is_some_and(|view| !view.ended)
        });
        if still {
            expired(world, &view.aids).await;
        }
        lease::clear(&world.leases, &key);
        drop(lease);
    }
}

/// Reads one request anew, with the account as this console sees it, for the person who may answer.
pub(super) async fn look_into(world: Arc<World>, case: CaseId, comment: Untrusted) {
    let result = read_request(&world, case, &comment).await;
    world
        .tell(Message::ApprovalReady(result.map(Box::new)))
        .await;
}

async fn read_request(world: &World, case: CaseId, comment: &Untrusted) -> Result<Asked, Fault> {
    let source = world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))?;
    let comments = source.find_comment(&case, EITHER).await?;
    let request = requests(&comments)
        .into_iter()
        .find(|request| request.comment == *comment)
        .ok_or_else(|| Fault::new("the request is not in the case any more"))?;
    let (account, calls) = target(world, &request.ask).await?;
    let mut refusals = about(world, &case, &request, &account);
    match (
        person(source.as_ref()).await,
        source.author(&request.by).await?,
    ) {
        (Err(reason), _) => refusals.push(reason),
        (Ok(_), None) => refusals.push("the case system does not say who asks".into()),
        (Ok(me), Some(asks)) => refusals.extend(second_person(&asks, &me).err()),
    }
    Ok(Asked {
        case,
        request,
        account,
        calls,
        refusals,
    })
}

/// Finds the connection of this console that leads to the same provider, and reads the account there.
async fn target(world: &World, ask: &Ask) -> Result<(Account, Vec<PreparedCall>), Fault> {
    for identity in &world.identity {
        let id = AccountId::new(identity.connection().clone(), ask.target.as_str());
        let calls: Result<Vec<PreparedCall>, _> = ask
            .kinds
            .iter()
            .map(|kind| identity.prepare(*kind, &id))
            .collect();
        let Ok(calls) = calls else { continue };
        if calls.first().is_some_and(|call| call.host == ask.host) {
            let account = identity.account(&id).await?;
            return Ok((account, calls));
        }
    }
    let host = own(ask.host.as_str());
    Err(Fault::new(safe!(
        "no identity provider of this console is at {}",
        host.ident()
    )))
}

/// Lists why a request cannot be approved from here, as far as it is about the request and the account.
fn about(world: &World, case: &CaseId, request: &Request, account: &Account) -> Vec<Safe> {
    let mut refusals: Vec<Safe> = Vec::new();
    if request.edited {
        refusals.push("the request was edited".into());
    }
    if request.ask.case != case.raw() {
        refusals.push("the request was made for another case".into());
    }
    if request.answer.is_some() {
        refusals.push("it is answered already".into());
    }
    if world.clock.now().utc > request.expires() {
        refusals.push("it is older than 15 minutes, by the clock of this console".into());
    }
    if account.id.raw() != request.ask.target {
        refusals.push("the provider answered with another account".into());
    }
    if account.login != request.ask.login {
        refusals.push("the account has another login than the request says".into());
    }
    match world.settings.environment.mode {
        Mode::Live => {}
        mode => refusals.push(safe!("this console is {}", mode.word())),
    }
    refusals
}

/// Posts an answer, after it is on record here.
pub(super) async fn answer(world: Arc<World>, given: Given) {
    let say = given.answer().say;
    let line = match try_answer(&world, &given).await {
        Ok(()) => (
            Level::Info,
            safe!("{}: your answer is in the case", say.word()),
            None,
        ),
        Err(fault) => (
            Level::Error,
            safe!("your answer is not in the case: {}", fault.what),
            fault.hint,
        ),
    };
    let fault = Fault {
        what: line.1,
        hint: line.2,
    };
    world.notice(line.0, fault).await;
    comments(world, given.case().clone()).await;
}

async fn try_answer(world: &World, given: &Given) -> Result<(), Fault> {
    let case = given.case();
    let source = world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))?;
    let answer = given.answer();
    let me = match person(source.as_ref()).await {
        Ok(me) => me.id,
        // A no needs no proof.
        Err(_) if answer.say == Say::Deny => Untrusted::default(),
        Err(reason) => return Err(Fault::new(reason)),
    };
    let rid = RecordId::from_parts(world.clock.now().utc, super::clock::random());
    let marker = format!("quell:answer:{rid}");
    let given = Body::ApprovalGiven {
        case: case.clone(),
        ask: answer.ask.clone(),
        request: answer.request.clone(),
        say: answer.say,
        account: AccountId::new(case.connection.clone(), answer.ask.target.as_str()),
        approver: me,
    };
    world.journal.record(vec![given]).await?;
    let by = outbox::operator(world);
    let text = |head: &Anchor| {
        let text = compose_answer(answer, &by);
        format!(
            "{text}\n{marker}\naudit {} n={} h={}\n",
            head.log, head.n, head.h
        )
    };
    outbox::post(world, case, &marker, text).await.map(drop)
}
