//! The second person's console: reading what is asked, with the account as this console sees it, and answering it.
//!
//! What must not live here: whether an answer counts (see `domain::containment::approval`).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::approval::{KNOWN_BY, comments, person};
use super::journal::own;
use super::outbox::{Place, Unposted};
use super::plan::frozen;
use super::{World, outbox};
use crate::app::message::{Level, Message};
use crate::config::settings::Mode;
use crate::connect::capability::{Cases, PreparedCall};
use crate::domain::account::Account;
use crate::domain::audit::Body;
use crate::domain::case::Comment;
use crate::domain::containment::approval::{
    Answer, Ask, Decision, EITHER, GivenAnswer, Posted, Request, Say, Written, answer_in,
    compose_answer, compose_held, decide, requests, second_person,
};
use crate::domain::containment::consent::{Asked, Given};
use crate::domain::containment::note::Anchor;
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, CaseId, RecordId};
use crate::domain::operator::Author;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

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
    let me = person(source.as_ref()).await;
    let asks = source.author(&request.by).await?;
    if let Some(asks) = &asks {
        refusals.extend(answered(source.as_ref(), &request, asks, &comments).await);
    }
    match (me, asks) {
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
        // What removes an item is known for an account only; that it is the same provider is known by any call.
        let known = if ask.items.is_empty() {
            ask.kinds.as_slice()
        } else {
            &[KNOWN_BY]
        };
        let calls: Result<Vec<PreparedCall>, _> = known
            .iter()
            .map(|kind| identity.prepare(*kind, &id))
            .collect();
        let Ok(calls) = calls else { continue };
        if calls.first().is_some_and(|call| call.host == ask.host) {
            let account = identity.account(&id).await?;
            // As many as the plan that waits has: what a provider needs for the account as it is now.
            let what = (ask.kinds.as_slice(), ask.items.as_slice());
            let steps = super::plan::planned(identity.as_ref(), what, &account).await?;
            if !steps
                .iter()
                .map(|(step, _)| step.kind)
                .eq(ask.kinds.iter().copied())
            {
                return Err(Fault::new(
                    "the account needs other requests now than were asked for",
                ));
            }
            let calls = steps.into_iter().map(|(step, _)| step.call);
            return Ok((account, calls.collect()));
        }
    }
    let host = own(ask.host.as_str());
    Err(Fault::new(safe!(
        "no identity provider of this console is at {}",
        host.ident()
    )))
}

/// Says that a request has its answer, by the rule of the console that waits: what does not count there keeps nobody
/// from answering.
async fn answered(
    source: &dyn Cases,
    request: &Request,
    asks: &Author,
    comments: &[Comment],
) -> Option<Safe> {
    let mut known: HashMap<Untrusted, Option<Author>> = HashMap::new();
    let mut written = Vec::new();
    for comment in comments {
        if answer_in(comment.message.raw()).is_none_or(|a| a.ask.plan != request.ask.plan) {
            continue;
        }
        let author = if let Some(author) = known.get(&comment.author) {
            author.clone()
        } else {
            // Whose yes it is cannot be said here: a second one does no harm.
            let author = source.author(&comment.author).await.unwrap_or_default();
            known.insert(comment.author.clone(), author.clone());
            author
        };
        written.push(Written {
            comment: comment.clone(),
            author,
        });
    }
    let posted = Posted {
        comment: request.comment.clone(),
        at: request.at,
        by: asks.clone(),
    };
    let (say, by) = match decide(&request.ask, &posted, &written, &BTreeSet::new()).0 {
        Decision::Wait => return None,
        Decision::Denied(by, _) => (Say::Deny, by),
        Decision::Approved(grant) => (Say::Approve, grant.by().login.clone()),
    };
    Some(safe!(
        "it is answered already: {} by {}",
        say.word(),
        by.field()
    ))
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
    // A yes lets an action run on another host.
    refusals.extend(frozen(&world.freeze));
    refusals
}

/// Posts an answer, after it is on record here.
pub(super) async fn answer(world: Arc<World>, given: Given) {
    let say = given.answer().say;
    let rid = RecordId::from_parts(world.clock.now().utc, super::clock::random());
    let marker = format!("quell:answer:{rid}");
    let mut is_open = false;
    let line = match try_answer(&world, &given, &marker).await {
        Ok(None) => (Level::Info, in_case(&given), None),
        Ok(Some(before)) => (
            Level::Warning,
            safe!(
                "your answer is in the case: {}, but {}",
                say.answer(),
                before
            ),
            Some(
                "what was sent by then stands: the record of the response says what that is".into(),
            ),
        ),
        Err(unposted) => {
            is_open = unposted.place == Place::Perhaps;
            let fault = unposted.said([
                "your answer is not in the case".into(),
                "whether your answer is in the case is not known yet".into(),
                safe!("{}; that is not on record", in_case(&given)),
            ]);
            (Level::Error, fault.what, fault.hint)
        }
    };
    let fault = Fault {
        what: line.1,
        hint: line.2,
    };
    world.notice(line.0, fault).await;
    comments(Arc::clone(&world), given.case().clone()).await;
    if is_open {
        settle(&world, &given, &marker).await;
        comments(world, given.case().clone()).await;
    }
}

/// Says whether an answer is in its case, once that can be read.
async fn settle(world: &World, given: &Given, marker: &str) {
    let until = given.expires();
    let (level, what) = match outbox::settle(world, given.case(), marker, until).await {
        Some(Some(_)) => (Level::Info, in_case(given)),
        Some(None) => (
            Level::Error,
            "your answer is not in the case: it was read again and is not there".into(),
        ),
        None if world.clock.now().utc > until => (
            Level::Error,
            "whether your answer is in the case was not read in time: look there".into(),
        ),
        None => return,
    };
    world.notice(level, Fault::new(what)).await;
}

fn in_case(given: &Given) -> Safe {
    safe!(
        "your answer is in the case: {}",
        given.answer().say.answer()
    )
}

/// Why a yes may not go out.
struct Stop {
    /// The rule that stops it, as records name it.
    guard: &'static str,
    reason: Safe,
}

/// Tells why an answer may not go out now: the switch may be set, and the time of the request be over, at any time. A no
/// stops an action and goes out.
fn stopped(world: &World, given: &Given) -> Option<Stop> {
    if given.answer().say == Say::Deny {
        return None;
    }
    if let Some(reason) = frozen(&world.freeze) {
        let guard = "freeze";
        return Some(Stop { guard, reason });
    }
    (world.clock.now().utc > given.expires()).then(|| Stop {
        guard: "second person",
        reason: "it came after 15 minutes, by the clock of this console".into(),
    })
}

/// Gives what was answered while the dialog was open.
async fn before(source: &dyn Cases, case: &CaseId, answer: &Answer) -> Result<Option<Safe>, Fault> {
    let comments = source.find_comment(case, EITHER).await?;
    let all = requests(&comments).into_iter();
    let Some(request) = all.rev().find(|request| request.comment == answer.request) else {
        return Ok(None);
    };
    let asks = source.author(&request.by).await?;
    Ok(match asks {
        Some(asks) => answered(source, &request, &asks, &comments).await,
        None => None,
    })
}

/// Posts an answer; gives what was answered before it, where a no came after that.
async fn try_answer(world: &World, given: &Given, marker: &str) -> Result<Option<Safe>, Unposted> {
    let case = given.case();
    let source = world
        .case_system(&case.connection)
        .ok_or_else(|| Fault::new(safe!("no case system is named {}", case.connection)))?;
    let answer = given.answer();
    let unposted = outbox::unposted(world);
    if let Some(reason) = unposted.or_else(|| stopped(world, given).map(|stop| stop.reason)) {
        return Err(Fault::new(reason).into());
    }
    let me = match person(source.as_ref()).await {
        Ok(me) => me.id,
        // A no needs no proof.
        Err(_) if answer.say == Say::Deny => Untrusted::default(),
        Err(reason) => return Err(Fault::new(reason).into()),
    };
    let before = match before(source.as_ref(), case, answer).await {
        Ok(Some(before)) if answer.say == Say::Approve => {
            return Err(Fault::new(before).into());
        }
        Ok(before) => before,
        // A no goes out all the same.
        Err(_) if answer.say == Say::Deny => None,
        Err(fault) => return Err(fault.into()),
    };
    world.probe.pass("answer.read").await;
    // Those reads may take a minute.
    if let Some(stop) = stopped(world, given) {
        return Err(Fault::new(stop.reason).into());
    }
    let record = Body::ApprovalGiven(GivenAnswer {
        case: case.clone(),
        ask: answer.ask.clone(),
        request: answer.request.clone(),
        say: answer.say,
        account: given.account().clone(),
        approver: me,
    });
    world.journal.record(vec![record]).await?;
    let by = outbox::operator(world);
    let held: OnceLock<Stop> = OnceLock::new();
    // Composed after the outbox has read the case: only the record of the post comes between this and the post.
    let text = |head: &Anchor| {
        let text = match stopped(world, given) {
            None => compose_answer(answer, &by),
            Some(stop) => compose_held(answer, &by, &held.get_or_init(|| stop).reason),
        };
        format!(
            "{text}\n{marker}\naudit {} n={} h={}\n",
            head.log, head.n, head.h
        )
    };
    let posted = outbox::post(world, case, marker, text).await.map(drop);
    match held.into_inner() {
        None => posted.map(|()| before),
        Some(stop) => Err(held_back(world, given, stop, posted.is_ok()).await.into()),
    }
}

/// Records that a yes that was on record was not posted; gives what to say.
async fn held_back(world: &World, given: &Given, stop: Stop, is_told: bool) -> Fault {
    let ask = &given.answer().ask;
    let refusal = Body::Refusal {
        case: given.case().clone(),
        account: Some(given.account().clone()),
        login: ask.login.clone(),
        kinds: ask.kinds.iter().map(|kind| kind.key().to_owned()).collect(),
        guard: stop.guard.to_owned(),
        reason: own(safe!("the yes was not posted: {}", stop.reason).to_string()),
    };
    // The journal tells the console when it fails.
    let _ = world.journal.record(vec![refusal]).await;
    let fault = Fault::new(stop.reason);
    if is_told {
        fault.hint("a comment in the case says that it was held back")
    } else {
        fault
    }
}
