//! What the actions of a case show of the items of its list, on whichever accounts they were done.
//!
//! What must not live here: what follows for the items (`evidence`).

use chrono::{DateTime, Utc};

use super::WATCH;
use crate::app::message::WatchOf;
use crate::app::model::{Model, OpenCase};
use crate::app::update::own_comments::comment;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::standing::Standing;
use crate::domain::containment::state::ActionState;
use crate::domain::freshness::clock_word;
use crate::domain::ids::AccountId;
use crate::domain::runbook::Phase;
use crate::domain::runbook::binding::{Capability, Evidence, EvidenceKind};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Gives the facts that the actions of the open case make, whichever account is chosen.
pub(super) fn actions(model: &Model, open: &OpenCase) -> Vec<Evidence> {
    let chosen = open.the_account().map(|account| &account.id);
    let mut facts = Vec::new();
    let acts: Vec<&ActionView> = model
        .ledger
        .actions()
        .filter(|act| act.case == open.id && act.state != ActionState::Planned && !act.dry_run)
        .collect();
    for act in &acts {
        // A word on the risk is no answer to what is done with the account.
        let Some(at) = act.effective_at().filter(|_| !act.kind.is_of_risk()) else {
            continue;
        };
        // A decision is one on the chosen account: what was planned for another user passes no gate of this one.
        if chosen == Some(&act.account) {
            let said = Safe::fixed("a plan was confirmed");
            facts.push(fact(EvidenceKind::ContainmentDecided, at, &said, None));
        }
        if let Some((id, phase)) = act.comment.as_ref().zip(documents(act)) {
            facts.push(comment(open, Some(id), at, phase));
        }
    }
    facts.extend(proofs(&acts, chosen));
    facts.extend(quiet(model, open, &acts));
    facts
}

/// Gives that nothing was seen of the accounts that are contained from the case: each one that was acted on stands so, and
/// for long enough. What is seen of one that is not chosen is seen by the watch.
fn quiet(model: &Model, open: &OpenCase, acts: &[&ActionView]) -> Option<Evidence> {
    let concerned = targets(acts).into_iter().filter_map(|target| {
        let act = acts
            .iter()
            .find(|act| act.account == *target && asks_for(act.kind, Capability::WatchAccount))?;
        Some((target, &act.login))
    });
    let mut accounts: Vec<(&AccountId, &Untrusted)> = concerned.collect();
    let chosen = open.the_account();
    if accounts.is_empty() {
        // It may be contained from another case.
        accounts.extend(chosen.map(|account| (&account.id, &account.login)));
    }
    let silent = |(account, login): (&AccountId, &Untrusted)| {
        let Some(Standing::Contained { since }) = model.standings.get(account) else {
            return None;
        };
        let looked = if chosen.is_some_and(|chosen| chosen.id == *account) {
            let heard = open.activity.heard.map(|heard| heard.utc);
            heard.filter(|_| open.activity.fault.is_none())
        } else {
            let look = model.watched.get(&(account.clone(), WatchOf::Successes));
            look.filter(|look| look.fault.is_none())
                .and_then(|look| look.looked)
        };
        let silence = (looked? - *since).to_std().ok()?;
        let since = clock_word(*since);
        (silence >= WATCH).then(|| safe!("no activity of {} since {}", login.ident(), since))
    };
    let words: Vec<Safe> = accounts.into_iter().map(silent).collect::<Option<_>>()?;
    (!words.is_empty()).then(|| {
        fact(
            EvidenceKind::NoActivityAfterContainment,
            model.now.utc,
            &Safe::join(words, &Safe::fixed("; ")),
            Some(Phase::Containment),
        )
    })
}

/// Tells which phase the record of an action documents; an enabling that had no effect, or cannot be proven, is no recovery.
fn documents(act: &ActionView) -> Option<Phase> {
    let was_proven = matches!(act.state, ActionState::Verified | ActionState::Drifted);
    match act.kind {
        ActionKind::EnableAccount => was_proven.then_some(Phase::Recovery),
        ActionKind::RemoveItem => Some(Phase::Eradication),
        _ => Some(Phase::Containment),
    }
}

fn fact(kind: EvidenceKind, at: DateTime<Utc>, source: &Safe, phase: Option<Phase>) -> Evidence {
    Evidence {
        kind,
        at,
        source: Untrusted::new(source.as_str()),
        phase,
    }
}

/// What one action shows of its capability.
#[derive(Clone, Copy)]
struct Proof<'a> {
    act: &'a ActionView,
    capability: Capability,
    /// Whether it is proven; else it was, and others undid it.
    holds: bool,
    at: DateTime<Utc>,
}

impl<'a> Proof<'a> {
    fn of(act: &'a ActionView) -> Option<Self> {
        let began = act.effective_at()?;
        let capability = capability_of(act.kind)?;
        let (holds, at) = match (act.state, act.ended) {
            (ActionState::Verified, _) => (true, began),
            (ActionState::Drifted, Some(ended)) => (false, ended),
            _ => return None,
        };
        Some(Self {
            act,
            capability,
            holds,
            at,
        })
    }

    fn words(&self, is_named: bool) -> Safe {
        let (what, state) = (self.act.what(), self.act.word());
        if is_named {
            safe!("{} of {} {}", what, self.act.login.ident(), state)
        } else {
            safe!("{} {}", what, state)
        }
    }
}

fn capability_of(kind: ActionKind) -> Option<Capability> {
    match kind {
        ActionKind::RevokeSessions => Some(Capability::RevokeSessions),
        ActionKind::DisableAccount => Some(Capability::DisableAccount),
        ActionKind::EnableAccount => Some(Capability::EnableAccount),
        ActionKind::ResetPassword | ActionKind::ExpirePassword => Some(Capability::ResetPassword),
        // One thing less does not prove that nothing is left: the step is ticked by hand.
        ActionKind::RemoveItem => None,
        ActionKind::ConfirmCompromised => Some(Capability::ConfirmCompromised),
        ActionKind::DismissRisk => Some(Capability::DismissRisk),
    }
}

/// Tells whether an account with such an action must have the capability proven, before its step is done.
///
/// What was only enabled, or only had a word on its risk, need not be contained; what was never disabled need not be
/// enabled.
fn asks_for(kind: ActionKind, capability: Capability) -> bool {
    match capability {
        Capability::EnableAccount => {
            matches!(kind, ActionKind::EnableAccount | ActionKind::DisableAccount)
        }
        Capability::ConfirmCompromised | Capability::DismissRisk => {
            capability_of(kind) == Some(capability)
        }
        _ => !kind.is_of_risk() && kind != ActionKind::EnableAccount,
    }
}

/// Lists the accounts that were acted on, or are being.
fn targets<'a>(acts: &[&'a ActionView]) -> Vec<&'a AccountId> {
    let mut targets: Vec<&AccountId> = Vec::new();
    for act in acts {
        let is_acted_on = act.may_have_left() || act.is_unfinished();
        if is_acted_on && !targets.contains(&&act.account) {
            targets.push(&act.account);
        }
    }
    targets
}

/// Gives what is proven, and what others undid.
///
/// Of several accounts, each must be proven, and one that others undid is enough to refute.
fn proofs(acts: &[&ActionView], chosen: Option<&AccountId>) -> Vec<Evidence> {
    let targets = targets(acts);
    let all: Vec<Proof<'_>> = acts.iter().filter_map(|act| Proof::of(act)).collect();
    if targets.len() > 1 {
        return of_several(acts, &all, &targets);
    }
    all.iter()
        .map(|proof| {
            let kind = if proof.holds {
                EvidenceKind::ActionProven(proof.capability)
            } else {
                EvidenceKind::ActionUndone(proof.capability)
            };
            // Another user of the case is chosen now: the words say that it is not theirs.
            let is_named = chosen.is_some_and(|id| *id != proof.act.account);
            fact(kind, proof.at, &proof.words(is_named), None)
        })
        .collect()
}

fn of_several(acts: &[&ActionView], all: &[Proof<'_>], targets: &[&AccountId]) -> Vec<Evidence> {
    let latest = |target: &AccountId, capability: Capability| {
        all.iter()
            .filter(|proof| proof.act.account == *target && proof.capability == capability)
            .max_by_key(|proof| (proof.at, !proof.holds))
            .copied()
    };
    let asked = |capability: Capability| -> Vec<&AccountId> {
        let must = |target: &AccountId| {
            acts.iter()
                .any(|act| act.account == *target && asks_for(act.kind, capability))
        };
        targets.iter().copied().filter(|one| must(one)).collect()
    };
    let mut facts = Vec::new();
    for capability in [
        Capability::RevokeSessions,
        Capability::DisableAccount,
        Capability::EnableAccount,
        Capability::ResetPassword,
        Capability::ConfirmCompromised,
        Capability::DismissRisk,
    ] {
        let found: Vec<Option<Proof<'_>>> = asked(capability)
            .into_iter()
            .map(|target| latest(target, capability))
            .collect();
        let undone: Vec<Proof<'_>> = found
            .iter()
            .flatten()
            .filter(|proof| !proof.holds)
            .copied()
            .collect();
        if let Some(at) = undone.iter().map(|proof| proof.at).max() {
            let kind = EvidenceKind::ActionUndone(capability);
            facts.push(fact(kind, at, &named(&undone), None));
            continue;
        }
        let Some(proven) = found.into_iter().collect::<Option<Vec<_>>>() else {
            continue;
        };
        let times = proven.iter().map(|proof| proof.at);
        // Sessions count as revoked again where that came after the disabling: the earliest one must have.
        let at = if capability == Capability::RevokeSessions {
            times.min()
        } else {
            times.max()
        };
        if let Some(at) = at {
            let kind = EvidenceKind::ActionProven(capability);
            facts.push(fact(kind, at, &named(&proven), None));
        }
    }
    // Each account has its own order: sessions of the first may be revoked again before the second is disabled.
    let again: Option<Vec<Proof<'_>>> = asked(Capability::RevokeSessionsAgain)
        .into_iter()
        .map(|target| {
            let disabled = latest(target, Capability::DisableAccount)?;
            latest(target, Capability::RevokeSessions)
                .filter(|revoked| revoked.holds && disabled.holds && revoked.at > disabled.at)
        })
        .collect();
    if let Some(again) = again
        && let Some(at) = again.iter().map(|proof| proof.at).max()
    {
        let kind = EvidenceKind::ActionProven(Capability::RevokeSessionsAgain);
        facts.push(fact(kind, at, &named(&again), None));
    }
    facts
}

fn named(proofs: &[Proof<'_>]) -> Safe {
    let words = proofs.iter().map(|proof| proof.words(true));
    Safe::join(words, &Safe::fixed("; "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rstest::rstest;

    use super::*;
    use crate::app::keymap::Keymap;
    use crate::app::model::{Found, Load, OwnLog, Start, Watch};
    use crate::app::update::open_case::open_case;
    use crate::config::parse::parse;
    use crate::config::sample::SAMPLE;
    use crate::domain::audit::{Body, OutcomeState};
    use crate::domain::containment::ledger::Ledger;
    use crate::domain::containment::samples::{
        account, at, case, confirmed, connection, entry, intent, outcome, planned,
    };
    use crate::domain::fault::Fault;
    use crate::domain::freshness::Moment;
    use crate::domain::runbook::choice::Runbooks;

    const D: ActionKind = ActionKind::DisableAccount;
    const E: ActionKind = ActionKind::EnableAccount;
    const S: ActionKind = ActionKind::RevokeSessions;
    const RISK: ActionKind = ActionKind::ConfirmCompromised;
    const PROVEN: OutcomeState = OutcomeState::Verified;
    const UNDONE: OutcomeState = OutcomeState::Drifted;

    fn frida() -> AccountId {
        AccountId::new(connection(), "00uFrida")
    }

    /// What was done: whether to the second account, what, when, and what came of it.
    type Act = (bool, ActionKind, i64, OutcomeState);

    fn ledger(acts: &[Act]) -> Ledger {
        let mut ledger = Ledger::default();
        let mut n = 0;
        for ((is_second, kind, second, state), number) in acts.iter().zip(1..) {
            let mut plan = planned(number, 0, *kind);
            if let (true, Body::ActionPlan { account, login, .. }) = (*is_second, &mut plan) {
                *account = frida();
                *login = "frida@acme.example".into();
            }
            let bodies = [
                plan,
                confirmed(number, false),
                intent(number, Some(*second)),
                outcome(number, *state),
            ];
            for body in bodies {
                n += 1;
                ledger.apply(&entry(n, *second, body));
            }
        }
        ledger
    }

    /// Lists the facts: the capability, whether it is proven, when, and the words.
    fn said(acts: &[Act], chosen: Option<&AccountId>) -> Vec<(Capability, bool, i64, String)> {
        let ledger = ledger(acts);
        let acts: Vec<&ActionView> = ledger.actions().collect();
        let facts = proofs(&acts, chosen).into_iter().map(|fact| {
            let (capability, holds) = match fact.kind {
                EvidenceKind::ActionProven(capability) => (capability, true),
                EvidenceKind::ActionUndone(capability) => (capability, false),
                other => panic!("{other:?}"),
            };
            let second = (fact.at - at(0)).num_seconds();
            (capability, holds, second, fact.source.raw().to_owned())
        });
        facts.collect()
    }

    fn holds(acts: &[Act], capability: Capability) -> Option<bool> {
        let found = said(acts, None);
        let one = found.into_iter().find(|one| one.0 == capability);
        one.map(|one| one.1)
    }

    #[test]
    fn one_account_is_named_only_while_another_one_is_chosen() {
        let words = |state, chosen: Option<&AccountId>| {
            let found = said(&[(false, D, 10, state)], chosen);
            found.into_iter().map(|one| one.3).collect::<Vec<_>>()
        };
        let own = account().id;
        assert_eq!(words(PROVEN, Some(&own)), ["disable account proven"]);
        assert_eq!(words(PROVEN, None), ["disable account proven"]);
        assert_eq!(
            words(UNDONE, Some(&frida())),
            ["disable account of mara.lind@acme.example undone by others"]
        );
    }

    #[test]
    fn several_accounts_are_proven_together_and_named() {
        let acts = [(false, D, 10, PROVEN), (true, D, 20, PROVEN)];
        let words = "disable account of mara.lind@acme.example proven; \
            disable account of frida@acme.example proven";
        let wanted = (Capability::DisableAccount, true, 20, words.to_owned());
        assert_eq!(said(&acts, Some(&frida())), [wanted]);
    }

    #[test]
    fn what_others_undid_on_one_account_is_not_covered_by_a_later_proof_on_another() {
        let acts = [(false, D, 10, UNDONE), (true, D, 20, PROVEN)];
        let words = "disable account of mara.lind@acme.example undone by others";
        let wanted = (Capability::DisableAccount, false, 10, words.to_owned());
        assert_eq!(said(&acts, Some(&frida())), [wanted]);
        let anew = [acts[0], acts[1], (false, D, 30, PROVEN)];
        assert_eq!(holds(&anew, Capability::DisableAccount), Some(true));
    }

    #[rstest]
    #[case::proven(E, PROVEN, Some(Phase::Recovery))]
    #[case::undone_later(E, UNDONE, Some(Phase::Recovery))]
    #[case::refuted(E, OutcomeState::NotEffective, None)]
    #[case::not_provable(E, OutcomeState::Unverifiable, None)]
    #[case::refused(E, OutcomeState::Rejected, None)]
    #[case::a_disabling(D, OutcomeState::NotEffective, Some(Phase::Containment))]
    #[case::a_removal(ActionKind::RemoveItem, PROVEN, Some(Phase::Eradication))]
    fn only_a_proven_enabling_documents_the_recovery(
        #[case] kind: ActionKind,
        #[case] state: OutcomeState,
        #[case] phase: Option<Phase>,
    ) {
        let ledger = ledger(&[(false, kind, 10, state)]);
        let act = ledger.actions().next().expect("it is on record");
        assert_eq!(documents(act), phase);
    }

    #[rstest]
    #[case::not_all(&[(false, D, 10, PROVEN), (true, S, 20, PROVEN)], Capability::DisableAccount, None)]
    #[case::failed(
        &[(false, D, 10, PROVEN), (true, D, 20, OutcomeState::Rejected)],
        Capability::DisableAccount,
        None
    )]
    #[case::never_sent(
        &[(false, D, 10, PROVEN), (true, D, 20, OutcomeState::NotSent)],
        Capability::DisableAccount,
        Some(true)
    )]
    #[case::only_risk(
        &[(false, D, 10, PROVEN), (true, RISK, 20, PROVEN)],
        Capability::DisableAccount,
        Some(true)
    )]
    #[case::never_disabled(
        &[(false, D, 10, PROVEN), (true, S, 20, PROVEN), (false, E, 30, PROVEN)],
        Capability::EnableAccount,
        Some(true)
    )]
    #[case::still_disabled(
        &[(false, D, 10, PROVEN), (true, D, 20, PROVEN), (false, E, 30, PROVEN)],
        Capability::EnableAccount,
        None
    )]
    #[case::again_on_both(
        &[(false, D, 10, PROVEN), (false, S, 11, PROVEN), (true, D, 20, PROVEN), (true, S, 21, PROVEN)],
        Capability::RevokeSessionsAgain,
        Some(true)
    )]
    #[case::again_on_one(
        &[(false, D, 10, PROVEN), (true, S, 19, PROVEN), (true, D, 20, PROVEN), (false, S, 21, PROVEN)],
        Capability::RevokeSessionsAgain,
        None
    )]
    fn each_account_that_it_concerns_must_be_proven(
        #[case] acts: &[Act],
        #[case] capability: Capability,
        #[case] wanted: Option<bool>,
    ) {
        assert_eq!(holds(acts, capability), wanted);
    }

    /// A case in which this was done, with the first account chosen and seen to be quiet.
    fn model(acts: &[Act]) -> Model {
        let parsed = parse(SAMPLE, "quell.toml", &[]);
        let parsed = parsed.unwrap_or_else(|faults| panic!("{faults:#?}"));
        let now = Moment {
            utc: at(1_000),
            boot: Duration::from_secs(1_000),
        };
        let mut model = Model::new(Start {
            settings: Arc::new(parsed.settings),
            keymap: Arc::new(Keymap::default()),
            runbooks: Arc::new(Runbooks::default()),
            escalation: None,
            os_user: "jo".into(),
            own_log: OwnLog::default(),
            now,
            size: (120, 40),
        });
        model.ledger = ledger(acts);
        open_case(&mut model, case());
        let open = model.open.as_mut().expect("a case is open");
        open.account = Load::Ready(Found::One(Box::new(account())), now);
        open.activity.heard = Some(now);
        model.judge();
        model
    }

    /// Tells the model that the watch looked at the second account.
    fn looked(model: &mut Model, seconds: i64, fault: Option<Fault>) {
        let look = Watch {
            looked: Some(at(seconds)),
            good: model.now,
            fault,
        };
        model.watched.insert((frida(), WatchOf::Successes), look);
    }

    fn silence(model: &Model) -> Option<String> {
        let open = model.open.as_ref().expect("a case is open");
        let mut facts = actions(model, open).into_iter();
        let found = facts.find(|fact| fact.kind == EvidenceKind::NoActivityAfterContainment);
        found.map(|fact| fact.source.raw().to_owned())
    }

    const BOTH: [Act; 4] = [
        (false, D, 10, PROVEN),
        (false, S, 11, PROVEN),
        (true, D, 20, PROVEN),
        (true, S, 21, PROVEN),
    ];

    #[test]
    fn an_account_that_is_quiet_alone_is_named() {
        let said = silence(&model(&[BOTH[0], BOTH[1]])).expect("it is quiet");
        assert!(
            said.starts_with("no activity of mara.lind@acme.example since "),
            "{said}"
        );
    }

    #[test]
    fn every_account_that_was_contained_must_be_quiet_and_is_named() {
        let mut model = model(&BOTH);
        assert_eq!(silence(&model), None, "nobody looked at the second one");
        looked(&mut model, 30, None);
        assert_eq!(silence(&model), None, "not for long enough");
        looked(&mut model, 1_000, Some(Fault::new("no answer")));
        assert_eq!(silence(&model), None, "it could not be looked at");
        looked(&mut model, 1_000, None);
        let said = silence(&model).expect("both are quiet");
        for login in ["mara.lind@acme.example", "frida@acme.example"] {
            assert!(said.contains(login), "{said}");
        }
    }

    #[test]
    fn an_account_that_is_not_contained_keeps_the_step_open_unless_nobody_contained_it() {
        let mut partly = model(&[BOTH[0], BOTH[1], BOTH[3]]);
        looked(&mut partly, 1_000, None);
        assert_eq!(silence(&partly), None);
        let risk = model(&[BOTH[0], BOTH[1], (true, RISK, 20, PROVEN)]);
        assert!(silence(&risk).is_some());
    }
}
