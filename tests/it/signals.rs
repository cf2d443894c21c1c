//! The end comes at any time during a send: a hang-up, a signal, a terminal that is gone. The request is not cut off, its
//! answer is on disk, and the process ends soon after.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use rstest::rstest;
use rustix::process::Signal;
use serde_json::json;

use crate::pty::{Served, confirm, open_case};

/// How long the provider takes to answer.
const ANSWER_MS: u64 = 1_200;

/// How long after the deadline of the request the process may still run; the deadline is 20 s after the intent.
const AFTER: Duration = Duration::from_secs(22);

/// How the end comes.
#[derive(Clone, Copy, Debug)]
enum End {
    Signal(Signal),
    TerminalGone,
}

/// Confirms, lets the end come after so many milliseconds, and says how long the process took to end.
async fn ended_after(end: End, ms: u64) -> Duration {
    let served = Served::start();
    let mut pty = served.console();
    open_case(&mut pty);
    served
        .fault(json!({"server": "identity", "fault": "latency", "ms": ANSWER_MS, "count": 1, "path": "suspend"}))
        .await;
    confirm(&mut pty, "ca");
    pty.keys("y").shows("─ Response ─");
    pty.pass(Duration::from_millis(ms));
    let begun = Instant::now();
    match end {
        End::Signal(signal) => {
            pty.signal(signal);
            assert_eq!(pty.end_restored().code, 0, "{end:?} after {ms} ms");
        }
        // Its exit code says that it was gone; what counts is on disk.
        End::TerminalGone => pty.hang_up(),
    }
    let took = begun.elapsed();
    assert!(took <= AFTER, "{end:?} after {ms} ms: it took {took:?}");
    let records = served.records();
    let (asked, done) = served.suspended().await;
    assert_eq!(
        (asked, done),
        (1, 1),
        "{end:?} after {ms} ms: aborted\n{records}"
    );
    assert!(
        records.contains("action.ack"),
        "{end:?} after {ms} ms: no answer on record\n{records}"
    );
    took
}

#[rstest]
#[case::hangup_at_once(End::Signal(Signal::HUP), 0)]
#[case::hangup_early(End::Signal(Signal::HUP), 90)]
#[case::hangup_late(End::Signal(Signal::HUP), 700)]
#[case::terminate(End::Signal(Signal::TERM), 40)]
#[case::terminal_gone_early(End::TerminalGone, 20)]
#[case::terminal_gone_late(End::TerminalGone, 500)]
#[tokio::test(flavor = "multi_thread")]
async fn slow_the_end_during_a_send_waits_for_the_answer(#[case] end: End, #[case] ms: u64) {
    ended_after(end, ms).await;
}

/// The long form: `cargo test --release --test it signals -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: fifty hang-ups at random times, and ten of each other end"]
async fn fifty_hang_ups_at_random_times() {
    let mut dice = fastrand::Rng::with_seed(7);
    let begun = Instant::now();
    let (mut longest, mut runs) = (Duration::ZERO, 0);
    let mut violations = Vec::new();
    let ends = [
        (End::Signal(Signal::HUP), 50),
        (End::Signal(Signal::TERM), 10),
        (End::TerminalGone, 10),
    ];
    for (end, times) in ends {
        for _ in 0..times {
            // A little beyond the answer, so that the end also comes right when it is recorded.
            let ms = dice.u64(0..ANSWER_MS + 200);
            // One violation does not hide the next; what was wrong is said where it is found.
            let ended = AssertUnwindSafe(ended_after(end, ms)).catch_unwind().await;
            match ended {
                Ok(took) => longest = longest.max(took),
                Err(_panic) => violations.push(format!("{end:?} after {ms} ms")),
            }
            runs += 1;
        }
    }
    println!(
        "{runs} runs, {} violations (a send aborted, or no answer on record); longest end {:.1} s; {:.0} s",
        violations.len(),
        longest.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    assert!(violations.is_empty(), "{violations:#?}");
}
