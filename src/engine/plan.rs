//! Making a plan: resolve to one immutable id, take a snapshot, ask the guards, record it.

mod allowed;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) use allowed::{Rule, allows};

use super::journal::own;
use super::recovery::{self, Window};
use super::{World, anchored, removal};
use crate::app::message::{Level, Message, NoPlan};
use crate::config::settings::{EnvironmentKind, Mode};
use crate::connect::capability::{Identity, Step};
use crate::domain::account::Account;
use crate::domain::audit::Body;
use crate::domain::containment::administrators::{Others, must_be_counted, told};
use crate::domain::containment::campaign::CampaignNamed;
use crate::domain::containment::caps::{self, CapWord};
use crate::domain::containment::confirm::ConfirmedPlan;
use crate::domain::containment::counted::Counted;
use crate::domain::containment::guard::{GuardInput, GuardResult, judge};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::need::{self, Need};
use crate::domain::containment::note::of_others;
use crate::domain::containment::plan::{LIFETIME, Plan, PlannedStep, plan_hash};
use crate::domain::containment::remnant::{Item, Remnant, in_turn};
use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, ActionId, CaseId, PlanId};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::store::files;

/// Longest wait for the case system before a containment goes on without it.
pub(super) const CASE_WAIT: Duration = Duration::from_secs(3);

pub(super) async fn make(
    world: Arc<World>,
    case: CaseId,
    account: AccountId,
    asked_for: Untrusted,
    (kinds, items, window): (Vec<ActionKind>, Vec<Item>, Window),
) {
    let what = (kinds.as_slice(), items.as_slice(), window);
    let result = try_make(&world, case.clone(), account.clone(), &asked_for, what).await;
    let made = result.map(Box::new).map_err(|fault| {
        Box::new(NoPlan {
            case,
            account,
            kinds,
            items,
            fault,
        })
    });
    world.tell(Message::PlanMade(made)).await;
}

async fn try_make(
    world: &Arc<World>,
    case: CaseId,
    id: AccountId,
    asked_for: &Untrusted,
    (kinds, items, window): (&[ActionKind], &[Item], Window),
) -> Result<Plan, Fault> {
    let identity = world
        .identity(&id.connection)
        .ok_or_else(|| Fault::new(safe!("no identity provider is named {}", id.connection)))?;
    if world.settings.environment.mode == Mode::ReadOnly {
        return Err(Fault::new("planning refused: this console is READ ONLY"));
    }
    let items = in_turn(items);
    let items = items.as_slice();
    let found = identity.find(asked_for).await?;
    match found.as_slice() {
        [one] if one.id == id => {}
        [_] => {
            return Err(Fault::new(
                "planning refused: the name leads to another account now",
            ));
        }
        [] => {
            return Err(Fault::new(
                "planning refused: no account carries the name any more",
            ));
        }
        _ => {
            return Err(Fault::new(safe!(
                "planning refused: {} accounts carry this name",
                found.len()
            )));
        }
    }
    // What others did is asked for meanwhile: a case system that hangs must not hold a containment up.
    let (account, mut warnings) =
        tokio::join!(identity.account(&id), elsewhere(world, &case, &id, kinds));
    let account = account?;
    let Judged {
        mut guards,
        mut reasons,
        campaign,
        others,
    } = judge_all(world, identity.as_ref(), &account, asked_for, kinds).await;
    if let Some(over) = caps::of_plan(items.len()) {
        let may_ask = world.settings.policy.approval.over_cap;
        caps::beyond(may_ask, over, &mut guards, &mut reasons);
    }
    warnings.extend(told(&others));
    warnings.extend(removal::methods_left(&account, items));
    let made = world.clock.now();
    let mut steps = planned(identity.as_ref(), (kinds, items), &account).await?;
    if *kinds == [ActionKind::EnableAccount] {
        warnings.extend(held_elsewhere(world, &id, &case).await);
        let checks = recovery::checks(world, identity.as_ref(), &account, window).await;
        warnings.extend(checks.warnings);
        for (step, _) in &mut steps {
            let good = Safe::join(checks.passed.iter().cloned(), &Safe::fixed("; "));
            if !good.is_empty() {
                step.facts.limits = safe!("{}; looked at: {}", step.facts.limits, good);
            }
        }
    }
    let steps: Vec<PlannedStep> = steps
        .into_iter()
        .map(|(step, item)| PlannedStep {
            aid: ActionId::from_parts(made.utc, super::clock::random()),
            kind: step.kind,
            call: step.call,
            facts: step.facts,
            item,
        })
        .collect();
    let calls: Vec<_> = steps.iter().map(|step| (step.kind, &step.call)).collect();
    let policy = world.settings.policy.canonical();
    let config = &world.settings.sha256;
    let hash = plan_hash(&calls, items, &account, &case, &policy, config);
    let need = if reasons.is_empty() {
        None
    } else {
        let (need, guard) = second_person(world, &case, &hash, reasons).await;
        guards.push(guard);
        Some(need)
    };
    let plan = Plan {
        pid: PlanId::from_parts(made.utc, super::clock::random()),
        hash,
        case,
        account,
        steps,
        guards,
        warnings,
        made,
        dry_run: world.settings.environment.mode == Mode::DryRun,
        need,
        campaign,
    };
    world.journal.record(records(&plan)).await?;
    Ok(plan)
}

/// Says for which other cases the account is contained too: enabling it ends that as well.
async fn held_elsewhere(world: &World, id: &AccountId, case: &CaseId) -> Option<Safe> {
    let now = world.clock.now().utc;
    let cases: Vec<CaseId> = world.journal.with(|ledger| {
        let held = ledger.contained_elsewhere(id, case, now).into_iter();
        held.map(|act| act.case.clone()).collect()
    });
    let words = futures::future::join_all(cases.iter().map(|case| case_word(world, case))).await;
    let words = Safe::join(words, &Safe::fixed(", "));
    (!cases.is_empty()).then(|| {
        safe!(
            "it is contained for another case too, and this ends that: {}",
            words
        )
    })
}

/// Gives the number that people say of a case, else its id: a case system that hangs must hold nothing up.
pub(super) async fn case_word(world: &World, case: &CaseId) -> Safe {
    let source = world.case_system(&case.connection);
    let asked = async { source?.case(case).await.ok()?.number };
    match tokio::time::timeout(CASE_WAIT, asked).await {
        Ok(Some(number)) => safe!("#{}", number),
        Ok(None) | Err(_) => case.shown(),
    }
}

/// A request with what it removes.
pub(super) type Planned = (Step, Option<Box<Remnant>>);

/// Gives the requests of a plan: those of its kinds, or those that remove the items.
pub(super) async fn planned(
    identity: &dyn Identity,
    (kinds, items): (&[ActionKind], &[Item]),
    account: &Account,
) -> Result<Vec<Planned>, Fault> {
    if !items.is_empty() {
        return removal::steps(identity, items, account).await;
    }
    let steps = identity.steps(kinds, account).map_err(|(kind, lacking)| {
        Fault::new(safe!("{} is not offered: {}", kind.word(), lacking.reason))
    })?;
    if steps.is_empty() {
        return Err(Fault::new("planning refused: there is nothing to send"));
    }
    Ok(steps.into_iter().map(|step| (step, None)).collect())
}

/// Looks into the case once more before the first intent, for what another host did since the plan was made.
///
/// It is said and stops nothing: anybody who may comment could stop a containment otherwise.
pub(super) async fn warn_of_others(world: &Arc<World>, plan: &ConfirmedPlan) {
    let kinds: Vec<ActionKind> = plan
        .actions()
        .iter()
        .map(crate::domain::containment::confirm::ConfirmedAction::kind)
        .collect();
    let told = &plan.plan().warnings;
    let now = tokio::select! {
        () = world.stop.cancelled() => return,
        now = elsewhere(world, plan.case(), &plan.account().id, &kinds) => now,
    };
    for warning in now.into_iter().filter(|warning| !told.contains(warning)) {
        world.notice(Level::Warning, Fault::new(warning)).await;
    }
}

/// Says what other hosts did to the account lately, by the comments they left in the case.
pub(super) async fn elsewhere(
    world: &Arc<World>,
    case: &CaseId,
    account: &AccountId,
    kinds: &[ActionKind],
) -> Vec<Safe> {
    let Some(source) = world.case_system(&case.connection) else {
        return Vec::new();
    };
    let asked = tokio::time::timeout(CASE_WAIT, source.find_comment(case, anchored::MARK)).await;
    let Ok(Ok(comments)) = asked else {
        return vec![
            "the case could not be read in time: what other hosts did is not known".into(),
        ];
    };
    // A long log takes a while to be held against them, and nothing here waits for that.
    let (of, at, read) = (Arc::clone(world), case.clone(), comments.clone());
    world.spawn(async move { anchored::check(&of, &at, &read).await });
    let now = world.clock.now().utc;
    world.journal.with(|ledger| {
        let ours = |marker: &str| {
            ledger
                .actions()
                .any(|action| action.pid.to_string() == marker)
        };
        of_others(&comments, account, kinds, now, ours)
    })
}

/// Finds out whether somebody can be asked at all; if not, the guard refuses the plan.
async fn second_person(
    world: &World,
    case: &CaseId,
    hash: &str,
    reasons: Vec<Safe>,
) -> (Need, GuardResult) {
    let person = match world.case_system(&case.connection) {
        Some(source) => super::approval::person(source.as_ref()).await,
        None => Err("the case system is not configured any more".into()),
    };
    let now = world.clock.now().utc;
    let earlier = person.as_ref().ok().and_then(|me| {
        world
            .journal
            .with(|ledger| ledger.asked().same(hash, &me.id, now))
    });
    let guard = GuardResult {
        guard: "second person",
        refusal: person.as_ref().err().cloned(),
    };
    let need = Need {
        reasons,
        asks: person.ok(),
        earlier,
    };
    (need, guard)
}

/// What the guards and the rules say of an account as it is now.
pub(super) struct Judged {
    /// The guards.
    pub(super) guards: Vec<GuardResult>,
    /// Why a second person is needed; empty where none is.
    pub(super) reasons: Vec<Safe>,
    /// The campaign in whose name it goes beyond the caps.
    pub(super) campaign: Option<String>,
    /// Who else has its administrator roles.
    pub(super) others: Others,
}

/// Counts who else has the administrator roles of an account, where that decides.
async fn others(
    world: &World,
    identity: &dyn Identity,
    account: &Account,
    kinds: &[ActionKind],
) -> Others {
    if !must_be_counted(account, kinds, world.settings.policy.allow_administrators) {
        return Others::NotAsked;
    }
    // Whom another plan of this host is disabling now may be enabled still, and will not be.
    let gone: Vec<AccountId> = world.journal.with(|ledger| {
        let disabling = ledger.unfinished().filter(|action| {
            action.kind == ActionKind::DisableAccount
                && action.sent.is_some()
                && action.account != account.id
        });
        disabling.map(|action| action.account.clone()).collect()
    });
    match identity.other_administrators(&account.id, &gone).await {
        Ok(held) => Others::Counted(held),
        Err(error) => Others::Unread(error.what),
    }
}

/// Asks every guard about an account as it is now.
pub(super) async fn judge_all(
    world: &World,
    identity: &dyn Identity,
    account: &Account,
    asked_for: &Untrusted,
    kinds: &[ActionKind],
) -> Judged {
    let policy = &world.settings.policy;
    // Not knowing whose token this is counts as a refusal, so the failure needs no other report.
    let owner = world.owner(identity).await.ok();
    // What other consoles of this host did counts as well.
    world.journal.catch_up().await;
    let others = others(world, identity, account, kinds).await;
    let mut results = judge(&GuardInput {
        account,
        own: owner.as_ref(),
        own_logins: &policy.own,
        protected: &policy.protected,
        protected_groups: &policy.protected_groups,
        allow_administrators: policy.allow_administrators,
        others: &others,
        kinds,
        asked_for,
    });
    let word = world.journal.count(cap(world, &account.id, kinds)).await;
    let (over, unread, campaign) = match word {
        CapWord::Within => (None, None, None),
        CapWord::Campaign(name) => (None, None, Some(name)),
        CapWord::Over(reason) => (Some(reason), None, None),
        CapWord::Unreadable(reason) => (None, Some(reason), None),
    };
    let production = world.settings.environment.kind == EnvironmentKind::Production;
    let rules = &policy.approval;
    let reasons = need::reasons(rules, account, kinds, production, over.as_ref());
    results.push(GuardResult {
        guard: caps::GUARD,
        refusal: unread.or(over.filter(|_| !rules.over_cap)),
    });
    results.push(GuardResult {
        guard: "freeze",
        refusal: frozen(&world.freeze),
    });
    // Nothing is said while it holds: that nobody changed a file is no guard that an account passed.
    results.extend(policy_changed(world).map(|reason| GuardResult {
        guard: "policy of the host",
        refusal: Some(reason),
    }));
    Judged {
        guards: results,
        reasons,
        campaign,
        others,
    }
}

/// Tells why nothing may be sent when the policy of the host is not the one this console was started with: whoever
/// protects an account in it must not wait for every console to be started again.
fn policy_changed(world: &World) -> Option<Safe> {
    match files::read_host_if_there(&world.policy) {
        Ok(text) if text == world.policy_text => None,
        Ok(_) => Some("the policy changed since this console was started: start it again".into()),
        Err(error) => {
            let error = Untrusted::new(error.to_string());
            Some(safe!(
                "the policy cannot be read any more: {}",
                error.line()
            ))
        }
    }
}

/// Makes the question that the caps put to the records.
fn cap(
    world: &World,
    account: &AccountId,
    kinds: &[ActionKind],
) -> impl FnOnce(&Counted) -> CapWord + Send + use<> {
    let policy = &world.settings.policy;
    let (caps, campaign, uid) = (policy.caps, policy.campaign.clone(), world.uid);
    let (account, kinds, now) = (account.clone(), kinds.to_vec(), world.clock.now().utc);
    move |counted| {
        let target = (&account, kinds.as_slice());
        counted.judge(caps, campaign.as_ref(), uid, target, now)
    }
}

/// Tells why nothing may be sent while the freeze switch is on; a switch that cannot be read counts as on.
pub fn frozen(switch: &Path) -> Option<Safe> {
    match std::fs::symlink_metadata(switch) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let error = Untrusted::new(error.to_string());
            Some(safe!("the freeze switch cannot be read: {}", error.line()))
        }
        Ok(_) => Some("the freeze switch of this host is on".into()),
    }
}

fn records(plan: &Plan) -> Vec<Body> {
    let said: Vec<String> = plan
        .guards
        .iter()
        .map(|guard| match &guard.refusal {
            None => format!("{}: pass", guard.guard),
            Some(reason) => format!("{}: refused: {reason}", guard.guard),
        })
        .collect();
    let lifetime = chrono::Duration::from_std(LIFETIME).unwrap_or_default();
    let snapshot = serde_json::to_value(&plan.account).unwrap_or_default();
    let mut bodies: Vec<Body> = plan
        .steps
        .iter()
        .zip(0u32..)
        .map(|(step, order)| Body::ActionPlan {
            pid: plan.pid.clone(),
            aid: step.aid.clone(),
            order,
            kind: step.kind.key().to_owned(),
            case: plan.case.clone(),
            account: plan.account.id.clone(),
            login: plan.account.login.clone(),
            snapshot: snapshot.clone(),
            server_date: plan.account.server_date,
            guards: said.clone(),
            plan_hash: plan.hash.clone(),
            expires: plan.made.utc + lifetime,
        })
        .collect();
    bodies.extend(removal::records(plan));
    bodies.extend(plan.campaign.as_ref().map(|name| {
        Body::ActionCampaign(CampaignNamed {
            pid: plan.pid.clone(),
            campaign: name.clone(),
        })
    }));
    bodies.extend(refusals(plan, &plan.guards));
    bodies
}

/// Records what the guards refused.
pub(super) fn refusals(plan: &Plan, guards: &[GuardResult]) -> Vec<Body> {
    guards
        .iter()
        .filter_map(|guard| {
            let reason = guard.refusal.as_ref()?;
            Some(Body::Refusal {
                case: plan.case.clone(),
                account: Some(plan.account.id.clone()),
                login: plan.account.login.clone(),
                kinds: plan
                    .kinds()
                    .iter()
                    .map(|kind| kind.key().to_owned())
                    .collect(),
                guard: guard.guard.to_owned(),
                reason: own(reason.as_str()),
            })
        })
        .collect()
}
