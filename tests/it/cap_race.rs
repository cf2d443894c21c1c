//! The caps against several consoles at the same instant: decided and recorded as one act, and closed when the log
//! cannot be read.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use quell::app::model::{Layer, Model};
use quell::cli::compose::Host;
use quell::domain::audit::Body;
use quell::domain::containment::caps::Caps;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::state::ActionState;
use quell::domain::ids::{AccountId, ActionId, CaseId, ConnectionName, PlanId};
use quell::engine::journal::{Journal, NotRecorded};
use quell::engine::probe::Open;
use quell::store::audit::{AuditLog, Ground, Identity, read};
use tokio::sync::mpsc;

use crate::harness::app::{TestApp, company, records};
use crate::harness::root;

type Done = Result<(), Box<dyn Error>>;

const LOGIN: &str = "mara.lind@acme.example";

/// Tells a process its name; the directories come by its input.
const NAME: &str = "QUELL_TEST_CAP_NAME";

const PROCESSES: usize = 4;
const ATTEMPTS: usize = 3;
const CAP: u32 = 2;

fn open(dir: &Path) -> Result<Journal, Box<dyn Error>> {
    let identity = Identity {
        host: "bastion".into(),
        uid: 1000,
        user: "ana".into(),
    };
    // Small segments, so that the change from one to the next is met as well; a slow disk is no fault of the caps.
    let ground = Ground {
        rotate_at: 6_000,
        lock_wait: Duration::from_secs(30),
        ..Ground::default()
    };
    let log = AuditLog::open_on(dir, identity, ground)?;
    let (messages, _nobody) = mpsc::channel(1);
    Ok(Journal::new(log, &[], messages, Arc::new(Open)))
}

/// Records what a send begins with, if the cap allows one account more.
async fn try_one(journal: &Journal, name: &str) -> Result<bool, Box<dyn Error>> {
    let at = Utc::now();
    let connection = ConnectionName::parse("okta")?;
    let account = AccountId::new(connection.clone(), name);
    let (aid, pid) = (
        ActionId::from_parts(at, fastrand::u128(..)),
        PlanId::from_parts(at, fastrand::u128(..)),
    );
    let kind = ActionKind::DisableAccount;
    let plan = Body::ActionPlan {
        pid: pid.clone(),
        aid: aid.clone(),
        order: 0,
        kind: kind.key().to_owned(),
        case: CaseId::new(connection, "~1"),
        account: account.clone(),
        login: name.into(),
        snapshot: serde_json::Value::Null,
        server_date: None,
        guards: Vec::new(),
        plan_hash: "ab".to_owned(),
        expires: at,
    };
    let recorded = journal.record(vec![plan]).await;
    recorded.map_err(|fault| fault.what.to_string())?;
    let send = vec![
        Body::ActionConfirm {
            pid,
            aid: aid.clone(),
            how: "typed name and y".to_owned(),
            plan_hash: "ab".to_owned(),
            dry_run: false,
            operator: None,
        },
        intent(aid, at),
    ];
    let limits = Caps {
        per_person: CAP,
        per_host: 20,
    };
    let recorded = journal.record_if(send, move |counted| {
        let target = (&account, &[kind][..]);
        counted
            .judge(limits, None, 1000, target, at)
            .refusal(false, None)
    });
    match recorded.await {
        Ok(_) => Ok(true),
        Err(NotRecorded::Refused(_)) => Ok(false),
        Err(NotRecorded::Failed(fault)) => Err(fault.what.to_string().into()),
    }
}

fn intent(aid: ActionId, at: DateTime<Utc>) -> Body {
    Body::ActionIntent {
        aid,
        attempt: 1,
        method: "POST".to_owned(),
        host: "acme.okta.example".to_owned(),
        path: "/suspend".into(),
        body_sha256: String::new(),
        request_id: "r".to_owned(),
        server_date: None,
        password_changed: None,
        valid_from: None,
        deadline: at,
    }
}

/// Started as another process by the next test; alone it does nothing.
#[tokio::test]
#[ignore = "the other process of slow_processes_at_the_same_instant_never_pass_a_cap"]
async fn contender() -> Done {
    let Ok(name) = std::env::var(NAME) else {
        return Ok(());
    };
    for dir in io::stdin().lines() {
        let journal = open(Path::new(&dir?))?;
        let mut won = 0;
        for attempt in 0..ATTEMPTS {
            won += u32::from(try_one(&journal, &format!("{name}-{attempt}")).await?);
        }
        io::stdout().write_all(format!("won {won} .\n").as_bytes())?;
    }
    Ok(())
}

struct Contender {
    child: Child,
    told: BufReader<std::process::ChildStdout>,
}

impl Contender {
    fn start(name: usize) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["cap_race::contender", "--exact", "--ignored", "--nocapture"])
            .env(NAME, format!("p{name}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("its output")?;
        Ok(Self {
            child,
            told: BufReader::new(out),
        })
    }

    fn race_in(&mut self, dir: &Path) -> Done {
        let input = self.child.stdin.as_mut().ok_or("its input")?;
        writeln!(input, "{}", dir.display())?;
        Ok(())
    }

    fn won(&mut self) -> Result<u32, Box<dyn Error>> {
        let mut line = String::new();
        while self.told.read_line(&mut line)? > 0 {
            if let Some((_, won)) = line.split_once("won ") {
                return Ok(won.trim_end_matches(" .\n").parse()?);
            }
            line.clear();
        }
        Err("the process ended".into())
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn slow_processes_at_the_same_instant_never_pass_a_cap() -> Done {
    let rounds = std::env::var("QUELL_CAP_RACES").ok();
    let rounds: usize = rounds.and_then(|text| text.parse().ok()).unwrap_or(10);
    let mut contenders = (0..PROCESSES)
        .map(Contender::start)
        .collect::<Result<Vec<_>, _>>()?;
    let mut shared = 0;
    for round in 0..rounds {
        let dir = tempfile::tempdir()?;
        // Made here, so that they do not race for the first file instead.
        drop(open(dir.path())?);
        for contender in &mut contenders {
            contender.race_in(dir.path())?;
        }
        let mut won = Vec::new();
        for contender in &mut contenders {
            won.push(contender.won()?);
        }
        assert_eq!(won.iter().sum::<u32>(), CAP, "round {round}");
        let entries = read(dir.path())?;
        let acted: BTreeSet<ActionId> = entries
            .iter()
            .filter_map(|entry| match &entry.body {
                Body::ActionIntent { aid, .. } => Some(aid.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(acted.len(), CAP as usize, "round {round}");
        // Every attempt was made, also those that came too late.
        let plans = entries
            .iter()
            .filter(|entry| matches!(entry.body, Body::ActionPlan { .. }));
        assert_eq!(plans.count(), PROCESSES * ATTEMPTS, "round {round}");
        shared += usize::from(won.iter().filter(|won| **won > 0).count() > 1);
    }
    println!(
        "{rounds} races of {PROCESSES} processes, {ATTEMPTS} accounts each: the cap of {CAP} held; in {shared} of them two \
         processes shared it"
    );
    Ok(())
}

async fn open_case(app: &mut TestApp, filter: &str) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/").keys(filter).keys("<Enter>g<Enter>");
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

async fn plan(app: &mut TestApp, keys: &str) -> Vec<&'static str> {
    app.keys(keys);
    let open = |model: &Model| matches!(model.layers.last(), Some(Layer::Confirm { .. }));
    let model = app.until("the dialog is open", open).await;
    app.clock.advance(Duration::from_secs(1));
    let Some(Layer::Confirm { confirmation, .. }) = model.layers.last() else {
        panic!("a dialog")
    };
    let guards = &confirmation.plan().guards;
    guards
        .iter()
        .filter(|guard| guard.refuses())
        .map(|guard| guard.guard)
        .collect()
}

fn settled(model: &Model) -> bool {
    let confirmed = |model: &Model| {
        model
            .ledger
            .actions()
            .filter(|a| a.confirmed.is_some())
            .count()
    };
    let ended = model
        .ledger
        .actions()
        .filter(|a| a.confirmed.is_some() && a.state.is_final());
    confirmed(model) > 0 && ended.count() == confirmed(model)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_two_consoles_that_confirm_at_once_share_a_cap_of_one() {
    if !root("cap_race::slow_two_consoles_that_confirm_at_once_share_a_cap_of_one") {
        return;
    }
    for round in 0..3 {
        let (drill, state, etc) = (company().await, dir(), dir());
        let host = Host {
            policy: etc.path().join("policy.toml"),
            freeze: etc.path().join("freeze"),
        };
        fs::write(&host.policy, "targets_per_person = 1\n").expect("the policy is written");
        let start =
            || TestApp::start_on(&drill, state.path(), Ground::default(), host.clone(), |t| t);
        let (mut one, mut two) = (start(), start());
        let names = [LOGIN, "carla.diaz@acme.example"];
        for (app, name) in [&mut one, &mut two].into_iter().zip(names) {
            open_case(app, name.split_once('@').map_or(name, |(local, _)| local)).await;
            assert_eq!(plan(app, "cs").await, Vec::<&str>::new());
            app.keys(name).keys("<Tab>");
            app.sync().await;
        }
        one.keys("y");
        two.keys("y");
        one.until("one is settled", settled).await;
        two.until("the other is settled", settled).await;
        one.end().await;
        two.end().await;
        assert_eq!(
            drill.ledger().targets("clear_sessions").len(),
            1,
            "round {round}"
        );
        let refused = |body: &Body| matches!(body, Body::Refusal { guard, .. } if guard == "caps");
        let count = records(state.path())
            .iter()
            .filter(|entry| refused(&entry.body))
            .count();
        assert_eq!(count, 1, "round {round}: the other is told why");
    }
}

fn segment(state: &Path) -> PathBuf {
    let files = fs::read_dir(state.join("audit")).expect("the log is there");
    let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    files.remove(0)
}

/// Changes the last record of a type so that it can no longer be read.
fn spoil(state: &Path, word: &str) {
    let path = segment(state);
    let text = fs::read_to_string(&path).expect("the log is ASCII");
    let (before, after) = text
        .rsplit_once(word)
        .expect("a record of the type is in the log");
    let spoilt = format!("{before}{}{after}", word.to_uppercase());
    // In place: a console that runs would notice a moment in which the log is short.
    let file = fs::OpenOptions::new().write(true).open(&path);
    let changed = file.and_then(|mut file| file.write_all(spoilt.as_bytes()));
    changed.expect("the log can be changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_refuses_the_plan_and_nothing_confirms_it() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app, "mara").await;
    assert_eq!(plan(&mut app, "cc").await, Vec::<&str>::new());
    spoil(state.path(), "session.open");
    // What was counted is not read again by this console; another one finds the hole.
    let mut other = TestApp::start(&drill, state.path());
    open_case(&mut other, "mara").await;
    assert_eq!(plan(&mut other, "cc").await, ["caps"]);
    other.keys(LOGIN).keys("<Tab>y");
    let model = other.sync().await;
    assert!(matches!(model.layers.last(), Some(Layer::Confirm { .. })));
    other.end().await;
    app.end().await;
    assert_eq!(drill.ledger().effects().len(), 0);
    let confirmed = |body: &Body| matches!(body, Body::ActionConfirm { .. });
    let all = records(state.path());
    assert_eq!(all.iter().filter(|one| confirmed(&one.body)).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_spoilt_between_plan_and_send_stops_the_send() {
    let (drill, state) = (company().await, dir());
    let mut app = TestApp::start(&drill, state.path());
    open_case(&mut app, "mara").await;
    assert_eq!(plan(&mut app, "cc").await, Vec::<&str>::new());
    // Another console comes and goes, and one of its records is spoilt before this one counts again.
    let other = TestApp::start(&drill, state.path());
    other.end().await;
    spoil(state.path(), "session.open");
    app.keys(LOGIN).keys("<Tab>y");
    let model = app.until("given up", settled).await;
    let states: BTreeSet<&str> = model.ledger.actions().map(|a| a.state.word()).collect();
    assert_eq!(states, BTreeSet::from([ActionState::Abandoned.word()]));
    app.end().await;
    assert_eq!(drill.ledger().targets("clear_sessions").len(), 0);
    assert_eq!(drill.ledger().targets("suspend").len(), 0);
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}
