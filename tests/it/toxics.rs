//! A poisoned network between the console and the servers: ten toxics, both directions, every kind of action, seeds.
//!
//! The proxy stands on loopback in this process. The oracle is the servers' ledger: no effect without an earlier durable
//! intent, none twice, every intent with a final word once the network heals, the comment there exactly once.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use quell::connect::http::Limits;
use quell::domain::audit::Body;
use quell::domain::containment::note::marker;
use quell::domain::containment::state::ActionState;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::harness::app::{Setting, TestApp, company, limits, records};
use crate::hold::comments;
use crate::truth::{Act, DISABLE, ENABLE, REVOKE, by_others, confirm, finished, open_case, plan};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Toxic {
    Latency,
    Jitter,
    Bandwidth,
    SlowClose,
    Timeout,
    Reset,
    Slicer,
    LimitData,
    HalfOpen,
    Garbage,
}

const TOXICS: [Toxic; 10] = [
    Toxic::Latency,
    Toxic::Jitter,
    Toxic::Bandwidth,
    Toxic::SlowClose,
    Toxic::Timeout,
    Toxic::Reset,
    Toxic::Slicer,
    Toxic::LimitData,
    Toxic::HalfOpen,
    Toxic::Garbage,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Request,
    Response,
}

/// What a new connection meets; `left` counts down the connections that are poisoned.
#[derive(Clone, Debug)]
struct Dose {
    toxic: Toxic,
    way: Way,
    left: u32,
    dice: fastrand::Rng,
}

/// A proxy in front of one server.
#[derive(Clone, Default)]
struct Proxy(Arc<Mutex<Option<Dose>>>);

impl Proxy {
    /// Opens a port that leads to a server, and gives its address; it is closed with the tasks.
    async fn open(&self, server: &str, tasks: &mut JoinSet<()>) -> String {
        let target: SocketAddr = server
            .strip_prefix("http://")
            .and_then(|rest| rest.parse().ok())
            .expect("a loopback address");
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let proxy = self.clone();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                while open.try_join_next().is_some() {}
                let dose = proxy.take();
                open.spawn(async move {
                    if let Ok(server) = TcpStream::connect(target).await {
                        pass(client, server, dose).await;
                    }
                });
            }
        });
        format!("http://{address}")
    }

    fn poison(&self, dose: Dose) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(dose);
    }

    fn take(&self) -> Option<Dose> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dose = held.as_mut().filter(|dose| dose.left > 0)?;
        dose.left -= 1;
        dose.dice.u64(..);
        Some(dose.clone())
    }
}

/// Carries one connection; it ends in both directions when either ends.
async fn pass(client: TcpStream, server: TcpStream, dose: Option<Dose>) {
    for stream in [&client, &server] {
        // Only speed is at stake.
        let _ = stream.set_nodelay(true);
    }
    let of = |way: Way| dose.clone().filter(|dose| dose.way == way);
    let resets = dose.as_ref().is_some_and(|dose| dose.toxic == Toxic::Reset);
    if resets {
        // What is closed now is cut without a good-bye.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = carry(from_client, to_server, of(Way::Request)) => {}
        () = carry(from_server, to_client, of(Way::Response)) => {}
    }
}

/// Carries one direction until it ends or its toxic ends it.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut dose: Option<Dose>) {
    let mut room = vec![0; 16_384];
    let mut before = 0usize;
    loop {
        let count = match from.read(&mut room).await {
            Ok(count) if count > 0 => count,
            _ => break,
        };
        let piece = &mut room[..count];
        let alive = match &mut dose {
            None => to.write_all(piece).await.is_ok(),
            Some(dose) => poisoned(dose, piece, before, &mut to).await,
        };
        if !alive {
            return;
        }
        before += count;
    }
    if dose.is_some_and(|dose| dose.toxic == Toxic::SlowClose) {
        pause(600).await;
    }
}

async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Writes a piece as the toxic has it; `false` ends the connection.
async fn poisoned(
    dose: &mut Dose,
    piece: &mut [u8],
    before: usize,
    to: &mut OwnedWriteHalf,
) -> bool {
    let dice = &mut dose.dice;
    match dose.toxic {
        Toxic::Latency => pause(dice.u64(20..170)).await,
        Toxic::Jitter => pause(dice.u64(0..150)).await,
        Toxic::SlowClose => {}
        Toxic::Timeout => {
            pause(60_000).await;
            return false;
        }
        Toxic::Reset => {
            // Sometimes a part is through before the cut.
            let through = dice.usize(0..=piece.len());
            let _ = to.write_all(&piece[..through]).await;
            return false;
        }
        Toxic::Bandwidth => {
            for part in piece.chunks(200) {
                if to.write_all(part).await.is_err() {
                    return false;
                }
                pause(20).await;
            }
            return true;
        }
        Toxic::Slicer => {
            for part in piece.chunks(dice.usize(20..60)) {
                if to.write_all(part).await.is_err() {
                    return false;
                }
                pause(1).await;
            }
            return true;
        }
        Toxic::LimitData => {
            let limit = dice.usize(1..400).saturating_sub(before).min(piece.len());
            let whole = to.write_all(&piece[..limit]).await.is_ok();
            return whole && limit == piece.len();
        }
        Toxic::HalfOpen => {
            // The other side is there and says nothing more: the half of a request, or the reply after its effect.
            let through = if dose.way == Way::Request {
                piece.len() / 2
            } else {
                0
            };
            let _ = to.write_all(&piece[..through]).await;
            pause(dice.u64(200..4_000)).await;
            return false;
        }
        Toxic::Garbage => {
            for _ in 0..dice.usize(1..6) {
                let at = dice.usize(..piece.len());
                piece[at] = dice.u8(..);
            }
        }
    }
    to.write_all(piece).await.is_ok()
}

/// One run: what was poisoned, and how.
#[derive(Clone, Debug)]
struct Run {
    act: Act,
    toxic: Toxic,
    way: Way,
    seed: u64,
}

/// How a run ended, for the count.
#[derive(Debug, Default)]
struct Told {
    word: String,
    effects: usize,
    unknown: bool,
}

async fn story(run: Run) -> Told {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    if run.act.effect == "unsuspend" {
        by_others(&drill, "suspend").await;
    }
    let before = drill.ledger().effects().len();
    let (identity, cases) = (Proxy::default(), Proxy::default());
    let (mut routes, mut proxies) = (Vec::new(), JoinSet::new());
    for (proxy, server) in [(&identity, drill.identity()), (&cases, drill.cases())] {
        routes.push((
            server.url.clone(),
            proxy.open(&server.url, &mut proxies).await,
        ));
    }
    // The deadline of a write at the pace of the tests, as everything else: what arrives after it was given up must be
    // within the time that a post is waited out.
    let setting = Setting {
        limits: Limits {
            write_total: Duration::from_millis(400),
            ..limits()
        },
        ..Setting::default()
    };
    let mut app = TestApp::start_in(&drill, state.path(), setting, |mut text| {
        for (from, to) in &routes {
            text = text.replace(from.as_str(), to);
        }
        text
    });
    open_case(&mut app).await;
    let before_told = comments(&drill).await.len();
    plan(&mut app, run.act.keys).await;
    let mut dice = fastrand::Rng::with_seed(run.seed);
    for proxy in [&identity, &cases] {
        // Reads share connections and each write has its own: now and then only what comes later is hit.
        proxy.poison(Dose {
            toxic: run.toxic,
            way: run.way,
            left: dice.u32(1..3),
            dice: fastrand::Rng::with_seed(dice.u64(..)),
        });
    }
    confirm(&app);
    let model = app.until(&format!("{run:?} ended"), finished).await;
    app.end().await;
    let entries = records(state.path());
    let intents: Vec<_> = entries
        .iter()
        .filter(|entry| matches!(entry.body, Body::ActionIntent { .. }))
        .collect();
    let ledger = drill.ledger();
    let effects: Vec<_> = ledger
        .effects()
        .iter()
        .skip(before)
        .filter(|effect| ["suspend", "unsuspend", "clear_sessions"].contains(&effect.kind))
        .collect();
    // One confirmation, at most one effect, after its intent, on the account that was confirmed.
    assert!(effects.len() <= 1, "{run:?}: {effects:?}");
    for effect in &effects {
        let intent = intents.first().expect("an effect has an intent");
        let order = intent.ts.timestamp_millis() <= effect.at.timestamp_millis();
        assert!(order, "{run:?}: the effect came before its intent");
        assert_eq!(
            (effect.kind, effect.target.as_str()),
            (run.act.effect, drill.victim_id().as_str()),
            "{run:?}"
        );
    }
    let action = model.ledger.actions().last().expect("one action");
    let evidence = action.evidence.as_ref().map(|text| text.raw().to_owned());
    match action.state {
        ActionState::Verified => {
            assert_eq!(effects.len(), 1, "{run:?}: proven, and it never happened");
        }
        ActionState::NotEffective | ActionState::NotSent | ActionState::Abandoned => {
            assert!(
                effects.is_empty(),
                "{run:?}: {:?}, and it happened: {evidence:?}",
                action.state
            );
        }
        _ => {}
    }
    let effects = effects.len();
    drop(ledger);
    // One that was garbled on its way is none of ours where its mark is.
    let mark = marker(&action.pid);
    let told = comments(&drill).await;
    let ours = told.iter().filter(|text| text.contains(&mark)).count();
    assert_eq!(ours, 1, "{run:?}: {told:#?}");
    let is_garbled = (run.toxic, run.way) == (Toxic::Garbage, Way::Request);
    assert!(
        told.len() == before_told + 1 || is_garbled,
        "{run:?}: {told:#?}"
    );
    Told {
        word: action.state.word().to_owned(),
        effects,
        unknown: entries
            .iter()
            .any(|entry| matches!(entry.body, Body::ActionUnknown { .. })),
    }
}

fn runs(seeds: std::ops::Range<u64>) -> Vec<Run> {
    let mut all = Vec::new();
    for seed in seeds {
        for toxic in TOXICS {
            for way in [Way::Request, Way::Response] {
                for act in [REVOKE, DISABLE, ENABLE] {
                    all.push(Run {
                        act,
                        toxic,
                        way,
                        seed,
                    });
                }
            }
        }
    }
    all
}

/// Runs them a few at a time until all are done or the time is over; gives the faults.
async fn all(runs: Vec<Run>, until: Duration) {
    let begun = std::time::Instant::now();
    let told: Vec<Result<Told, String>> = futures::stream::iter(runs)
        .take_while(|_| std::future::ready(begun.elapsed() < until))
        .map(|run| async move {
            let name = format!("{run:?}");
            let told = tokio::spawn(story(run)).await;
            told.map_err(|error| format!("{name}: {error}"))
        })
        .buffer_unordered(6)
        .collect()
        .await;
    let mut words: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for told in told.iter().flatten() {
        *words.entry(told.word.as_str()).or_default() += 1;
    }
    let well = || told.iter().flatten();
    let faults: Vec<&String> = told.iter().filter_map(|told| told.as_ref().err()).collect();
    println!(
        "{} runs, {} violations; {} effects, {} unknown in between, {words:?}; {:.0} s",
        told.len(),
        faults.len(),
        well().map(|told| told.effects).sum::<usize>(),
        well().filter(|told| told.unknown).count(),
        begun.elapsed().as_secs_f64()
    );
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_sample_of_every_toxic_in_both_directions() {
    // Each toxic in each direction once, the kinds in turn.
    let sample: Vec<Run> = runs(1..2)
        .into_iter()
        .enumerate()
        .filter(|(index, _)| index % 3 == (index / 3) % 3)
        .map(|(_, run)| run)
        .collect();
    assert_eq!(sample.len(), TOXICS.len() * 2);
    all(sample, Duration::MAX).await;
}

/// The long form: `QUELL_SEEDS=200 cargo test --release --test it toxics -- --ignored --nocapture`; `QUELL_FROM` begins it
/// at another seed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes to hours: ten toxics, two directions, three kinds, every seed"]
async fn every_toxic_direction_kind_and_seed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = number("QUELL_SEEDS").unwrap_or(200);
    let time = number("QUELL_SECONDS").map_or(Duration::MAX, Duration::from_secs);
    let from = number("QUELL_FROM").unwrap_or(1);
    all(runs(from..seeds + 1), time).await;
}
