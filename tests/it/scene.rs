//! Models made by hand, for pictures of the screen: no network, no clock, the same every time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use quell::app::keymap::Keymap;
use quell::app::message::{Level, Offer, SearchEnd, WatchOf};
use quell::app::model::comments::OwnComments;
use quell::app::model::{
    ActivityPane, Found, Load, Looks, Model, OpenCase, OwnLog, Pane, Start, Watch,
};
use quell::config::settings::{
    Connection, Environment, EnvironmentKind, Mode, Policy, Role, SecretSource, Settings, Timeline,
    Vendor,
};
use quell::domain::account::{Account, AccountStatus, Factor, Group};
use quell::domain::audit::{
    AttackSign, Body, ChainHash, ChecklistTick, Entry, HoldSet, OutcomeState, RecoverySaid,
    RecoveryWord, SignKind, TickState, WatchSeen, WatchSuccess, WatchUntil,
};
use quell::domain::case::{Alert, Case, CaseFile, Comment, Subject};
use quell::domain::containment::approval::{Ask, TTL, compose_request};
use quell::domain::containment::consent::{Asked, Consent};
use quell::domain::containment::guard::GuardResult;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::need::Need;
use quell::domain::containment::plan::{ActionFacts, Plan, PlannedStep, PreparedCall};
use quell::domain::containment::standing::Standing;
use quell::domain::freshness::Moment;
use quell::domain::ids::{AccountId, ActionId, CaseId, ConnectionName, LogId, PlanId, SessionId};
use quell::domain::runbook::choice::Runbooks;
use quell::domain::severity::{CaseStatus, Severity};
use quell::domain::text::Untrusted;
use quell::domain::timeline::event::{Event, Geo, Outcome, Party};
use quell::domain::timeline::finding::Tuning;
use quell::domain::timeline::lane::Lane;

/// The time on the clock of every picture: a Saturday, 03:12:40 UTC.
pub(crate) fn now() -> Moment {
    Moment {
        utc: at("2026-03-07T03:12:40Z"),
        boot: Duration::from_secs(100_000),
    }
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn text(raw: &str) -> Untrusted {
    Untrusted::new(raw)
}

fn connection(name: &str) -> ConnectionName {
    ConnectionName::parse(name).expect("a name")
}

pub(crate) fn settings(mode: Mode, kind: EnvironmentKind) -> Settings {
    let one = |name: &str, vendor: Vendor, roles: &[Role]| Connection {
        name: connection(name),
        vendor,
        url: "https://example.invalid/".parse().expect("an address"),
        roles: roles.iter().copied().collect::<BTreeSet<_>>(),
        secret: SecretSource::Env("X".to_owned()),
        poll: Duration::from_secs(15),
        case_user: Vec::new(),
        index: "logs-*".to_owned(),
        alerts_index: "alerts".to_owned(),
        rules: Vec::new(),
        silent: Duration::from_secs(86_400),
        token_id: None,
        ca_file: None,
        organisation: None,
        client: None,
        app: None,
        subject: None,
        entra: None,
    };
    Settings {
        environment: Environment {
            name: "acme".to_owned(),
            kind,
            mode,
            idle_lock: std::time::Duration::from_secs(900),
        },
        connections: vec![
            one("hive", Vendor::Thehive, &[Role::Cases]),
            one("elastic", Vendor::Elasticsearch, &[Role::Activity]),
            one("okta", Vendor::Okta, &[Role::Identity]),
        ],
        sla: BTreeMap::from([
            ("critical".to_owned(), Duration::from_secs(15 * 60)),
            ("high".to_owned(), Duration::from_secs(20 * 60)),
            ("medium".to_owned(), Duration::from_secs(3 * 3600)),
        ]),
        policy: Policy {
            of_host: true,
            protected: vec!["breakglass@acme.example".to_owned()],
            ..Policy::default()
        },
        keys: BTreeMap::new(),
        theme: None,
        terminal: quell::config::terminal::TerminalSettings::default(),
        ascii: false,
        timeline: Timeline::default(),
        runbooks: quell::config::settings::RunbookSettings::default(),
        wall: quell::config::settings::Wall::default(),
        escalation: None,
        sha256: String::new(),
    }
}

/// A console that has not heard anything.
pub(crate) fn empty(size: (u16, u16)) -> Model {
    Model::new(Start {
        settings: Arc::new(settings(Mode::Live, EnvironmentKind::Production)),
        keymap: Arc::new(Keymap::default()),
        runbooks: Arc::new(Runbooks::default()),
        escalation: None,
        os_user: text("jo"),
        own_log: OwnLog {
            host: text("lap-b"),
            beside: None,
        },
        now: now(),
        size,
    })
}

/// An escalation path of three.
pub(crate) fn escalation() -> Arc<quell::domain::escalation::Escalation> {
    let file = "[[step]]\nwho = \"Second analyst on call\"\nreach = [\"phone +49 30 5550101\", \"pager soc-2\"]\n\
                note = \"approves protected accounts\"\n\
                [[step]]\nwho = \"Head of security operations\"\nreach = \"phone +49 30 5550102\"\nafter = \"15m\"\n\
                severity = \"high\"\n\
                [[step]]\nwho = \"Board member on call\"\nreach = \"phone +49 30 5550103\"\nafter = \"2h\"\n\
                severity = \"fatal\"\nnote = \"decides about shutting down a site\"\n\
                [[step]]\nwho = \"Chief information officer\"\nreach = \"phone +49 30 5550104\"\nafter = \"4h\"\n";
    let path = quell::config::escalation::parse_escalation(file, "escalation.toml");
    Arc::new(path.expect("a good path"))
}

/// A console whose sources all answered a moment ago.
pub(crate) fn heard(size: (u16, u16)) -> Model {
    let mut model = empty(size);
    for source in &mut model.sources {
        source.heard.since = Duration::from_secs(90_000);
        source.heard.good = Some(Duration::from_secs(99_995));
    }
    model.operator.login = Some(text("jo@acme.example"));
    model
}

/// Number, severity, title, age in minutes, owner, user.
type Row = (
    u64,
    Severity,
    &'static str,
    i64,
    Option<&'static str>,
    Option<&'static str>,
);

/// The queue of an ordinary night.
pub(crate) fn queue(size: (u16, u16)) -> Model {
    let mut model = heard(size);
    let rows: [Row; 12] = [
        (
            4812,
            Severity::Critical,
            "Impossible travel, then MFA enrolment",
            4,
            None,
            Some("mara.lind"),
        ),
        (
            4809,
            Severity::High,
            "MFA fatigue: 31 push requests",
            19,
            Some("j.okoro"),
            Some("t.baker"),
        ),
        (
            4807,
            Severity::High,
            "Malicious process on a workstation",
            23,
            None,
            None,
        ),
        (
            4803,
            Severity::High,
            "Password spray against 40 accounts",
            52,
            Some("jo@acme.example"),
            Some("d.fischer"),
        ),
        (
            4801,
            Severity::Medium,
            "Risky sign-in from a new country",
            71,
            Some("j.okoro"),
            Some("p.ivanova"),
        ),
        (
            4799,
            Severity::Medium,
            "Phishing report with attachment",
            140,
            None,
            Some("a.novak"),
        ),
        (
            4797,
            Severity::Medium,
            "Inbox rule forwards to outside",
            163,
            None,
            Some("h.tanaka"),
        ),
        (
            4795,
            Severity::Medium,
            "OAuth consent to an unknown app",
            171,
            Some("j.okoro"),
            Some("l.moreau"),
        ),
        (
            4790,
            Severity::Low,
            "New device enrolled",
            310,
            None,
            Some("s.kim"),
        ),
        (
            4788,
            Severity::Low,
            "Sign-in from an anonymiser",
            402,
            None,
            Some("r.costa"),
        ),
        (
            4781,
            Severity::Informational,
            "Password changed by help desk",
            900,
            None,
            Some("n.haddad"),
        ),
        (
            4775,
            Severity::Informational,
            "User reported a lost phone",
            1500,
            Some("j.okoro"),
            Some("e.ruiz"),
        ),
    ];
    let cases: Vec<Case> = rows
        .iter()
        .map(|(number, severity, title, minutes, owner, _)| Case {
            id: case_id(*number),
            number: Some(*number),
            title: text(title),
            description: text(""),
            severity: *severity,
            status: if owner.is_some() {
                CaseStatus::InProgress
            } else {
                CaseStatus::New
            },
            vendor_status: text("New"),
            assignee: owner.map(text),
            created: now().utc - TimeDelta::minutes(*minutes),
            updated: None,
            tags: Vec::new(),
            fields: Vec::new(),
        })
        .collect();
    // What was there before the last poll; the rest is new.
    model.queue.take(cases.iter().skip(1).cloned().collect());
    model.queue.take(cases);
    for (number, _, _, _, _, user) in rows {
        let subject = match user {
            Some(user) => Subject::User(text(user)),
            None => Subject::NoUser,
        };
        model.queue.subjects.insert(case_id(number), subject);
    }
    model.queue.move_to(1);
    model
}

pub(crate) fn case_id(number: u64) -> CaseId {
    CaseId::new(connection("hive"), format!("~{number}"))
}

pub(crate) fn account() -> Account {
    Account {
        id: AccountId::new(connection("okta"), "00u1f9ke2xQ7mZ4tH697"),
        login: text("mara.lind@acme.example"),
        name: text("Mara Lind"),
        mail: Some(text("mara.lind@acme.example")),
        status: AccountStatus::Active,
        vendor_status: text("ACTIVE"),
        status_changed: Some(at("2024-05-02T08:00:00Z")),
        last_sign_in: Some(at("2026-03-07T03:09:12Z")),
        password_changed: Some(at("2026-01-12T08:00:00Z")),
        tokens_valid_from: None,
        source: Some(text("ACTIVE_DIRECTORY")),
        groups: Some(vec![
            Group {
                id: text("00g1"),
                name: text("Everyone"),
            },
            Group {
                id: text("00g2"),
                name: text("Payroll"),
            },
        ]),
        roles: Some(vec![text("REPORT_ADMIN")]),
        factors: Some(vec![
            Factor {
                id: text("f1"),
                kind: text("push"),
                status: text("ACTIVE"),
                created: None,
            },
            Factor {
                id: text("f2"),
                kind: text("token:software:totp"),
                status: text("ACTIVE"),
                created: Some(at("2026-03-07T03:06:00Z")),
            },
        ]),
        token_clients: Some(Vec::new()),
        sessions: None,
        required: None,
        risk: None,
        gaps: Vec::new(),
        zone: None,
        aliases: Vec::new(),
        server_date: Some(now().utc),
    }
}

fn event(
    id: usize,
    time: &str,
    lane: Lane,
    action: &str,
    outcome: Outcome,
    place: &str,
    ip: &str,
) -> Event {
    Event {
        id: text(&format!("e{id}")),
        at: at(time),
        lane,
        action: text(action),
        outcome,
        user: Party {
            name: Some(text("mara.lind@acme.example")),
            ..Party::default()
        },
        ip: Some(text(ip)),
        geo: Geo {
            city: Some(text(place)),
            ..Geo::default()
        },
        agent: Some(text("python-requests/2.31")),
        provider: Some(text("okta")),
        object: Some(text("Payroll")),
        raw: "{\"event\":{\"action\":\"user.session.start\",\"outcome\":\"success\"},\"source\":{\"ip\":\"203.0.113.7\"}}".into(),
        ..Event::default()
    }
}

fn events() -> Vec<Event> {
    let mut all = Vec::new();
    for day in 4..7 {
        for hour in [7, 8, 9, 11, 13, 15, 16] {
            let time = format!(
                "2026-03-{day:02}T{hour:02}:{:02}:10Z",
                (hour * 7 + day) % 60
            );
            let lane = if hour % 4 == 1 {
                Lane::Sensitive
            } else {
                Lane::SignIn
            };
            let action = if lane == Lane::SignIn {
                "user.session.start"
            } else {
                "app.access"
            };
            all.push(event(
                all.len(),
                &time,
                lane,
                action,
                Outcome::Success,
                "Oslo NO",
                "192.0.2.14",
            ));
        }
    }
    for second in 0..14 {
        let time = format!("2026-03-07T02:58:{second:02}Z");
        all.push(event(
            all.len(),
            &time,
            Lane::SignIn,
            "user.session.start",
            Outcome::Failure,
            "Lagos NG",
            "203.0.113.7",
        ));
    }
    let rest = [
        ("2026-03-07T03:02:11Z", Lane::SignIn, "user.session.start"),
        (
            "2026-03-07T03:06:02Z",
            Lane::AccountChange,
            "user.mfa.factor.activate",
        ),
        ("2026-03-07T03:07:30Z", Lane::Exfiltration, "report.export"),
        (
            "2026-03-07T03:08:01Z",
            Lane::OauthGrant,
            "app.oauth2.as.consent.grant",
        ),
        ("2026-03-07T03:09:12Z", Lane::SignIn, "user.session.start"),
    ];
    for (time, lane, action) in rest {
        all.push(event(
            all.len(),
            time,
            lane,
            action,
            Outcome::Success,
            "Lagos NG",
            "203.0.113.7",
        ));
    }
    all
}

/// The same queue with the first case open, read, its user found and the activity loaded.
pub(crate) fn open(size: (u16, u16)) -> Model {
    let mut model = queue(size);
    model.queue.move_to(0);
    let case = model.queue.row(0).cloned().expect("a case");
    let mut activity = ActivityPane::begin(1, 72, now());
    activity.loading = None;
    activity.heard = Some(now());
    activity.activity.merge(events());
    activity.ended = Some(SearchEnd {
        events: activity.activity.len(),
        truncated: false,
    });
    let file = CaseFile {
        case: case.clone(),
        observables: Vec::new(),
        alerts: vec![Alert {
            id: text("a1"),
            title: text("Impossible travel"),
            severity: Severity::Critical,
            at: at("2026-03-07T03:04:00Z"),
            blocked: Some(false),
            threat: Some(text("Credential access")),
            hash: None,
            file: None,
            user_id: None,
            user_name: Some(text("mara.lind@acme.example")),
            source_ip: Some(text("203.0.113.7")),
            guidance: None,
            ..Alert::default()
        }],
        tasks: Vec::new(),
        comments: Vec::new(),
        faults: Vec::new(),
    };
    model.open = Some(OpenCase {
        id: case.id,
        file: Load::Ready(Box::new(file), now()),
        subject: Subject::User(text("mara.lind")),
        user: Some(text("mara.lind@acme.example")),
        account: Load::Ready(Found::One(Box::new(account())), now()),
        looks: Looks::default(),
        activity,
        related_seen: None,
        left: Load::Idle,
        left_marked: Vec::new(),
        similar: Load::Idle,
        back: None,
        comments: OwnComments::default(),
    });
    model.offers = ActionKind::ALL
        .into_iter()
        .map(|kind| Offer {
            kind,
            facts: Ok(facts()),
        })
        .collect();
    for place in 0..4 {
        tick(&mut model, place);
    }
    refresh(&mut model);
    model.focus = Pane::Activity;
    model.say(
        Level::Info,
        "case #4812 read: 1 alert, 0 observables, 0 comments",
        None,
    );
    model
}

fn tick(model: &mut Model, place: usize) {
    let step = model.checklist.sections[0].steps[place].key.clone();
    let case = case_id(4812);
    let runbook = model.checklist.file.clone();
    let entry = record(Body::ChecklistTick(ChecklistTick {
        case,
        runbook,
        step: text(step.as_str()),
        state: TickState::Done,
        evidence: (place.is_multiple_of(2)).then(|| text("the case was read")),
        reason: None,
        said: None,
        answer: None,
    }));
    model.casework.apply(&entry);
}

fn refresh(model: &mut Model) {
    let own: Vec<_> = model.ledger.actions().cloned().collect();
    let own: Vec<_> = own.iter().collect();
    let since = model.standing().and_then(Standing::since);
    if let Some(open) = &mut model.open {
        open.activity.refresh(&Tuning::default(), &own, since);
    }
    model.judge();
}

fn facts() -> ActionFacts {
    ActionFacts {
        effect: "The user is signed out of Okta and cannot sign in again.".into(),
        undo: "Enable the account: same password, same MFA methods.".into(),
        limits:
            "Sessions that applications keep themselves go on until they end by their own rule."
                .into(),
        proof: "The account reads SUSPENDED, and the System Log has our entry.".into(),
    }
}

fn id(number: u128) -> (ActionId, PlanId) {
    (
        ActionId::from_parts(now().utc, number),
        PlanId::from_parts(now().utc, 7),
    )
}

/// A plan for the account: revoke, disable.
pub(crate) fn plan(refusal: bool) -> Plan {
    let step = |number: u128, kind: ActionKind, method: &'static str, path: &str| PlannedStep {
        aid: id(number).0,
        kind,
        call: PreparedCall {
            method,
            host: "acme.okta.example".to_owned(),
            path: path.to_owned(),
            body_sha256: String::new(),
        },
        facts: facts(),
        item: None,
    };
    let guard = |guard: &'static str| GuardResult {
        guard,
        refusal: None,
    };
    Plan {
        pid: id(1).1,
        case: case_id(4812),
        account: account(),
        steps: vec![
            step(
                1,
                ActionKind::RevokeSessions,
                "DELETE",
                "/api/v1/users/00u1f9ke2xQ7mZ4tH697/sessions?oauthTokens=true",
            ),
            step(
                2,
                ActionKind::DisableAccount,
                "POST",
                "/api/v1/users/00u1f9ke2xQ7mZ4tH697/lifecycle/suspend",
            ),
        ],
        guards: vec![
            guard("target"),
            guard("own account"),
            GuardResult {
                guard: "protected",
                refusal: refusal.then(|| "the account is on the protected list".into()),
            },
            guard("protected groups"),
            guard("status"),
        ],
        warnings: Vec::new(),
        made: now(),
        hash: String::new(),
        dry_run: false,
        need: None,
        campaign: None,
    }
}

pub(crate) fn record(body: Body) -> Entry {
    Entry {
        log: LogId::from_parts(now().utc, 1),
        seg: 1,
        n: 1,
        ts: now().utc,
        boot_us: 0,
        host: text("bastion"),
        uid: 1000,
        user: text("jo"),
        pid: 1,
        sess: SessionId::from_parts(now().utc, 1),
        body,
        prev: ChainHash::of(b""),
        h: ChainHash::of(b""),
    }
}

/// The open case with a response under way: sessions proven, disable accepted.
pub(crate) fn response(size: (u16, u16)) -> Model {
    let mut model = open(size);
    let plan = plan(false);
    for (step, order) in plan.steps.iter().zip(0u32..) {
        let aid = step.aid.clone();
        let bodies = [
            Body::ActionPlan {
                pid: plan.pid.clone(),
                aid: aid.clone(),
                order,
                kind: step.kind.key().to_owned(),
                case: plan.case.clone(),
                account: plan.account.id.clone(),
                login: plan.account.login.clone(),
                snapshot: serde_json::Value::Null,
                server_date: None,
                guards: Vec::new(),
                plan_hash: String::new(),
                expires: now().utc,
            },
            Body::ActionConfirm {
                pid: plan.pid.clone(),
                aid: aid.clone(),
                how: "typed".to_owned(),
                plan_hash: String::new(),
                dry_run: false,
                operator: None,
            },
            Body::ActionIntent {
                aid: aid.clone(),
                attempt: 1,
                method: step.call.method.to_owned(),
                host: step.call.host.clone(),
                path: text(&step.call.path),
                body_sha256: String::new(),
                request_id: "r".to_owned(),
                server_date: None,
                password_changed: None,
                valid_from: None,
                deadline: now().utc + TimeDelta::seconds(45),
            },
            Body::ActionAck {
                aid: aid.clone(),
                attempt: 1,
                status: 204,
                request_id: None,
                server_date: Some(now().utc),
            },
        ];
        for body in bodies {
            model.ledger.apply(&record(body));
        }
        if order == 0 {
            model.ledger.apply(&record(Body::ActionOutcome {
                aid,
                state: OutcomeState::Verified,
                evidence: text(
                    "user.session.end in the System Log by our token; 0 refresh tokens read back",
                ),
                seconds: Some(6),
            }));
        }
    }
    model.judge();
    refresh(&mut model);
    model.say(
        Level::Info,
        "sessions of mara.lind revoked: proven, 6 s",
        None,
    );
    model
}

/// Two contained accounts: one in order, one past its end, enabled again by others and seen acting.
pub(crate) fn held(size: (u16, u16)) -> Model {
    let mut model = open(size);
    let plan = plan(false);
    let other = AccountId::new(plan.account.id.connection.clone(), "00u9zk2tomas0001");
    let before = now().utc - TimeDelta::hours(25);
    let people = [
        (other, text("tomas.ek@acme.example"), before, 4790),
        (
            plan.account.id.clone(),
            plan.account.login.clone(),
            now().utc - TimeDelta::minutes(9),
            4812,
        ),
    ];
    for ((account, login, since, case), person) in people.into_iter().zip(0u128..) {
        // Disabled, then signed out: contained.
        for (step, order) in plan.steps.iter().rev().zip(0u32..) {
            let aid = ActionId::from_parts(since, person * 10 + u128::from(order));
            let last = step.kind == ActionKind::DisableAccount && person == 0;
            let bodies = [
                Body::ActionPlan {
                    pid: plan.pid.clone(),
                    aid: aid.clone(),
                    order,
                    kind: step.kind.key().to_owned(),
                    case: case_id(case),
                    account: account.clone(),
                    login: login.clone(),
                    snapshot: serde_json::Value::Null,
                    server_date: None,
                    guards: Vec::new(),
                    plan_hash: String::new(),
                    expires: now().utc,
                },
                Body::ActionConfirm {
                    pid: plan.pid.clone(),
                    aid: aid.clone(),
                    how: "typed".to_owned(),
                    plan_hash: String::new(),
                    dry_run: false,
                    operator: None,
                },
                Body::ActionIntent {
                    aid: aid.clone(),
                    attempt: 1,
                    method: step.call.method.to_owned(),
                    host: step.call.host.clone(),
                    path: text(&step.call.path),
                    body_sha256: String::new(),
                    request_id: "r".to_owned(),
                    server_date: Some(since),
                    password_changed: None,
                    valid_from: None,
                    deadline: since,
                },
                Body::ActionOutcome {
                    aid,
                    state: if last {
                        OutcomeState::Drifted
                    } else {
                        OutcomeState::Verified
                    },
                    evidence: text("read back"),
                    seconds: Some(6),
                },
            ];
            for body in bodies {
                model.ledger.apply(&record(body));
            }
        }
        model.ledger.apply(&record(Body::HoldSet(HoldSet {
            case: case_id(case),
            account: account.clone(),
            login,
            owner: text("jo.berg"),
            until: Some(since + TimeDelta::hours(24)),
            how: "confirmed".to_owned(),
            reason: None,
        })));
        if person == 0 {
            model.ledger.apply(&record(Body::WatchSuccess(WatchSuccess {
                case: case_id(case),
                account: account.clone(),
                connection: account.connection.clone(),
                event: text("e-1"),
                at: now().utc - TimeDelta::minutes(40),
                action: text("user.session.start"),
                address: Some(text("203.0.113.9")),
            })));
        }
        let watch = Watch {
            looked: Some(now().utc - TimeDelta::seconds(31)),
            good: now(),
            fault: None,
        };
        let of = (account, WatchOf::Successes);
        model.watched.insert(of, watch);
    }
    model.judge();
    refresh(&mut model);
    model
}

/// Beside them two accounts that were enabled again and are watched: one quiet, one in which something was seen.
pub(crate) fn recovering(size: (u16, u16)) -> Model {
    let mut model = held(size);
    let plan = plan(false);
    for (person, login) in [
        (7u128, "lea.sand@acme.example"),
        (8, "kim.oro@acme.example"),
    ] {
        let id = format!("00u9zk2more000{person}");
        let account = AccountId::new(plan.account.id.connection.clone(), id);
        let since = now().utc - TimeDelta::hours(3 * i64::try_from(person).expect("few"));
        let aid = ActionId::from_parts(since, person);
        let case = case_id(4_700 + u64::try_from(person).expect("few"));
        let said = |word| {
            Body::Recovery(RecoverySaid {
                case: case.clone(),
                account: account.clone(),
                word,
            })
        };
        let sign = |kind, value| AttackSign {
            kind,
            value: text(value),
        };
        let step = &plan.steps[0];
        let mut bodies = vec![
            said(RecoveryWord::Signs(vec![
                sign(SignKind::Address, "203.0.113.77"),
                sign(SignKind::Session, "trs-1"),
            ])),
            said(RecoveryWord::Until(WatchUntil {
                aid: aid.clone(),
                login: text(login),
                owner: text("jo.berg"),
                until: since + TimeDelta::hours(72),
                how: "confirmed".to_owned(),
                reason: None,
                looked: None,
            })),
            Body::ActionPlan {
                pid: PlanId::from_parts(since, person),
                aid: aid.clone(),
                order: 0,
                kind: ActionKind::EnableAccount.key().to_owned(),
                case: case.clone(),
                account: account.clone(),
                login: text(login),
                snapshot: serde_json::Value::Null,
                server_date: None,
                guards: Vec::new(),
                plan_hash: String::new(),
                expires: now().utc,
            },
            Body::ActionConfirm {
                pid: PlanId::from_parts(since, person),
                aid: aid.clone(),
                how: "typed".to_owned(),
                plan_hash: String::new(),
                dry_run: false,
                operator: None,
            },
            Body::ActionIntent {
                aid: aid.clone(),
                attempt: 1,
                method: step.call.method.to_owned(),
                host: step.call.host.clone(),
                path: text(&step.call.path),
                body_sha256: String::new(),
                request_id: "r".to_owned(),
                server_date: Some(since),
                password_changed: None,
                valid_from: None,
                deadline: since,
            },
            Body::ActionOutcome {
                aid: aid.clone(),
                state: OutcomeState::Verified,
                evidence: text("read back"),
                seconds: Some(6),
            },
        ];
        if person == 8 {
            bodies.push(said(RecoveryWord::Seen(WatchSeen {
                aid,
                thing: "attacker".to_owned(),
                source: "okta".to_owned(),
                key: text("e-9"),
                at: now().utc - TimeDelta::minutes(12),
                text: text("from the attacker's address 203.0.113.77: user.session.start"),
                address: Some(text("203.0.113.77")),
            })));
        }
        for body in bodies {
            model.ledger.apply(&record(body));
        }
        let watch = Watch {
            looked: Some(now().utc - TimeDelta::seconds(17)),
            good: now(),
            fault: None,
        };
        model.watched.insert((account, WatchOf::Recovery), watch);
    }
    model.judge();
    refresh(&mut model);
    model
}

/// Text that tries to take the terminal over.
pub(crate) const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}gnp.exe\u{9b}31m\r\nZa\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}lgo 漢字 \u{200b}\u{feff}end";

/// The open case with hostile text in every field that comes from outside.
pub(crate) fn hostile(size: (u16, u16)) -> Model {
    let mut model = open(size);
    let mut cases: Vec<Case> = model.queue.all().to_vec();
    for case in &mut cases {
        case.title = text(HOSTILE);
        case.assignee = Some(text(HOSTILE));
    }
    model.queue.take(cases);
    for subject in model.queue.subjects.values_mut() {
        *subject = Subject::User(text(HOSTILE));
    }
    if let Some(open) = &mut model.open {
        let mut who = account();
        who.login = text("m\u{430}ra.lind@acme.example");
        who.name = text(HOSTILE);
        who.source = Some(text(HOSTILE));
        who.roles = Some(vec![text(HOSTILE)]);
        who.status = AccountStatus::Other(text(HOSTILE));
        open.account = Load::Ready(Found::One(Box::new(who)), now());
        if let Load::Ready(file, _) = &mut open.file {
            for alert in &mut file.alerts {
                alert.title = text(HOSTILE);
                alert.threat = Some(text(HOSTILE));
                alert.file = Some(text(HOSTILE));
                alert.hash = Some(text(HOSTILE));
            }
        }
        let mut nasty = event(
            900,
            "2026-03-07T03:10:00Z",
            Lane::Command,
            HOSTILE,
            Outcome::Unknown,
            HOSTILE,
            HOSTILE,
        );
        nasty.agent = Some(text(HOSTILE));
        nasty.object = Some(text(HOSTILE));
        open.activity.activity.merge([nasty]);
    }
    refresh(&mut model);
    model.say(
        Level::Alarm,
        text(HOSTILE).line(),
        Some(text(HOSTILE).line()),
    );
    model
}

/// A queue and an activity far larger than any screen.
pub(crate) fn huge(size: (u16, u16), cases: u64, events: usize) -> Model {
    let mut model = open(size);
    let first = model.queue.row(0).cloned().expect("a case");
    let all = (0..cases)
        .map(|number| Case {
            id: case_id(number),
            number: Some(number),
            ..first.clone()
        })
        .collect();
    model.queue.take(all);
    model.queue.changes.clear();
    let start = now().utc - TimeDelta::hours(70);
    if let Some(open) = &mut model.open {
        open.activity.activity.merge((0..events).map(|number| {
            let lane = Lane::ALL[number % 5];
            let mut one = event(
                10_000 + number,
                "2026-03-07T03:10:00Z",
                lane,
                "app.access",
                Outcome::Success,
                "Oslo NO",
                "192.0.2.14",
            );
            one.at = start + TimeDelta::milliseconds(i64::try_from(number).unwrap_or(0) * 2_500);
            one
        }));
    }
    refresh(&mut model);
    model
}

/// Why a second person is asked.
pub(crate) fn need() -> Need {
    Need {
        reasons: vec!["it is a member of Payroll-Admin".into()],
        asks: None,
        earlier: None,
    }
}

/// The open case with a request of somebody else in it.
pub(crate) fn asked(size: (u16, u16)) -> Model {
    let mut model = open(size);
    let (plan, account) = (plan(false), account());
    let ask = Ask::new(
        plan.pid.clone(),
        &"ab12".repeat(16),
        plan.case.raw(),
        "acme.okta.example",
        (account.id.raw(), &account.login),
        plan.kinds(),
    );
    let by = Untrusted::new("kim.aster@acme.example").field();
    let at = now().utc - TimeDelta::minutes(2);
    let message = compose_request(&ask, &need().reasons, &by, at + TTL);
    if let Some(OpenCase {
        file: Load::Ready(file, _),
        ..
    }) = &mut model.open
    {
        file.comments.push(Comment {
            id: text("~c1"),
            author: text("kim.aster@acme.example"),
            at,
            message: text(&message),
            edited: false,
        });
    }
    model
}

/// The dialog of that request.
pub(crate) fn consent(model: &Model) -> Consent {
    let request = quell::app::approvals::rows(model).remove(0);
    let steps = plan(false).steps;
    let asked = Asked {
        case: case_id(4812),
        request,
        account: account(),
        calls: steps.into_iter().map(|step| step.call).collect(),
        refusals: Vec::new(),
    };
    let mut consent = Consent::open(asked);
    consent.drawn(Duration::ZERO);
    consent
}
