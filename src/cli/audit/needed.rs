//! What of a log still stands, so that `quell audit prune` leaves it: each thing with the record it begins with.
//!
//! Whatever the console folds from its records and a person still waits for or relies on. What must not live here: removing
//! segments (see `prune`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::audit::{Body, Entry};
use crate::domain::containment::campaign::Campaign;
use crate::domain::containment::caps::HOST_WINDOW;
use crate::domain::containment::hold::drift_marker;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::ledger::{ActionView, Ledger};
use crate::domain::containment::recovery_watch::seen_marker;
use crate::domain::containment::standing::{Standing, standing};
use crate::domain::containment::state::ActionState;
use crate::domain::ids::{AccountId, ActionId, PlanId};

/// Said of what is asked of somebody else and has no answer or end on record.
const WAITS: &str = "a response waits for a second person";

/// Said of a plan that nobody confirmed yet.
const OPEN: &str = "a plan may still be confirmed";

/// How long a confirmation of the last moment may take to its record: the account is read again before.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(5);

/// A record from which on the log is needed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Needed {
    /// Number of the record.
    pub n: u64,
    /// What still stands.
    pub why: &'static str,
}

/// Gives the first record of all that still stands; `campaign` is the one that the host allows.
pub(super) fn needed(
    entries: &[Entry],
    ledger: &Ledger,
    campaign: Option<&Campaign>,
    now: DateTime<Utc>,
) -> Option<Needed> {
    let running = campaign.filter(|campaign| campaign.runs(now));
    of_actions(ledger, running, now)
        .into_iter()
        .chain(of_plans(entries, ledger, now))
        .chain(of_requests(entries, ledger))
        .chain(of_newer(entries, ledger, running, now))
        .chain(of_containments(entries, ledger))
        .chain(of_watches(entries, ledger))
        .chain(of_cases(entries, ledger))
        .min()
}

/// Actions that somebody has to do something about, those of which a case does not know all, and those that count against
/// a cap or in a campaign.
fn of_actions(ledger: &Ledger, running: Option<&Campaign>, now: DateTime<Utc>) -> Vec<Needed> {
    let undocumented = ledger.undocumented();
    let succeeded = ledger.untold_successes(now);
    let undone = ledger.undone_elsewhere(now);
    let is_undone = |action: &ActionView| undone.iter().any(|(one, _)| one.aid == action.aid);
    let has_untold = |action: &ActionView| succeeded.iter().any(|(one, _)| one.aid == action.aid);
    let counts_since = now - HOST_WINDOW;
    let why = |action: &ActionView| {
        if action.is_unfinished() {
            Some("an action has no last word")
        } else if action.state == ActionState::Awaiting {
            Some(WAITS)
        } else if undocumented.contains(&action.pid) {
            Some("a response is not documented in its case")
        } else if is_untold_drift(ledger, action) {
            Some("a case was not told that others undid a containment")
        } else if is_undone(action) {
            Some("a case was not told that a containment was undone from another")
        } else if has_untold(action) {
            Some("a case was not told of a success after a containment")
        } else if action.sent.is_some_and(|sent| sent > counts_since) {
            Some("an action counts against the caps")
        } else if running.is_some_and(|campaign| campaign.counts(ledger, action)) {
            Some("an action counts in the campaign of the host")
        } else {
            None
        }
    };
    let n = |action: &ActionView| action.planned_n;
    let waiting = ledger.asked().open().flat_map(|asked| &asked.aids);
    let waiting = waiting
        .filter_map(|aid| ledger.get(aid))
        .map(|action| Needed {
            n: n(action),
            why: WAITS,
        });
    let open = ledger.actions().filter_map(|action| {
        Some(Needed {
            n: n(action),
            why: why(action)?,
        })
    });
    open.chain(waiting).collect()
}

/// Plans that a dialog may still show: what is recorded once they are confirmed says nothing without these records.
///
/// What else belongs to a plan, its campaign and items, is written behind it in the same act.
fn of_plans(entries: &[Entry], ledger: &Ledger, now: DateTime<Utc>) -> Vec<Needed> {
    let still = now - ON_ITS_WAY;
    let is_open = |entry: &&Entry| {
        let Body::ActionPlan { aid, expires, .. } = &entry.body else {
            return false;
        };
        let action = ledger.get(aid);
        *expires > still && action.is_some_and(|action| action.state == ActionState::Planned)
    };
    let open = entries.iter().filter(is_open).map(|entry| Needed {
        n: entry.n,
        why: OPEN,
    });
    open.collect()
}

/// Requests without an answer.
///
/// The same plan, made again after a restart, waits for the answer to the first one, and no longer than that said.
fn of_requests(entries: &[Entry], ledger: &Ledger) -> Vec<Needed> {
    let open = ledger.asked().open();
    let waiting: BTreeSet<&PlanId> = open
        .flat_map(|asked| [&asked.pid, &asked.ask.plan])
        .collect();
    let is_open = |entry: &&Entry| matches!(&entry.body, Body::ApprovalRequested { pid, .. } if waiting.contains(pid));
    let open = entries.iter().filter(is_open).map(|entry| Needed {
        n: entry.n,
        why: WAITS,
    });
    open.collect()
}

/// How far an action came, as far as that can be told without knowing what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Planned,
    Begun,
    Ended,
}

/// An action of a kind that only a newer program knows.
struct Newer<'a> {
    /// Its plan's record.
    plan: &'a Entry,
    pid: &'a PlanId,
    /// Until when it may be confirmed.
    expires: DateTime<Utc>,
    stage: Stage,
}

/// Plans of a kind that only a newer program knows: that program goes on with them and counts them, this one cannot.
fn of_newer(
    entries: &[Entry],
    ledger: &Ledger,
    running: Option<&Campaign>,
    now: DateTime<Utc>,
) -> Vec<Needed> {
    let (counts_since, still) = (now - HOST_WINDOW, now - ON_ITS_WAY);
    let asked = ledger.asked();
    let waiting: BTreeSet<&ActionId> = asked.open().flat_map(|asked| &asked.aids).collect();
    let counts = |action: &Newer| {
        let named = asked.campaign(action.pid);
        running.is_some_and(|running| named == Some(running.name.as_str()))
    };
    let why = |aid: &ActionId, action: &Newer| {
        if action.stage == Stage::Begun {
            Some("an action of a newer program has no last word")
        } else if waiting.contains(aid) {
            Some(WAITS)
        } else if action.stage == Stage::Planned && action.expires > still {
            Some(OPEN)
        } else if action.plan.ts > counts_since {
            // While they may count, nothing may be counted without them.
            Some("a plan of a newer program may count against the caps")
        } else if counts(action) {
            Some("a plan of a newer program names the campaign of the host")
        } else {
            None
        }
    };
    let all = newer(entries).into_iter().filter_map(|(aid, action)| {
        Some(Needed {
            n: action.plan.n,
            why: why(aid, &action)?,
        })
    });
    all.collect()
}

/// Folds the actions of kinds that only a newer program knows.
fn newer(entries: &[Entry]) -> BTreeMap<&ActionId, Newer<'_>> {
    let mut all: BTreeMap<&ActionId, Newer<'_>> = BTreeMap::new();
    for entry in entries {
        let stage = match &entry.body {
            Body::ActionPlan {
                pid,
                aid,
                kind,
                expires,
                ..
            } if ActionKind::from_key(kind).is_none() => {
                all.entry(aid).or_insert(Newer {
                    plan: entry,
                    pid,
                    expires: *expires,
                    stage: Stage::Planned,
                });
                continue;
            }
            // Its confirmation may have been torn off with its console.
            Body::Approval { pid, .. } => {
                for action in all.values_mut().filter(|action| action.pid == pid) {
                    action.stage = Stage::Begun;
                }
                continue;
            }
            // What is sent, or answered, after somebody closed it is read back all the same.
            Body::ActionConfirm { .. }
            | Body::ActionIntent { .. }
            | Body::ActionAck { .. }
            | Body::ActionRejected { .. }
            | Body::ActionUnknown { .. } => Stage::Begun,
            Body::ActionOutcome { .. } | Body::ActionResolve { .. } => Stage::Ended,
            _ => continue,
        };
        if let Some(action) = entry.body.about().and_then(|aid| all.get_mut(aid)) {
            action.stage = stage;
        }
    }
    all
}

/// Tells whether others undid a disabling and its case does not know it.
fn is_untold_drift(ledger: &Ledger, action: &ActionView) -> bool {
    action.kind == ActionKind::DisableAccount
        && action.state == ActionState::Drifted
        && !ledger.holds().is_told(&drift_marker(&action.aid))
}

fn had_no_effect(action: &ActionView) -> bool {
    matches!(
        action.state,
        ActionState::NotEffective | ActionState::Rejected | ActionState::NotSent
    )
}

/// Accounts that stand as disabled, as it was proven or read, and are not enabled again, or that are contained in part and
/// have an end set.
fn of_containments(entries: &[Entry], ledger: &Ledger) -> Vec<Needed> {
    // What was refused and reads as disabled is watched all the same.
    let counts = |action: &ActionView| action.still_disables() || !had_no_effect(action);
    let mut acts: Vec<&ActionView> = ledger
        .actions()
        .filter(|action| action.sent.is_some() && !action.dry_run && counts(action))
        .collect();
    acts.sort_by_key(|action| (action.sent_n, action.order));
    // By account: the first plan that still counts since it was last enabled, and whether it stands as disabled.
    let mut accounts: BTreeMap<&AccountId, (u64, bool)> = BTreeMap::new();
    for act in acts {
        let proven = act.state == ActionState::Verified;
        match act.kind {
            ActionKind::EnableAccount if proven => {
                accounts.remove(&act.account);
            }
            // A proven one stands for itself: nothing of before its plan is asked for any more. Without a proof it may stand
            // on an earlier one.
            ActionKind::DisableAccount if act.still_disables() => {
                let of_plan = ledger.actions().filter(|one| one.pid == act.pid);
                let first = of_plan.map(|one| one.planned_n).min();
                let first = first.unwrap_or(act.planned_n);
                let earlier = accounts.get(&act.account).filter(|_| !proven);
                let n = earlier.map_or(first, |(n, _)| first.min(*n));
                accounts.insert(&act.account, (n, true));
            }
            ActionKind::DisableAccount | ActionKind::RevokeSessions => {
                let first = (act.planned_n, false);
                let (n, _) = accounts.entry(&act.account).or_insert(first);
                *n = act.planned_n.min(*n);
            }
            _ => {}
        }
    }
    let why = |account: &AccountId, disabled: bool| {
        let has_end = || ledger.holds().hold(account).is_some();
        let stands = || standing(ledger, account, |_| false) != Standing::Free;
        if disabled {
            Some("a containment stands")
        } else if has_end() && stands() {
            Some("a containment in part has an end set")
        } else {
            None
        }
    };
    accounts
        .into_iter()
        .filter_map(|(account, (n, disabled))| {
            let why = why(account, disabled)?;
            let end = ledger.holds().hold(account);
            // Its end may have been set with an earlier containment.
            let said = end.and_then(|_| said_end(entries, account));
            let n = said.map_or(n, |said| said.min(n));
            Some(Needed { n, why })
        })
        .collect()
}

/// Gives the record that first said the end that is set for an account; later ones only changed it.
fn said_end(entries: &[Entry], account: &AccountId) -> Option<u64> {
    let mut first = None;
    for entry in entries {
        if let Body::HoldSet(set) = &entry.body
            && set.account == *account
            && (first.is_none() || set.how == "confirmed")
        {
            first = Some(entry.n);
        }
    }
    first
}

/// Watches over accounts that were enabled again: those that run, and those whose case does not know all.
fn of_watches(entries: &[Entry], ledger: &Ledger) -> Vec<Needed> {
    let mut all = Vec::new();
    let is_told = |marker: &str| ledger.holds().is_told(marker);
    for watch in ledger.recoveries().all() {
        let saw = !watch.seen.is_empty() && !is_told(&seen_marker(&watch.aid));
        let why = if watch.over.is_none() {
            "an account that was enabled again is watched"
        } else if saw || !is_told(&watch.over_marker()) {
            "a case was not told of a watch"
        } else {
            continue;
        };
        // What names the attacker was recorded with the containment.
        let said = entries.iter().find(|entry| {
            matches!(&entry.body, Body::Recovery(said)
                if said.account == watch.account && said.case == watch.case)
        });
        let enabling = ledger.get(&watch.aid).map(|action| action.planned_n);
        let first = said.map(|entry| entry.n).into_iter().chain(enabling).min();
        all.extend(first.map(|n| Needed { n, why }));
    }
    all
}

/// What is not known to be in its case.
fn of_cases(entries: &[Entry], ledger: &Ledger) -> Vec<Needed> {
    let (notes, changes) = (ledger.outbox().notes(), ledger.outbox().changes());
    let reports = ledger.documents().pending();
    let why = |body: &Body| match body {
        // Its text stands in the records of the same write.
        Body::RecordIntent { rid, .. } => notes
            .iter()
            .any(|note| note.rid == *rid)
            .then_some("a note waits for its case"),
        Body::CaseChanged(change) => changes
            .iter()
            .any(|open| open.rid == change.rid)
            .then_some("nobody said what came of the change of a case"),
        Body::DocumentWritten(part) => reports
            .iter()
            .any(|report| report.rid == part.rid)
            .then_some("a report waits for its case"),
        _ => None,
    };
    let all = entries.iter().filter_map(|entry| {
        Some(Needed {
            n: entry.n,
            why: why(&entry.body)?,
        })
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{OutcomeState, WatchSuccess};
    use crate::domain::containment::campaign::CampaignNamed;
    use crate::domain::containment::caps;
    use crate::domain::containment::hold::success_marker;
    use crate::domain::containment::samples::{
        account, aid, ask, at, case, confirmed, connection, entry, intent, outcome, pid, planned,
    };
    use crate::domain::ids::RecordId;

    const R: ActionKind = ActionKind::RevokeSessions;

    /// The end of the campaign: far beyond every window of a cap.
    const UNTIL: i64 = 40_000;

    const UNFINISHED: &str = "an action of a newer program has no last word";

    /// Who acted on which account, in which second, in the name of what.
    type Act = (&'static str, &'static str, i64, Option<&'static str>);

    const ACTS: [Act; 6] = [
        ("jo", "a", 0, Some("phish-10")),
        ("jo", "b", 10, None),
        ("jo", "c", 1_000, Some("phish-11")),
        ("al", "d", 5_000, Some("phish-11")),
        ("al", "c", 6_000, Some("phish-11")),
        ("jo", "e", 8_000, None),
    ];

    fn campaign(accounts: u32) -> Campaign {
        Campaign {
            name: "phish-11".to_owned(),
            until: at(UNTIL),
            accounts,
        }
    }

    /// The whole records of each act: proven, and documented in its case.
    fn log() -> Vec<Entry> {
        let mut all = Vec::new();
        for ((user, id, second, name), number) in ACTS.into_iter().zip(1u128..) {
            let mut plan = planned(number, 0, R);
            if let Body::ActionPlan {
                pid: of, account, ..
            } = &mut plan
            {
                *of = pid(number);
                *account = AccountId::new(connection(), id);
            }
            let named = name.map(|name| {
                Body::ActionCampaign(CampaignNamed {
                    pid: pid(number),
                    campaign: name.to_owned(),
                })
            });
            let told = Body::ActionDoc {
                pid: pid(number),
                aids: vec![aid(number)],
                case: case(),
                comment: "~7".into(),
            };
            let rest = [
                confirmed(number, false),
                intent(number, None),
                outcome(number, OutcomeState::Verified),
                told,
            ];
            let bodies = [plan].into_iter().chain(named).chain(rest);
            all.extend(bodies.map(|body| (user, second, body)));
        }
        let numbered = all.into_iter().zip(1u64..);
        let entries = numbered.map(|((user, second, body), n)| {
            let mut entry = entry(n, second, body);
            entry.uid = uid(user);
            entry
        });
        entries.collect()
    }

    fn uid(name: &str) -> u32 {
        name.bytes().map(u32::from).sum()
    }

    /// Folds a log of which only the records from a number on are left.
    fn folded(entries: &[Entry], from: u64) -> Ledger {
        let mut ledger = Ledger::default();
        for entry in entries.iter().filter(|entry| entry.n >= from) {
            ledger.apply(entry);
        }
        ledger
    }

    /// Counts accounts as the caps and the campaign do: of both people, of the host, and in its name.
    fn counts(ledger: &Ledger, now: i64) -> (usize, usize, usize, usize) {
        let (jo, host) = caps::used(ledger, uid("jo"), at(now));
        let (al, _) = caps::used(ledger, uid("al"), at(now));
        let nobody = AccountId::new(connection(), "x");
        let is_full = |accounts: &u32| !campaign(*accounts).has_room(ledger, &nobody, at(now));
        (jo, al, host, (0..9u32).filter(is_full).count())
    }

    #[rstest]
    #[case::in_ten_minutes(8_001, Some(3), Some(4))]
    #[case::last_second_of_the_hour(11_599, Some(3), Some(6))]
    #[case::after_the_hour(11_600, Some(3), None)]
    #[case::last_second_of_the_campaign(UNTIL - 1, Some(3), None)]
    #[case::over(UNTIL, None, None)]
    fn what_goes_changes_no_count(
        #[case] now: i64,
        #[case] first: Option<usize>,
        #[case] without: Option<usize>,
    ) {
        let entries = log();
        let whole = folded(&entries, 0);
        let is_plan = |entry: &&Entry| matches!(entry.body, Body::ActionPlan { .. });
        let plans: Vec<u64> = entries.iter().filter(is_plan).map(|one| one.n).collect();
        let place = |act: Option<usize>| act.map(|act| plans[act - 1]);
        let kept = |campaign: Option<&Campaign>| {
            let needed = needed(&entries, &whole, campaign, at(now));
            needed.map(|needed| needed.n)
        };
        let running = campaign(3);
        assert_eq!(kept(Some(&running)), place(first));
        // Nothing that is needed: at worst all of it goes.
        let left = folded(&entries, place(first).unwrap_or(u64::MAX));
        let later = [now, now + 600, now + 3_600, UNTIL - 1, UNTIL];
        for now in later.into_iter().filter(|later| *later >= now) {
            assert_eq!(counts(&left, now), counts(&whole, now), "at {now}");
        }
        // On a host without a campaign the places in its name are of no use to anybody.
        assert_eq!(kept(None), place(without));
        let left = folded(&entries, place(without).unwrap_or(u64::MAX));
        let (jo, al, host, _) = counts(&whole, now);
        let (jo_left, al_left, host_left, _) = counts(&left, now);
        assert_eq!((jo_left, al_left, host_left), (jo, al, host));
    }

    #[test]
    fn a_campaign_that_lost_its_records_would_count_less() {
        let (entries, now) = (log(), UNTIL - 1);
        let counted = |from| counts(&folded(&entries, from), now);
        assert_eq!(counted(0), (0, 0, 0, 3));
        assert_eq!(counted(u64::MAX), (0, 0, 0, 1));
    }

    /// Gives the first that is needed of records that were all written in second 0.
    fn first(bodies: Vec<Body>, campaign: Option<&Campaign>, now: i64) -> Option<Needed> {
        let numbered = bodies.into_iter().zip(1u64..);
        let entries: Vec<Entry> = numbered.map(|(body, n)| entry(n, 0, body)).collect();
        needed(&entries, &folded(&entries, 0), campaign, at(now))
    }

    fn named(campaign: &str) -> Body {
        Body::ActionCampaign(CampaignNamed {
            pid: pid(1),
            campaign: campaign.to_owned(),
        })
    }

    /// A request for a plan, which asks for what the first plan asked.
    fn requested(plan: u128) -> Body {
        Body::ApprovalRequested {
            pid: pid(plan),
            aids: vec![aid(plan)],
            ask: ask(),
            reasons: Vec::new(),
            requester: "u1".into(),
            requester_login: "jo".into(),
            expires: at(900),
        }
    }

    fn denied() -> Body {
        Body::ApprovalDenied {
            pid: pid(1),
            aids: vec![aid(1)],
            by: "kim".into(),
            comment: "~3".into(),
        }
    }

    fn approved() -> Body {
        Body::Approval {
            pid: pid(1),
            asked: pid(1),
            plan_hash: "ab".to_owned(),
            approver: "u2".into(),
            approver_login: "kim".into(),
            comment: "~3".into(),
            at: at(10),
        }
    }

    fn closed() -> Body {
        Body::ActionResolve {
            aid: aid(1),
            how: "closed by a person".to_owned(),
            reason: "seen by hand".into(),
        }
    }

    /// The plan of both actions may be confirmed until second 300.
    #[rstest]
    #[case::just_made(vec![], 0, Some(2))]
    #[case::last_second(vec![], 299, Some(2))]
    #[case::its_confirmation_is_on_its_way(vec![], 599, Some(2))]
    #[case::over(vec![], 600, None)]
    #[case::one_given_up(vec![outcome(1, OutcomeState::Abandoned)], 299, Some(3))]
    #[case::both_given_up(
        vec![outcome(1, OutcomeState::Abandoned), outcome(2, OutcomeState::Abandoned)], 299, None
    )]
    fn a_plan_is_kept_while_it_may_be_confirmed(
        #[case] then: Vec<Body>,
        #[case] now: i64,
        #[case] n: Option<u64>,
    ) {
        let jump = Body::ClockJump { seconds: 9 };
        let mut bodies = vec![jump, planned(1, 0, R), planned(2, 1, R), named("phish-11")];
        bodies.extend(then);
        let why = "a plan may still be confirmed";
        let kept = n.map(|n| Needed { n, why });
        assert_eq!(first(bodies, None, now), kept);
    }

    #[test]
    fn a_request_is_kept_without_its_plan_until_it_is_answered() {
        let why = "a response waits for a second person";
        let kept = Some(Needed { n: 1, why });
        assert_eq!(first(vec![requested(1)], None, 9_000), kept);
        assert_eq!(first(vec![requested(1), denied()], None, 9_000), None);
    }

    #[test]
    fn a_request_is_kept_while_another_plan_waits_for_its_answer() {
        let mut again = planned(2, 0, R);
        if let Body::ActionPlan { pid: of, .. } = &mut again {
            *of = pid(2);
        }
        let bodies = vec![planned(1, 0, R), requested(1), again, requested(2)];
        let why = "a response waits for a second person";
        let kept = Some(Needed { n: 2, why });
        assert_eq!(first(bodies.clone(), None, 9_000), kept);
        let said = outcome(2, OutcomeState::Expired);
        assert_eq!(first([bodies, vec![said]].concat(), None, 9_000), None);
    }

    fn succeeded(second: i64) -> Body {
        Body::WatchSuccess(WatchSuccess {
            case: case(),
            account: account().id,
            connection: connection(),
            event: "e1".into(),
            at: at(second),
            action: "user.session.start".into(),
            address: None,
        })
    }

    /// A comment that is in its case.
    fn commented(marker: String) -> [Body; 2] {
        let rid = RecordId::from_parts(at(0), 1);
        let intent = Body::RecordIntent {
            rid: rid.clone(),
            kind: "comment".to_owned(),
            case: case(),
            marker,
            sha256: String::new(),
            phase: None,
        };
        let id = "~8".into();
        [intent, Body::RecordDone { rid, id }]
    }

    /// The account was disabled in second 5 and enabled in second 30.
    #[rstest]
    #[case::before_it_was_enabled(20, false, true)]
    #[case::told(20, true, false)]
    #[case::after_it_was_enabled(40, false, false)]
    fn a_success_is_kept_until_its_case_was_told_of_it(
        #[case] second: i64,
        #[case] told: bool,
        #[case] kept: bool,
    ) {
        let act = |number: u128, kind: ActionKind, server: i64| {
            [
                planned(number, 0, kind),
                confirmed(number, false),
                intent(number, Some(server)),
                outcome(number, OutcomeState::Verified),
            ]
        };
        let mut bodies = vec![Body::ClockJump { seconds: 9 }];
        bodies.extend(act(1, ActionKind::DisableAccount, 5));
        bodies.push(succeeded(second));
        bodies.extend(act(2, ActionKind::EnableAccount, 30));
        bodies.push(Body::ActionDoc {
            pid: pid(1),
            aids: vec![aid(1), aid(2)],
            case: case(),
            comment: "~7".into(),
        });
        let comment = told.then(|| commented(success_marker(&aid(1))));
        bodies.extend(comment.into_iter().flatten());
        let why = "a case was not told of a success after a containment";
        let expected = kept.then_some(Needed { n: 2, why });
        assert_eq!(first(bodies, None, 90_000), expected);
    }

    /// A plan of a kind that is not known here.
    fn of_tomorrow() -> Body {
        let mut plan = planned(1, 0, R);
        if let Body::ActionPlan { kind, .. } = &mut plan {
            "wipe_account".clone_into(kind);
        }
        plan
    }

    #[rstest]
    #[case::may_be_confirmed(599, Some("a plan may still be confirmed"))]
    #[case::cannot_be_counted(600, Some("a plan of a newer program may count against the caps"))]
    #[case::last_second(3_599, Some("a plan of a newer program may count against the caps"))]
    #[case::over(3_600, None)]
    fn a_plan_of_a_newer_program_is_kept_while_it_keeps_the_caps_from_counting(
        #[case] now: i64,
        #[case] why: Option<&'static str>,
    ) {
        let kept = why.map(|why| Needed { n: 1, why });
        assert_eq!(first(vec![of_tomorrow()], None, now), kept);
    }

    /// All of it was more than an hour ago.
    #[rstest]
    #[case::confirmed(vec![confirmed(1, false)], Some(UNFINISHED))]
    #[case::sent(vec![confirmed(1, false), intent(1, None)], Some(UNFINISHED))]
    #[case::over(
        vec![confirmed(1, false), intent(1, None), outcome(1, OutcomeState::Verified)], None
    )]
    #[case::another_is_over(
        vec![confirmed(1, false), intent(1, None), outcome(2, OutcomeState::Verified)],
        Some(UNFINISHED)
    )]
    #[case::closed(vec![confirmed(1, false), intent(1, None), closed()], None)]
    #[case::closed_and_sent(
        vec![confirmed(1, false), closed(), intent(1, None)], Some(UNFINISHED)
    )]
    #[case::asked(vec![requested(1)], Some("a response waits for a second person"))]
    #[case::denied(vec![requested(1), denied()], None)]
    #[case::torn(vec![requested(1), approved()], Some(UNFINISHED))]
    fn an_action_of_a_newer_program_is_kept_until_its_last_word(
        #[case] then: Vec<Body>,
        #[case] why: Option<&'static str>,
    ) {
        let mut bodies = vec![Body::ClockJump { seconds: 9 }, of_tomorrow()];
        bodies.extend(then);
        let kept = why.map(|why| Needed { n: 2, why });
        assert_eq!(first(bodies, None, 90_000), kept);
    }

    #[rstest]
    #[case::runs("phish-11", UNTIL - 1, true)]
    #[case::over("phish-11", UNTIL, false)]
    #[case::another("phish-10", UNTIL - 1, false)]
    fn an_action_of_a_newer_program_is_kept_while_its_campaign_runs(
        #[case] name: &str,
        #[case] now: i64,
        #[case] kept: bool,
    ) {
        let bodies = vec![
            of_tomorrow(),
            named(name),
            confirmed(1, false),
            intent(1, None),
            outcome(1, OutcomeState::Verified),
        ];
        let why = "a plan of a newer program names the campaign of the host";
        let expected = kept.then_some(Needed { n: 1, why });
        assert_eq!(first(bodies.clone(), Some(&campaign(3)), now), expected);
        assert_eq!(first(bodies, None, now), None);
    }
}
