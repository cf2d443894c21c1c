//! The view of what may be left, through the real program: keys in; the servers' ledger, the screen, the log and the case
//! out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use quell::app::left::{Row, rows};
use quell::app::model::{Layer, Model};
use quell::connect::http::Limits;
use quell::domain::audit::{Body, ItemNamed};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::remnant::{Mark, RemnantKind};
use quell::domain::containment::standing::Standing;
use quell::domain::containment::state::ActionState;
use quell::domain::text::Safe;
use quell::drill::wire::Idp;
use quell::drill::{Drill, Options};
use quell::engine::probe::Probe;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::harness::app::{Setting, TestApp, company, company_of, limits, records};
use crate::truth::{confirm, finished, open_case};

/// Opens the view and waits for the list.
pub(crate) async fn show(app: &mut TestApp) -> Model {
    app.keys("E");
    app.until("what may be left is read", |model| {
        matches!(model.layers.last(), Some(Layer::Left { .. })) && !rows(model).is_empty()
    })
    .await
}

/// Moves to a thing in the view and plans its removal.
pub async fn plan_removal(app: &mut TestApp, kind: RemnantKind, words: &str) -> Model {
    let model = show(app).await;
    let shown = rows(&model);
    let place = |is_it: &dyn Fn(&str) -> bool| {
        shown.iter().position(|row| match row {
            Row::There(one, _) => one.item.kind == kind && is_it(one.item.name.raw()),
            _ => false,
        })
    };
    let place = place(&|name| name == words).or_else(|| place(&|name| name.contains(words)));
    let place = place.unwrap_or_else(|| panic!("no {kind:?} {words}"));
    app.keys("g").keys(&"j".repeat(place)).keys("<Enter>");
    let model = app
        .until("the dialog is open", |model| {
            matches!(model.layers.last(), Some(Layer::Confirm { .. }))
        })
        .await;
    app.clock.advance(std::time::Duration::from_secs(1));
    model
}

fn removal(model: &Model) -> Option<&ActionView> {
    let mut all = model.ledger.actions();
    all.rfind(|one| one.kind == ActionKind::RemoveItem)
}

pub(crate) fn says(model: &Model, words: &str) -> bool {
    let mut log = model.log.iter();
    log.any(|line| line.text.as_str().contains(words))
}

/// What the case system holds as comments.
pub(crate) async fn comments(drill: &Drill) -> Vec<String> {
    let cases = drill.cases();
    let query = json!({"query": [{"_name": "listCase"}, {"_name": "comments"}]});
    let client = reqwest::Client::builder().no_proxy().build();
    let answer = client
        .expect("a client")
        .post(format!("{}/api/v1/query", cases.url))
        .bearer_auth(cases.token)
        .json(&query)
        .send()
        .await
        .expect("the drill answers");
    let answer: serde_json::Value = answer.json().await.expect("JSON");
    let list = answer.as_array().expect("a list").iter();
    list.filter_map(|one| one["message"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_attacker_left_is_seen_marked_and_removed_with_proof() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = show(&mut app).await;
    let listed = rows(&model);
    // What came within the window stands first; what was there before does not count as new.
    let first = |row: &Row<'_>| matches!(row, Row::There(_, Mark::New));
    assert!(listed.first().is_some_and(first), "{listed:?}");
    let mark = |words: &str| {
        let found = listed.iter().find_map(|row| match row {
            Row::There(one, mark) if one.item.name.raw().contains(words) => Some(*mark),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no {words}"))
    };
    assert_eq!(mark("Galaxy A15"), Mark::New);
    assert_eq!(mark("MailSync Helper"), Mark::New);
    assert_eq!(mark("Acme Mail for iOS"), Mark::Older);
    assert_eq!(mark("second mail"), Mark::Untimed);
    let screen = app.screen();
    for words in [
        "What may be left",
        "compromised ",
        "1 kind not read",
        "NEW",
        "refresh tokens",
        "MailSync Helper",
    ] {
        assert!(screen.contains(words), "{words} in {screen}");
    }
    // The ends of the list name what this provider cannot tell.
    app.keys("G");
    app.sync().await;
    let screen = app.screen();
    for words in ["UNREAD", "Okta lists no sessions", "inbox rule"] {
        assert!(screen.contains(words), "{words} in {screen}");
    }
    app.keys("<Esc>");
    let model = plan_removal(&mut app, RemnantKind::RefreshToken, "MailSync").await;
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("the dialog is open");
    };
    let [step] = confirmation.plan().steps.as_slice() else {
        panic!("one request");
    };
    assert_eq!(step.call.method, "DELETE");
    assert!(step.call.path.ends_with("/tokens"), "{}", step.call.path);
    let screen = app.screen();
    assert!(
        screen.contains("remove refresh tokens MailSync Helper"),
        "{screen}"
    );
    assert!(screen.contains("[ remove ]"), "{screen}");
    assert_eq!(drill.ledger().targets("revoke_tokens").len(), 0);
    confirm(&app);
    let model = app.until("it is proven and documented", finished).await;
    let done = removal(&model).expect("one removal").clone();
    assert_eq!(done.state, ActionState::Verified, "{done:?}");
    let evidence = done.evidence.as_ref().map(|text| text.raw().to_owned());
    assert!(evidence.is_some_and(|text| text.contains("is not listed any more")));
    // One thing less is no containment.
    assert!(matches!(model.standing(), None | Some(Standing::Free)));
    let again = |model: &Model| {
        let there = rows(model).iter().any(|row| match row {
            Row::There(one, _) => {
                one.item.kind == RemnantKind::RefreshToken
                    && one.item.name.raw().contains("MailSync")
            }
            _ => false,
        });
        !there && rows(model).iter().any(|row| matches!(row, Row::Acted(..)))
    };
    app.until("the list was read anew", again).await;
    app.keys("<Esc>G");
    app.sync().await;
    let screen = app.screen();
    assert!(
        screen.contains("acted") && screen.contains("proven"),
        "{screen}"
    );
    app.end().await;

    let tokens = drill.ledger().targets("revoke_tokens").clone();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    let all = records(state.path());
    let place = |found: &dyn Fn(&Body) -> bool| all.iter().position(|one| found(&one.body));
    let named = place(&|body| matches!(body, Body::ActionItem(_)));
    let intent = place(&|body| matches!(body, Body::ActionIntent { .. }));
    assert!(named < intent && named.is_some(), "before the send");
    let Some(Body::ActionItem(ItemNamed {
        item,
        since,
        before,
        ..
    })) = named.map(|place| &all[place].body)
    else {
        panic!("the item is on record");
    };
    assert_eq!(item.kind, RemnantKind::RefreshToken);
    assert!(tokens[0].ends_with(item.id.raw()) && since.is_some());
    assert!(before.raw().contains("files.read.all"), "{}", before.raw());
    let comment = comments(&drill).await.concat();
    assert!(
        comment.contains("- remove what was left: **proven**"),
        "{comment}"
    );
    assert!(comment.contains("**Eradication record**"), "{comment}");
    assert!(comment.contains("MailSync Helper"), "{comment}");
    assert!(
        comment.contains("Nothing in this record contains the account."),
        "{comment}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_keycloak_and_its_last_method_go_the_same_way() {
    let keycloak = Options {
        idp: Idp::Keycloak,
        ..Options::default()
    };
    let (drill, state) = (
        company_of(keycloak).await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    for (kind, words) in [
        (RemnantKind::MfaMethod, "Galaxy A15"),
        (RemnantKind::MfaMethod, "iPhone"),
    ] {
        let model = plan_removal(&mut app, kind, words).await;
        let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
            panic!("the dialog is open");
        };
        let limits = confirmation.plan().steps[0].facts.limits.clone();
        let is_last = words == "iPhone";
        assert_eq!(
            limits.as_str().contains("last MFA method"),
            is_last,
            "{limits}"
        );
        confirm(&app);
        let proven = |model: &Model| {
            finished(model)
                && removal(model).is_some_and(|one| {
                    one.state == ActionState::Verified
                        && one
                            .item
                            .as_ref()
                            .is_some_and(|item| item.name.raw().contains(words))
                })
        };
        app.until("it is proven", proven).await;
        app.keys("<Esc><Esc>");
        app.sync().await;
    }
    app.end().await;
    assert_eq!(drill.ledger().targets("remove_factor").len(), 2);
}

/// Who enables an account again is told what is still there, of when the password is, and whether the sessions ended.
#[tokio::test(flavor = "multi_thread")]
async fn enabling_says_what_is_left_and_refuses_nothing() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    crate::truth::plan(&mut app, "cc").await;
    confirm(&app);
    let contained = |model: &Model| {
        let account = model.open.as_ref().and_then(|open| open.the_account());
        finished(model)
            && matches!(model.standing(), Some(Standing::Contained { .. }))
            && account.is_some_and(|one| one.vendor_status.raw() == "SUSPENDED")
    };
    app.until("it is contained", contained).await;
    app.keys("<Esc>");
    let model = crate::truth::plan(&mut app, "u").await;
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("the dialog is open");
    };
    let plan = confirmation.plan();
    let warnings: Vec<&str> = plan.warnings.iter().map(Safe::as_str).collect();
    let said = |words: &str| warnings.iter().any(|one| one.contains(words));
    // The tokens went with the sessions; grants and the method did not.
    assert!(
        said("still there since the compromise began: OAuth grant MailSync"),
        "{warnings:?}"
    );
    assert!(
        said("of before: whoever knew it signs in again"),
        "{warnings:?}"
    );
    assert!(said("not read, or not whole: session"), "{warnings:?}");
    assert!(!said("refresh tokens"), "{warnings:?}");
    let limits = &plan.steps[0].facts.limits;
    assert!(
        limits.as_str().contains("its sessions were revoked"),
        "{limits}"
    );
    assert!(!plan.refused());
    let screen = app.screen();
    assert!(
        screen.contains("WARNING") && screen.contains("still there"),
        "{screen}"
    );
    confirm(&app);
    app.until("it is enabled", |model| {
        finished(model)
            && model
                .ledger
                .actions()
                .any(|one| one.kind == ActionKind::EnableAccount)
    })
    .await;
    app.end().await;
    assert_eq!(drill.ledger().targets("unsuspend").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_removed_says_why_and_plans_nothing() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app).await;
    let model = show(&mut app).await;
    let place = rows(&model).iter().position(
        |row| matches!(row, Row::There(one, _) if one.item.kind == RemnantKind::RecoveryData),
    );
    let place = place.expect("what leads back to the password");
    app.keys("g").keys(&"j".repeat(place)).keys("<Enter>");
    let model = app.sync().await;
    assert!(says(&model, "it is part of the profile"), "{:?}", model.log);
    assert!(matches!(model.layers.last(), Some(Layer::Left { .. })));
    // What was read is shown whole, and nothing is changed by it.
    app.keys("v");
    app.sync().await;
    assert!(app.screen().contains("mara.lind@acme.example"));
    app.keys("<Esc>G<Enter>");
    let model = app.sync().await;
    assert!(says(&model, "nothing on this line can be removed"));
    app.end().await;
    let ledger = drill.ledger();
    let mutating = ledger.mutating();
    let ours = mutating.iter().filter(|one| one["server"] == "identity");
    assert_eq!(ours.count(), 0, "{mutating:?}");
}

/// What the provider, or somebody else at it, does with a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    Applied,
    AcceptedNotApplied,
    GoneBeforeTheSend,
    NotFound,
    Forbidden,
    RefusedAfterEffect,
    Conflict,
    ThrottledOnce,
    BrokenAfterEffect,
    BrokenBeforeEffect,
    ReplyLost,
    ListUnread,
    BackBeforeTheFirstRead,
    BackBeforeTheSecondRead,
}

impl World {
    /// Gives the read back before which something happens.
    fn read(self) -> Option<usize> {
        match self {
            Self::ListUnread | Self::BackBeforeTheFirstRead => Some(1),
            Self::BackBeforeTheSecondRead => Some(2),
            _ => None,
        }
    }
}

/// Stops the console before one of its reads back until it is let on.
struct Nth {
    /// Which of all; 0 is none.
    read: AtomicUsize,
    passed: AtomicUsize,
    reached: Semaphore,
    open: Semaphore,
}

#[async_trait]
impl Probe for Nth {
    async fn pass(&self, point: &str) {
        if point != "read.before" {
            return;
        }
        let number = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if self.read.load(Ordering::SeqCst) == number {
            self.reached.add_permits(1);
            drop(self.open.acquire().await);
        }
    }
}

/// One thing to remove: where, what; the request, as method and a part of its path; the list that proves it; its effect in
/// the ledger.
#[derive(Clone, Copy, Debug)]
struct Thing {
    idp: Idp,
    kind: RemnantKind,
    words: &'static str,
    request: (&'static str, &'static str),
    list: &'static str,
    effect: &'static str,
}

const fn thing(
    idp: Idp,
    (kind, words): (RemnantKind, &'static str),
    request: (&'static str, &'static str),
    (list, effect): (&'static str, &'static str),
) -> Thing {
    Thing {
        idp,
        kind,
        words,
        request,
        list,
        effect,
    }
}

const DISABLED: &str = "(disabled)";

fn things(idp: Idp) -> Vec<Thing> {
    use RemnantKind::{
        AppPassword, Forwarding, InboxRule, LinkedAccount, MailAlias, MfaMethod, OauthGrant,
        RecoveryData, RefreshToken,
    };
    let delete = |kind, words, path, list, effect| {
        thing(idp, (kind, words), ("DELETE", path), (list, effect))
    };
    match idp {
        // The tokens of a client are asked for only where the list of clients has it.
        Idp::Okta => vec![
            delete(
                RefreshToken,
                "MailSync",
                "/tokens",
                "/clients",
                "revoke_tokens",
            ),
            delete(
                OauthGrant,
                "Helper: files",
                "/grants/",
                "/grants",
                "remove_grant",
            ),
            delete(
                MfaMethod,
                "Galaxy",
                "/factors/",
                "/factors",
                "remove_factor",
            ),
            delete(
                MfaMethod,
                "phone",
                "/authenticator-enrollments/",
                "/authenticator-enrollments",
                "remove_enrollment",
            ),
        ],
        Idp::Keycloak => vec![
            delete(
                OauthGrant,
                "MailSync",
                "/consents/",
                "/consents",
                "remove_grant",
            ),
            delete(
                MfaMethod,
                "Galaxy",
                "/credentials/",
                "/credentials",
                "remove_factor",
            ),
            delete(
                LinkedAccount,
                "github",
                "/federated-identity/",
                "/federated-identity",
                "unlink",
            ),
        ],
        Idp::Entra => vec![
            delete(
                OauthGrant,
                "MailSync",
                "/oauth2PermissionGrants/",
                "/oauth2PermissionGrants",
                "remove_grant",
            ),
            delete(
                OauthGrant,
                "assigned to",
                "/appRoleAssignments/",
                "/appRoleAssignments",
                "remove_assignment",
            ),
            delete(
                MfaMethod,
                "Galaxy",
                "/authentication/",
                "/authentication/methods",
                "remove_factor",
            ),
            thing(
                idp,
                (InboxRule, ".."),
                ("PATCH", "/messageRules/"),
                ("/messageRules", "disable_rule"),
            ),
            delete(
                InboxRule,
                DISABLED,
                "/messageRules/",
                "/messageRules",
                "delete_rule",
            ),
        ],
        Idp::Google => vec![
            delete(
                OauthGrant,
                "MailSync",
                "/tokens/",
                "/tokens",
                "revoke_tokens",
            ),
            delete(
                AppPassword,
                "iPad",
                "/asps/",
                "/asps",
                "revoke_app_password",
            ),
            thing(
                idp,
                (MfaMethod, "backup codes"),
                ("POST", "/verificationCodes/invalidate"),
                ("/verificationCodes", "void_codes"),
            ),
            delete(MailAlias, "m.lind", "/aliases/", "/aliases", "remove_alias"),
            thing(
                idp,
                (RecoveryData, "recovery mail"),
                ("PUT", "/directory/v1/users/"),
                ("/directory/v1/users/", "clear_recovery"),
            ),
            delete(
                InboxRule,
                "in:anywhere",
                "/filters/",
                "/filters",
                "remove_filter",
            ),
            thing(
                idp,
                (Forwarding, "of all mail"),
                ("PUT", "/autoForwarding"),
                ("/autoForwarding", "stop_forwarding"),
            ),
            delete(
                Forwarding,
                "drop@mailbox.example",
                "/forwardingAddresses/",
                "/forwardingAddresses",
                "remove_forwarding_address",
            ),
        ],
    }
}

pub(crate) fn arm(drill: &Drill, fault: &str, (method, path): (&str, &str), count: Option<u32>) {
    let mut order = json!({"server": "identity", "fault": fault, "path": path, "method": method});
    if let Some(count) = count {
        order["count"] = json!(count);
    }
    drill.fault(&order).expect("the fault is known");
}

/// Sends a planned request at Okta by another administrator's hand.
pub(crate) async fn by_others(drill: &Drill, path: &str) {
    let identity = drill.identity();
    let client = reqwest::Client::builder().no_proxy().build();
    let sent = client
        .expect("a client")
        .delete(format!("{}{path}", identity.url))
        .header("authorization", format!("SSWS {}", identity.token))
        .send()
        .await
        .expect("the drill answers");
    assert!(sent.status().is_success(), "{path}: {}", sent.status());
}

/// Plans the removal of a thing; a rule that is to be deleted is disabled first, by another plan.
async fn plan_thing(app: &mut TestApp, thing: Thing) {
    if thing.words == DISABLED {
        plan_removal(app, thing.kind, "..").await;
        confirm(app);
        let is_off = |model: &Model| {
            finished(model) && removal(model).is_some_and(|one| one.state == ActionState::Verified)
        };
        app.until("the rule is disabled", is_off).await;
        app.keys("<Esc><Esc>");
        app.sync().await;
    }
    plan_removal(app, thing.kind, thing.words).await;
}

async fn story(thing: Thing, world: World) -> (ActionView, usize) {
    let options = Options {
        idp: thing.idp,
        ..Options::default()
    };
    let (drill, state) = (
        company_of(options).await,
        tempfile::tempdir().expect("a directory"),
    );
    let gate = Arc::new(Nth {
        read: AtomicUsize::new(0),
        passed: AtomicUsize::new(0),
        reached: Semaphore::new(0),
        open: Semaphore::new(0),
    });
    let setting = Setting {
        probe: Arc::clone(&gate) as Arc<dyn Probe>,
        // A busy machine needs its time for the reads of an account.
        limits: Limits {
            read_total: Duration::from_secs(15),
            write_total: Duration::from_secs(8),
            ..limits()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |text| text);
    open_case(&mut app).await;
    plan_thing(&mut app, thing).await;
    if let Some(read) = world.read() {
        let before = gate.passed.load(Ordering::SeqCst);
        gate.read.store(before + read, Ordering::SeqCst);
    }
    let left = drill.left();
    let once = |fault| arm(&drill, fault, thing.request, Some(1));
    match world {
        World::GoneBeforeTheSend => drill.clean_by_others(),
        World::AcceptedNotApplied => once("accepted_without_effect"),
        World::NotFound => once("404"),
        World::Forbidden => once("403"),
        World::RefusedAfterEffect => once("403_after_effect"),
        World::Conflict => once("409"),
        World::ThrottledOnce => once("429"),
        World::BrokenAfterEffect => once("500_after_effect"),
        World::BrokenBeforeEffect => once("500"),
        World::ReplyLost => once("reply_lost_after_effect"),
        World::Applied
        | World::ListUnread
        | World::BackBeforeTheFirstRead
        | World::BackBeforeTheSecondRead => {}
    }
    confirm(&app);
    if world.read().is_some() {
        drop(gate.reached.acquire().await);
        if world == World::ListUnread {
            arm(&drill, "403", ("GET", thing.list), None);
        } else {
            drill.leave_again(&left);
        }
        gate.open.add_permits(1);
    }
    let what = format!("{thing:?} {world:?} ended");
    let model = if world == World::ListUnread {
        let is_unread = |model: &Model| removal(model).is_some_and(|one| one.unread.is_some());
        app.until(&what, is_unread).await
    } else {
        // A rule that is deleted was disabled by a plan before.
        let is_over = |model: &Model| {
            let over = removal(model).filter(|one| one.state != ActionState::Planned);
            finished(model) && over.is_some_and(|one| !one.is_unfinished())
        };
        app.until(&what, is_over).await
    };
    app.end().await;
    let ledger = drill.ledger();
    let sent = ledger.mutating();
    let (method, part) = thing.request;
    let of_thing = |one: &&serde_json::Value| {
        let path = one["path"].as_str().unwrap_or_default();
        one["method"] == method && path.contains(part)
    };
    let ours = sent.iter().filter(of_thing).count();
    let action = removal(&model).expect("one removal").clone();
    if action.state == ActionState::Verified {
        assert!(
            !ledger.targets(thing.effect).is_empty(),
            "{thing:?} {world:?}: proven, and it never happened"
        );
    }
    (action, ours)
}

/// Tells every story of a provider, and which of them ended wrong.
async fn judge_all(idp: Idp) {
    use ActionState::{Abandoned, NotEffective, Rejected, Unknown, Verified};
    let listed = "is still listed";
    let table = [
        (World::Applied, Verified, 1, "reads agree"),
        (World::AcceptedNotApplied, NotEffective, 1, listed),
        (World::GoneBeforeTheSend, Abandoned, 0, "the plan is stale"),
        (World::NotFound, Rejected, 1, "404"),
        (World::Forbidden, Rejected, 1, "403"),
        (
            World::RefusedAfterEffect,
            Rejected,
            1,
            "by whom is not known",
        ),
        (World::Conflict, Rejected, 1, "409"),
        (World::ThrottledOnce, Verified, 2, "reads agree"),
        (World::BrokenAfterEffect, Verified, 1, "reads agree"),
        (World::BrokenBeforeEffect, NotEffective, 1, listed),
        (World::ReplyLost, Verified, 1, "reads agree"),
        (World::ListUnread, Unknown, 1, "could not be read back"),
        (World::BackBeforeTheFirstRead, NotEffective, 1, listed),
        (World::BackBeforeTheSecondRead, NotEffective, 1, listed),
    ];
    let rows: Vec<_> = things(idp)
        .into_iter()
        .flat_map(|thing| table.map(|row| (thing, row)))
        .collect();
    let count = rows.len();
    let wrong: Vec<String> = futures::stream::iter(rows)
        .map(|(thing, (world, word, sends, says))| async move {
            let told = tokio::spawn(story(thing, world)).await;
            let (action, sent) = told.map_err(|error| format!("{thing:?} {world:?}: {error}"))?;
            let evidence = action.evidence.map(|text| text.raw().to_owned());
            let evidence = evidence.unwrap_or_default();
            if action.state == word && sent == sends && evidence.contains(says) {
                return Ok(());
            }
            Err(format!(
                "{:?} {world:?}: {:?} after {sent}, not {word:?} after {sends}: {evidence}",
                thing.request, action.state
            ))
        })
        .buffer_unordered(6)
        .filter_map(|told: Result<(), String>| async move { told.err() })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{count} rows, wrong: {wrong:#?}");
    println!("{count} rows, each with the right word");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_each_removal_ends_in_the_right_word_at_okta() {
    judge_all(Idp::Okta).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_each_removal_ends_in_the_right_word_at_keycloak() {
    judge_all(Idp::Keycloak).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_each_removal_ends_in_the_right_word_at_entra() {
    judge_all(Idp::Entra).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_each_removal_ends_in_the_right_word_at_google() {
    judge_all(Idp::Google).await;
}
