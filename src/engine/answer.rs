//! The second person's console: reading what is asked, with the account as this console sees it, and answering it.
//!
//! What must not live here: whether an answer counts (see `domain::containment::approval`).

use std::sync::Arc;

use super::approval::{KNOWN_BY, comments, person};
use super::journal::own;
use super::plan::frozen;
use super::{World, outbox};
use crate::app::message::{Level, Message};
use crate::config::settings::Mode;
use crate::connect::capability::PreparedCall;
use crate::domain::account::Account;
use crate::domain::audit::Body;
use crate::domain::containment::approval::{
    Ask, EITHER, GivenAnswer, Request, Say, compose_answer, requests, second_person,
};
use crate::domain::containment::consent::{Asked, Given};
use crate::domain::containment::note::Anchor;
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, CaseId, RecordId};
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
    // A yes lets an action run on another host.
    refusals.extend(frozen(&world.freeze));
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
    // The switch may have been set while the dialog was open; a no stops an action and goes out.
    let stopped = frozen(&world.freeze).filter(|_| answer.say != Say::Deny);
    if let Some(reason) = outbox::unposted(world).or(stopped) {
        return Err(Fault::new(reason));
    }
    let me = match person(source.as_ref()).await {
        Ok(me) => me.id,
        // A no needs no proof.
        Err(_) if answer.say == Say::Deny => Untrusted::default(),
        Err(reason) => return Err(Fault::new(reason)),
    };
    let rid = RecordId::from_parts(world.clock.now().utc, super::clock::random());
    let marker = format!("quell:answer:{rid}");
    let given = Body::ApprovalGiven(GivenAnswer {
        case: case.clone(),
        ask: answer.ask.clone(),
        request: answer.request.clone(),
        say: answer.say,
        account: given.account().clone(),
        approver: me,
    });
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
