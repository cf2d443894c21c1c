//! A wall that runs for weeks, with time compressed: memory, descriptors and tasks stay flat under faults.
//!
//! The wall runs in a process of its own, so that nothing else counts; the servers stay here.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use quell::app::wall::Wall;
use quell::cli::compose;
use quell::cli::drill::write_config;
use quell::cli::wall::{Screen, show};
use quell::config::settings::Wall as Shown;
use quell::connect::http::Limits;
use quell::connect::watching::{Watching, watched};
use quell::drill::Options;
use quell::engine::clock::{Clock, Pace, SystemClock};
use quell::engine::wall as behind;
use quell::terminal::backend::{LeanBackend, SizeSource};
use quell::terminal::egress::{Allowed, Egress};
use quell::terminal::features::Features;
use ratatui::Terminal;
use tokio::sync::mpsc;

use crate::harness::app::{company_of, limits};
use crate::harness::screen::theme;

/// Polls of the case system where the environment does not say.
const POLLS: u64 = 1_500;

/// From this poll on nothing may grow any more.
const WARM: u64 = 500;

/// Counts what a terminal would get.
struct Counted(u64);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the process holds.
#[derive(Debug)]
struct Held {
    polls: u64,
    rss_kib: u64,
    descriptors: usize,
    tasks: usize,
}

fn held(polls: u64) -> Held {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let rss = rss.and_then(|rest| rest.trim().strip_suffix(" kB"));
    Held {
        polls,
        rss_kib: rss.and_then(|rss| rss.trim().parse().ok()).expect("a size"),
        descriptors: std::fs::read_dir("/proc/self/fd").expect("Linux").count(),
        tasks: std::fs::read_dir("/proc/self/task").expect("Linux").count(),
    }
}

/// A screen that draws into memory and looks at the process now and then.
struct Watched {
    terminal: Terminal<LeanBackend<Egress<Counted>>>,
    frames: u64,
}

impl Screen for Watched {
    fn draw(&mut self, wall: &Wall) -> io::Result<()> {
        self.frames += 1;
        let look = theme("dark");
        self.terminal
            .draw(|frame| quell::ui::wall::draw(wall, &look, frame))
            .map(drop)
    }
}

/// The wall of the soak; started by the test below in a process of its own.
#[tokio::test]
#[ignore = "started by the soak in a process of its own"]
async fn the_wall_of_the_soak() {
    let Some(config) = std::env::var_os("QUELL_SOAK_CONFIG").map(PathBuf::from) else {
        return;
    };
    let polls: u64 = std::env::var("QUELL_POLLS")
        .ok()
        .and_then(|polls| polls.parse().ok())
        .unwrap_or(POLLS);
    let loaded = compose::load(Some(&config)).unwrap_or_else(|f| panic!("{:?}", f.faults));
    let settings = Arc::new(watched(&loaded.settings));
    let (secrets, _) = compose::secrets(&settings);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let wall = Wall::new(
        &loaded.settings,
        Arc::clone(&settings),
        Shown::default(),
        clock.now(),
    );
    let (tell, mut heard) = mpsc::channel(behind::QUEUE);
    let (pass, news) = mpsc::channel(behind::QUEUE);
    let limits = Limits {
        back_off: Duration::from_millis(1),
        back_off_cap: Duration::from_millis(3),
        breaker_pause: Duration::from_millis(2),
        ..limits()
    };
    let _tasks = behind::start(behind::Start {
        watching: Watching::build(&settings, secrets, &limits),
        settings,
        audit: config.with_file_name("audit"),
        news: tell,
        clock: Arc::clone(&clock),
        // Ten seconds are a millisecond.
        pace: Pace::scaled(0.0001),
    });
    let egress = Egress::new(Counted(0), Allowed::default());
    let backend = LeanBackend::new(egress, SizeSource::Fixed(120, 40), Features::default());
    let mut screen = Watched {
        terminal: Terminal::new(backend).expect("a terminal"),
        frames: 0,
    };
    let counting = async {
        let (mut count, mut failed) = (0u64, 0u64);
        let mut looks: Vec<Held> = Vec::new();
        while count < polls {
            let told = heard.recv().await.expect("it polls");
            if let quell::app::wall::News::Cases { result, .. } = &told {
                count += 1;
                failed += u64::from(result.is_err());
                if count >= WARM && count.is_multiple_of((polls / 20).max(1)) {
                    looks.push(held(count));
                }
            }
            pass.send(told).await.expect("the wall runs");
        }
        (looks, failed)
    };
    let shown = show(
        wall,
        &mut screen,
        futures::stream::pending(),
        news,
        clock.as_ref(),
    );
    let (looks, failed) = tokio::select! {
        counted = counting => counted,
        _ = shown => panic!("the wall ended"),
    };
    let first = looks.first().expect("it was looked at");
    let last = looks.last().expect("it was looked at");
    let most = looks.iter().map(|look| look.rss_kib).max().unwrap_or(0);
    println!(
        "{} polls, {failed} failed, {} frames, {} bytes; memory {} KiB at poll {}, {} KiB at the end, {most} KiB at most; \
         descriptors {} then {}, threads {} then {}",
        last.polls,
        screen.frames,
        screen.terminal.backend().written(),
        first.rss_kib,
        first.polls,
        last.rss_kib,
        first.descriptors,
        last.descriptors,
        first.tasks,
        last.tasks,
    );
    assert!(failed > 0, "the faults were met");
    assert!(most <= first.rss_kib + 5 * 1_024, "{looks:?}");
    assert!(last.rss_kib <= 64 * 1_024, "{looks:?}");
    // A connection more or less is open at the moment of the look; threads of the resolver and of the disk come and go.
    assert!(last.descriptors <= first.descriptors + 4, "{looks:?}");
    assert!(last.tasks <= first.tasks + 2, "{looks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_thousands_of_polls_with_faults_stay_flat() {
    let drill = company_of(Options {
        rate_limit: u32::MAX,
        ..Options::default()
    })
    .await;
    let place = tempfile::tempdir().expect("a temporary directory");
    let config = write_config(place.path(), &drill).expect("it is written");
    for (server, fault) in [
        ("cases", "500"),
        ("cases", "half_body"),
        ("siem", "reset_before_effect"),
        ("siem", "429"),
        ("siem", "bad_json"),
    ] {
        // Reads are tried again, so that about one poll in twenty fails at last.
        let rate = if server == "cases" { 0.2 } else { 0.13 };
        let order = serde_json::json!({"server": server, "fault": fault, "rate": rate});
        drill.fault(&order).expect("the fault is known");
    }
    let program = std::env::current_exe().expect("this program");
    let told = tokio::task::spawn_blocking(move || {
        Command::new(program)
            .args([
                "--exact",
                "wall_soak::the_wall_of_the_soak",
                "--ignored",
                "--nocapture",
            ])
            .env("QUELL_SOAK_CONFIG", config)
            .output()
    });
    let told = told.await.expect("it ran").expect("it starts");
    let text =
        String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
    let figures = text.lines().find(|line| line.contains(" polls, "));
    writeln!(io::stdout(), "{}", figures.unwrap_or("no figures")).expect("it is heard");
    assert!(told.status.success(), "{text}");
    assert_eq!(drill.ledger().effects(), []);
}
