//! The truth table: every kind of action under everything a provider may do, and the one right final word each time.
//!
//! The oracle is the servers' ledger: what it does not know never ends *proven*. A word says what was true at its time: only
//! that of a disabling is taken back when others undo it later, for only that is watched.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use futures::StreamExt as _;
use quell::app::model::{Layer, Model};
use quell::connect::http::Limits;
use quell::domain::account::{Account, AccountStatus, RiskState};
use quell::domain::audit::Body;
use quell::domain::containment::hold::drift_marker;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::state::ActionState;
use quell::domain::text::Untrusted;
use quell::drill::clock::Clock as DrillClock;
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::clock::{Clock as _, SystemClock};
use quell::engine::probe::Probe;
use quell::store::audit::Ground;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::app::{Setting, TestApp, TestClock, company, company_of, limits, records};

const LOGIN: &str = "mara.lind@acme.example";

/// Said of a password that was set while the answer to our reset was lost.
pub const NOBODY_KNOWS: &str = "without its answer nobody can tell whose password it is";

/// One kind of action: its keys, the end of its path, its effect in the ledger, the lifecycle call that undoes it.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    kind: ActionKind,
    pub keys: &'static str,
    pub path: &'static str,
    pub effect: &'static str,
    /// The method of its request, where another one has the same path.
    method: Option<&'static str>,
    undo: Option<&'static str>,
}

pub const REVOKE: Act = Act {
    kind: ActionKind::RevokeSessions,
    keys: "cs",
    path: "/sessions",
    effect: "clear_sessions",
    method: None,
    undo: None,
};
pub const DISABLE: Act = Act {
    kind: ActionKind::DisableAccount,
    keys: "ca",
    path: "/lifecycle/suspend",
    effect: "suspend",
    method: None,
    undo: Some("unsuspend"),
};
pub const ENABLE: Act = Act {
    kind: ActionKind::EnableAccount,
    keys: "u",
    path: "/lifecycle/unsuspend",
    effect: "unsuspend",
    method: None,
    undo: Some("suspend"),
};
const RESET: Act = Act {
    kind: ActionKind::ResetPassword,
    keys: "cp",
    path: "/lifecycle/reset_password",
    effect: "reset_password",
    method: None,
    undo: None,
};
const EXPIRE: Act = Act {
    kind: ActionKind::ExpirePassword,
    keys: "cx",
    path: "/lifecycle/expire_password",
    effect: "expire_password",
    method: None,
    undo: None,
};
const MARK: Act = Act {
    kind: ActionKind::ConfirmCompromised,
    keys: "cb",
    path: "/risk",
    effect: "confirm_compromised",
    method: Some("PUT"),
    undo: Some("LOW"),
};
const DISMISS: Act = Act {
    kind: ActionKind::DismissRisk,
    keys: "cd",
    path: "/risk",
    effect: "dismiss_risk",
    method: Some("PUT"),
    undo: Some("HIGH"),
};

/// What the provider, or somebody else at it, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Applied,
    AcceptedNotApplied,
    UndoneAtOnce,
    UndoneLater,
    DeletedBeforeTheSend,
    NotFound,
    Forbidden,
    RefusedAfterEffect(&'static str),
    Conflict,
    DoneByOthersFirst,
    DeactivatedByOthers,
    StaleFirst,
    StaleAlways,
    ThrottledOnce,
    BrokenAfterEffect,
    BrokenBeforeEffect,
    ReplyLost,
}

/// Stops the console at one pass of one point until it is let on, the first unless it is told; the others go through.
pub struct Gate {
    at: Option<&'static str>,
    nth: AtomicUsize,
    pub reached: Semaphore,
    pub open: Semaphore,
    seen: Mutex<HashMap<String, usize>>,
}

impl Gate {
    /// Tells whether it stops anything.
    pub fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Gives the setting of a console that it stops.
    pub fn setting(self: &Arc<Self>) -> Setting {
        Setting {
            probe: Arc::clone(self) as Arc<dyn Probe>,
            ..Setting::default()
        }
    }

    /// Waits until the console stands at it.
    pub async fn reached(&self) {
        drop(self.reached.acquire().await);
    }

    /// Lets the console on.
    pub fn open(&self) {
        self.open.add_permits(1);
    }

    /// Stands, where that is a point of a send, at the request of this kind: others of the plan may go before it. Told
    /// before it is confirmed.
    pub fn aim(&self, shown: &Model, kind: ActionKind) {
        if !self.at.is_some_and(|at| at.starts_with("send.")) {
            return;
        }
        let Some(Layer::Confirm { confirmation, .. }) = shown.layers.last() else {
            panic!("a plan is shown")
        };
        let mut kinds = confirmation.plan().kinds().into_iter();
        let before = kinds.position(|one| one == kind);
        let before = before.expect("the plan has the action");
        self.nth.store(before + 1, Ordering::SeqCst);
    }

    pub fn at(at: Option<&'static str>) -> Arc<Self> {
        Self::at_nth(at, 1)
    }

    /// Makes one that stops only where the point is passed for the nth time.
    pub fn at_nth(at: Option<&'static str>, nth: usize) -> Arc<Self> {
        Arc::new(Self {
            at,
            nth: AtomicUsize::new(nth),
            reached: Semaphore::new(0),
            open: Semaphore::new(0),
            seen: Mutex::default(),
        })
    }
}

#[async_trait]
impl Probe for Gate {
    async fn pass(&self, point: &str) {
        let pass = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let passes = seen.entry(point.to_owned()).or_insert(0);
            *passes += 1;
            *passes
        };
        if self.at == Some(point) && pass == self.nth.load(Ordering::SeqCst) {
            self.reached.add_permits(1);
            drop(self.open.acquire().await);
        }
    }
}

/// Opens the case of the victim and waits for what a plan needs.
pub async fn open_case(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/mara<Enter>g<Enter>");
    app.sync().await;
    app.until("account and activity are there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some() && open.activity.ended.is_some())
            && !model.offers.is_empty()
    })
    .await;
}

/// Plans an action and waits for its dialog.
pub async fn plan(app: &mut TestApp, keys: &str) -> Model {
    app.keys(keys);
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    let model = app.until("the dialog is open", open).await;
    app.clock.advance(Duration::from_secs(1));
    model
}

/// Types the name and confirms.
pub fn confirm(app: &TestApp) {
    app.keys(LOGIN).keys("<Tab>y");
}

/// Starts servers whose time stands still, and gives a clock of a console that stands at the same time.
pub async fn still(idp: Idp) -> (Drill, TestClock) {
    let now = SystemClock.now();
    let options = Options {
        idp,
        clock: DrillClock::fixed(now.utc),
        rate_limit: u32::MAX,
        ..Options::default()
    };
    (company_of(options).await, TestClock::still(now))
}

/// Gives the setting of a console by such a clock.
pub fn by_still(clock: &TestClock, probe: Arc<dyn Probe>) -> Setting {
    Setting {
        clock: clock.clone(),
        ground: Ground {
            clock: Box::new(clock.clone()),
            ..Ground::default()
        },
        // An account may take a dozen reads; a busy machine needs its time for them.
        limits: Limits {
            read_total: Duration::from_secs(15),
            write_total: Duration::from_secs(8),
            ..limits()
        },
        probe,
        ..Setting::default()
    }
}

/// Lets some seconds go by, for the servers and the console.
pub fn pass(drill: &Drill, clock: &TestClock, seconds: u32) {
    drill.clock().advance(TimeDelta::seconds(seconds.into()));
    clock.pass(Duration::from_secs(seconds.into()));
}

/// Confirms a plan whose request meets a fault, and stops before it is read back for the first time.
pub async fn unread(
    drill: &Drill,
    clock: &TestClock,
    state: &Path,
    (keys, order): (&str, &Value),
) -> (TestApp, Arc<Gate>) {
    let gate = Gate::at(Some("read.before"));
    let setting = by_still(clock, Arc::clone(&gate) as Arc<dyn Probe>);
    let mut app = TestApp::start_in(drill, state, setting, |text| text);
    open_case(&mut app).await;
    plan(&mut app, keys).await;
    drill.fault(order).expect("the fault is known");
    confirm(&app);
    gate.reached().await;
    (app, gate)
}

/// Checks that the one action ended unproven, by evidence that says so.
pub fn assert_unproven(model: &Model, says: &str) {
    let mut actions = model.ledger.actions();
    let action = actions.next().expect("it was planned");
    assert_eq!(action.state, ActionState::Unverifiable, "{action:?}");
    let evidence = action.evidence.as_ref().map_or("", Untrusted::raw);
    assert!(evidence.contains(says), "{evidence}");
    assert!(actions.next().is_none(), "the only one");
}

/// The hand of another administrator: the same API, none of our records.
pub struct Hand {
    user: String,
    token: String,
}

impl Hand {
    pub fn of(drill: &Drill) -> Self {
        let identity = drill.identity();
        Self {
            user: format!("{}/api/v1/users/{}", identity.url, drill.victim_id()),
            token: identity.token.to_string(),
        }
    }

    /// Does something: a call of the lifecycle, or a level of risk.
    pub async fn does(&self, what: &str) {
        let user = &self.user;
        // A console of this process may have done so.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let request = if matches!(what, "HIGH" | "LOW") {
            let body = json!({"riskLevel": what});
            client.put(format!("{user}/risk")).json(&body)
        } else {
            client
                .post(format!("{user}/lifecycle/{what}"))
                .header("content-length", "0")
        };
        let answer = request
            .header("authorization", format!("SSWS {}", self.token))
            .send()
            .await
            .expect("the drill answers");
        assert!(answer.status().is_success(), "{what}");
    }
}

/// Waits for the next second of the clock that the servers tell the time by.
async fn next_second() {
    let now = Utc::now().timestamp();
    while Utc::now().timestamp() == now {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Does something at the provider by another administrator's hand.
pub async fn by_others(drill: &Drill, what: &str) {
    Hand::of(drill).does(what).await;
}

fn arm(drill: &Drill, fault: &str, path: &str, count: Option<u32>) {
    arm_for(drill, fault, path, (None, count));
}

fn arm_for(drill: &Drill, fault: &str, path: &str, (method, count): (Option<&str>, Option<u32>)) {
    let mut order = json!({"server": "identity", "fault": fault, "path": path});
    if let Some(method) = method {
        order["method"] = json!(method);
    }
    if let Some(count) = count {
        order["count"] = json!(count);
    }
    drill.fault(&order).expect("the fault is known");
}

/// Tells whether every confirmed action has its word and its comment.
pub fn finished(model: &Model) -> bool {
    let confirmed = || model.ledger.actions().filter(|a| a.confirmed.is_some());
    confirmed().next().is_some() && confirmed().all(|a| a.ended.is_some() && a.comment.is_some())
}

/// Sets the world up before the confirmation.
fn prepare(drill: &Drill, act: Act, world: World) {
    let once = |fault| arm_for(drill, fault, act.path, (act.method, Some(1)));
    match world {
        World::AcceptedNotApplied => once("accepted_without_effect"),
        World::DeletedBeforeTheSend => arm(drill, "404", &drill.victim_id(), None),
        World::NotFound => once("404"),
        World::Forbidden => once("403"),
        World::RefusedAfterEffect(fault) => once(fault),
        World::Conflict => once("409"),
        World::ThrottledOnce => once("429"),
        World::BrokenAfterEffect => once("500_after_effect"),
        World::BrokenBeforeEffect => once("500"),
        World::ReplyLost => once("reply_lost_after_effect"),
        _ => {}
    }
}

/// What is read of the account or the log while its answers are old.
fn stale(drill: &Drill, act: Act, count: Option<u32>) {
    let path = if act.effect == "clear_sessions" {
        "/api/v1/logs"
    } else {
        "/api/v1/users/"
    };
    arm(drill, "stale_reads", path, count);
}

/// Tells whether an account is as others left it when they took back what an action did.
fn is_undone(account: &Account, action: &ActionView) -> bool {
    let risk = account.risk.as_ref().map(|risk| risk.state);
    match action.kind {
        ActionKind::DisableAccount => account.status == AccountStatus::Active,
        ActionKind::EnableAccount => account.status == AccountStatus::Disabled,
        ActionKind::ConfirmCompromised => {
            matches!(risk, Some(RiskState::AtRisk | RiskState::Over))
        }
        ActionKind::DismissRisk => {
            matches!(risk, Some(RiskState::AtRisk | RiskState::Compromised))
        }
        ActionKind::RevokeSessions => account.last_sign_in > action.sent,
        // Somebody else set another one since.
        _ => account.password_changed > action.sent,
    }
}

fn shown(model: &Model) -> Option<&Account> {
    model.open.as_ref().and_then(|open| open.the_account())
}

/// Waits until an action is proven and told, and the console shows the account as it left it; gives the action.
pub async fn proven_and_shown(app: &mut TestApp, kind: ActionKind) -> ActionView {
    let model = app.until("it is proven first", finished).await;
    let mut actions = model.ledger.actions();
    let action = actions.rfind(|one| one.kind == kind);
    let action = action.expect("it is on record").clone();
    assert_eq!(action.state, ActionState::Verified, "{kind:?}");
    app.keys("<Esc>");
    app.until("the account is shown as it left it", |model| {
        shown(model).is_some_and(|account| !is_undone(account, &action))
    })
    .await;
    action
}

/// Waits for what a console makes of a proven action that others took back meanwhile, and gives how many comments stand in
/// the case then. The word of a disabling is taken back and the case is told; every other word stays with its time, also
/// once the account was read as it is now.
pub async fn seen_undone(app: &mut TestApp, state: &Path, before: &ActionView) -> usize {
    if before.kind == ActionKind::DisableAccount {
        let marker = drift_marker(&before.aid);
        app.until("it is seen and the case is told", |model| {
            let now = model.ledger.get(&before.aid);
            now.is_some_and(|now| now.state == ActionState::Drifted)
                && model.ledger.holds().is_told(&marker)
        })
        .await;
        return 2;
    }
    let is_seen = |model: &Model| shown(model).is_some_and(|account| is_undone(account, before));
    // What a provider gives once a second is not asked for again within some seconds.
    for _ in 0..8 {
        app.keys("r");
        let seen = app.until("the account is shown as others left it", is_seen);
        if tokio::time::timeout(Duration::from_secs(2), seen)
            .await
            .is_ok()
        {
            break;
        }
    }
    let model = app
        .until("the account is shown as others left it", is_seen)
        .await;
    let now = model.ledger.get(&before.aid).expect("it is there");
    assert_eq!(
        (now.state, now.ended, &now.evidence, now.seconds),
        (before.state, before.ended, &before.evidence, before.seconds),
        "{:?}",
        before.kind
    );
    let words = records(state).into_iter().filter(
        |entry| matches!(&entry.body, Body::ActionOutcome { aid, .. } if *aid == before.aid),
    );
    assert_eq!(words.count(), 1, "{:?}: one final word", before.kind);
    1
}

/// Takes back later what an action did, as far as that can be.
async fn undo_later(drill: &Drill, act: Act) {
    if let Some(undo) = act.undo {
        by_others(drill, undo).await;
    } else if act.effect == "clear_sessions" {
        // Who knows the password signs in again.
        drill.advance(1);
        assert!(drill.attacker_inside());
    } else {
        let order = json!({"fault": "password_by_others"});
        drill.fault(&order).expect("the fault is known");
        drill.advance(1);
    }
}

/// Does at the gate what the world does in between.
async fn in_between(drill: &Drill, act: Act, world: World) {
    match (world, act.undo) {
        (World::UndoneAtOnce, Some(undo)) => by_others(drill, undo).await,
        (World::DoneByOthersFirst, _) if act.kind.is_of_risk() => {
            let level = if act.undo == Some("LOW") {
                "HIGH"
            } else {
                "LOW"
            };
            by_others(drill, level).await;
        }
        (World::DoneByOthersFirst, _) => {
            let lifecycle = act.path.rsplit('/').next().expect("a path");
            by_others(drill, lifecycle).await;
        }
        (World::DeactivatedByOthers, _) => by_others(drill, "deactivate").await,
        _ => {}
    }
}

async fn story(act: Act, world: World) -> (ActionView, usize) {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    if act.effect == "unsuspend" {
        by_others(&drill, "suspend").await;
        // The time before the send is told in whole seconds: in the same one it could be of after it.
        next_second().await;
    }
    if act.effect == "dismiss_risk" {
        by_others(&drill, "HIGH").await;
    }
    let gate = Gate::at(match world {
        // Other requests follow this one: the first reading may come before or after them.
        World::DeactivatedByOthers if act.effect == "reset_password" => Some("send.after"),
        World::UndoneAtOnce | World::DeactivatedByOthers => Some("read.before"),
        World::DoneByOthersFirst | World::StaleFirst | World::StaleAlways => Some("send.before"),
        _ => None,
    });
    let setting = gate.setting();
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    let planned = plan(&mut app, act.keys).await;
    gate.aim(&planned, act.kind);
    prepare(&drill, act, world);
    confirm(&app);
    if gate.at.is_some() {
        drop(gate.reached.acquire().await);
        match world {
            // Armed before the send: the past that is answered from is the one without our act.
            World::StaleFirst => {
                // The request that follows a reset reads as well, and the proof of the one before.
                let reads = if act.effect == "reset_password" { 8 } else { 3 };
                stale(&drill, act, Some(reads));
            }
            World::StaleAlways => stale(&drill, act, None),
            _ => in_between(&drill, act, world).await,
        }
        gate.open.add_permits(1);
    }
    let mut comments = 1;
    if world == World::UndoneLater {
        let before = proven_and_shown(&mut app, act.kind).await;
        undo_later(&drill, act).await;
        comments = seen_undone(&mut app, state.path(), &before).await;
    }
    let model = app
        .until(&format!("{act:?} {world:?} ended"), finished)
        .await;
    app.end().await;
    let ours = drill
        .ledger()
        .mutating()
        .iter()
        .filter(|r| r["path"].as_str().is_some_and(|p| p.ends_with(act.path)))
        // Whoever else sets a level gives no reason.
        .filter(|r| !act.kind.is_of_risk() || r["body"]["riskReason"].is_string())
        .count();
    let mut actions = model.ledger.actions();
    let action = actions.rfind(|one| one.kind == act.kind);
    let action = action.expect("one action").clone();
    let effects = drill.ledger().targets(act.effect).len();
    if action.state == ActionState::Verified {
        assert!(
            effects > 0,
            "{act:?} {world:?}: proven, and it never happened"
        );
    }
    assert_eq!(
        drill.ledger().targets("comment").len(),
        comments,
        "{act:?} {world:?}"
    );
    (action, ours)
}

/// The table: the word, how many requests may leave, and what the evidence must say.
fn table() -> Vec<(Act, World, ActionState, usize, &'static str)> {
    use ActionState::{Abandoned, Drifted, NotEffective, Rejected, Unverifiable, Verified};
    let mut rows = Vec::new();
    for act in [REVOKE, DISABLE, ENABLE, RESET, EXPIRE, MARK, DISMISS] {
        let of_risk = act.kind.is_of_risk();
        let revoke = act.effect == "clear_sessions";
        // Of a password that is set the answer alone tells whose it is.
        let (lost, unanswered) = if act.effect == "reset_password" {
            (Unverifiable, NOBODY_KNOWS)
        } else {
            (Verified, "reads agree")
        };
        rows.extend([
            (act, World::Applied, Verified, 1, "reads agree"),
            (act, World::AcceptedNotApplied, NotEffective, 1, ""),
            (act, World::DeletedBeforeTheSend, Abandoned, 0, "not sent"),
            (act, World::NotFound, Rejected, 1, "Resource not found"),
            (
                act,
                World::Forbidden,
                Rejected,
                1,
                "You do not have permission",
            ),
            (act, World::Conflict, Rejected, 1, "current status"),
            (act, World::ThrottledOnce, Verified, 2, "reads agree"),
            (act, World::BrokenAfterEffect, lost, 1, unanswered),
            (act, World::BrokenBeforeEffect, NotEffective, 1, ""),
            (act, World::ReplyLost, lost, 1, unanswered),
        ]);
        // Put off though it was carried out: it is not sent again over what it did, and then read back. Of a revocation
        // nothing stands in the way of the second send.
        let (word, sends, says) = if revoke {
            (Verified, 2, "reads agree")
        } else {
            (Rejected, 1, "by whom is not known")
        };
        let put_off = World::RefusedAfterEffect("429_after_effect");
        rows.push((act, put_off, word, sends, says));
        // A gateway refuses what it passed on: the state is read, and is called the work of nobody in particular.
        for fault in ["403_after_effect", "404_after_effect"] {
            let (word, says) = if revoke {
                (Verified, "reads agree")
            } else {
                (Rejected, "by whom is not known")
            };
            rows.push((act, World::RefusedAfterEffect(fault), word, 1, says));
        }
        rows.extend([
            (act, World::StaleFirst, Verified, 1, "reads agree"),
            (act, World::StaleAlways, NotEffective, 1, ""),
        ]);
        // A deactivated account has no sessions either; whether it was suspended before cannot be read any more.
        let deactivated = if revoke || of_risk {
            Verified
        } else {
            Unverifiable
        };
        rows.push((act, World::DeactivatedByOthers, deactivated, 1, ""));
        if act.undo.is_some() {
            let says = if of_risk { "risk level" } else { "status" };
            // A status that began after an enabling does not refute it.
            let undone = if act.effect == "unsuspend" {
                Unverifiable
            } else {
                NotEffective
            };
            rows.push((act, World::UndoneAtOnce, undone, 1, says));
        }
        if of_risk {
            // Nothing is refused for what it is already; what is read is ours by its reason.
            rows.push((act, World::DoneByOthersFirst, Verified, 1, "by an analyst"));
        } else if act.effect == "reset_password" {
            // Okta says 403 to that: a reset that reads as done may be that of a copy, and nobody has its link. From where it
            // is now no reset is sent from here.
            let says = "by whom is not known; reset it again at the provider";
            rows.push((act, World::DoneByOthersFirst, Rejected, 2, says));
        } else if !revoke {
            // Refused for the state it is in, which is the wanted one: the work of others proves nothing of ours. They did it
            // in the second of our look, so a copy of our own request may as well have.
            rows.push((
                act,
                World::DoneByOthersFirst,
                Rejected,
                2,
                "by whom is not known",
            ));
        }
        let (word, says) = match act.kind {
            ActionKind::DisableAccount => (Drifted, "ACTIVE now"),
            // With the time at which it was enabled.
            ActionKind::EnableAccount => (Verified, "status ACTIVE since "),
            _ => (Verified, "reads agree"),
        };
        rows.push((act, World::UndoneLater, word, 1, says));
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_each_kind_ends_in_the_right_word() {
    let rows = table();
    let count = rows.len();
    let told: Vec<String> = futures::stream::iter(rows)
        .map(|(act, world, word, sends, says)| async move {
            let (action, sent) = tokio::spawn(story(act, world)).await.map_err(|error| format!("{act:?} {world:?}: {error}"))?;
            let evidence = action.evidence.map(|text| text.raw().to_owned()).unwrap_or_default();
            let right = action.state == word && sent == sends && evidence.contains(says);
            if right {
                Ok(())
            } else {
                Err(format!(
                    "{} {world:?}: {:?} after {sent} requests, not {word:?} after {sends}: {evidence}",
                    act.effect, action.state
                ))
            }
        })
        .buffer_unordered(8)
        .filter_map(|told: Result<(), String>| async move { told.err() })
        .collect()
        .await;
    assert!(told.is_empty(), "{count} rows, wrong: {told:#?}");
    println!("{count} rows, each with the right word");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_that_others_ask_for_after_ours_never_arrived_is_not_called_ours() {
    let (drill, clock) = still(Idp::Okta).await;
    let state = tempfile::tempdir().expect("a directory");
    let order = json!({"server": "identity", "fault": "500", "path": EXPIRE.path, "count": 1});
    let does = (EXPIRE.keys, &order);
    let (mut app, gate) = unread(&drill, &clock, state.path(), does).await;
    pass(&drill, &clock, 34);
    by_others(&drill, "expire_password").await;
    gate.open();
    let model = app.until("it has its word", finished).await;
    app.end().await;
    let why = "later than this request: by another act, or by a late copy of this request";
    assert_unproven(&model, why);
    assert_eq!(drill.ledger().targets(EXPIRE.effect).len(), 1, "theirs");
}
