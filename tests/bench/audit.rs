//! What an append of class A costs beside the disk's own sync, and how fast a log is verified.
//!
//! The long form, a log of 1 GiB: `QUELL_BENCH_MIB=1024 cargo bench --bench audit`. Appends run where the build's target directory is, so that the disk is a real one.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quell::domain::audit::{Body, Filter, Verifier};
use quell::domain::ids::{ActionId, CaseId, ConnectionName};
use quell::store::audit::{AuditLog, Identity};

fn identity() -> Identity {
    Identity {
        host: "bastion-01".into(),
        uid: 1000,
        user: "ana".into(),
    }
}

fn intent() -> Body {
    Body::ActionIntent {
        aid: ActionId::from_parts(chrono::DateTime::UNIX_EPOCH, 1),
        attempt: 1,
        method: "POST".into(),
        host: "id.example.net".into(),
        path: "/api/v1/users/00u1a2b3c4d5e6f7g8h9/lifecycle/suspend".into(),
        body_sha256: "0".repeat(64),
        request_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
        server_date: None,
        password_changed: None,
        valid_from: None,
        deadline: chrono::DateTime::UNIX_EPOCH,
    }
}

fn note() -> Option<Body> {
    Some(Body::Note {
        case: CaseId::new(ConnectionName::parse("hive").ok()?, "~4128"),
        text: "called the user on the known number; denies the sign-in \u{1f600}".into(),
        operator: None,
    })
}

/// Says the median and the 99th percentile of some times, and gives the latter in seconds.
fn tell(what: &str, mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let at = |share: usize| {
        let place = (times.len() * share / 100).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    println!(
        "{what:<40} p50 {:>7.2} ms   p99 {:>7.2} ms   ({} times)",
        at(50),
        at(99),
        times.len()
    );
    at(99)
}

fn timed(times: usize, mut act: impl FnMut()) -> Vec<Duration> {
    let measured = (0..times).map(|_| {
        let begun = Instant::now();
        act();
        begun.elapsed()
    });
    measured.collect()
}

/// Appends of class A beside the bare write and sync of the same disk, in turns so that both see the same noise.
fn append(_: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let (Ok(mut raw), Ok(log)) = (
        File::create(dir.path().join("raw")),
        AuditLog::open(&dir.path().join("audit"), identity()),
    ) else {
        return;
    };
    let line = [b'x'; 700];
    let (mut bare, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        bare.extend(timed(50, || {
            assert!(raw.write_all(&line).and_then(|()| raw.sync_data()).is_ok());
        }));
        alone.extend(timed(50, || {
            assert!(log.append_blocking(vec![intent()]).is_ok());
        }));
    }
    let bare = tell("write and fdatasync", bare);
    let alone = tell("append of class A, alone", alone);
    let mut crowd = Vec::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let log = AuditLog::open(&dir.path().join("audit"), identity()).ok()?;
                    Some(timed(100, || {
                        assert!(log.append_blocking(vec![intent()]).is_ok());
                    }))
                })
            })
            .collect();
        for writer in writers {
            crowd.extend(writer.join().ok().flatten().into_iter().flatten());
        }
    });
    let crowd = tell("append of class A, 8 writers", crowd);
    println!(
        "p99 against the disk's own: alone {:.1}, with 8 writers {:.1}",
        alone / bare,
        crowd / bare
    );
}

/// Gives a number of kB out of `/proc/self/status`.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Gives the seconds that this process computed, without what others took of the processor.
fn computed() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields
        .split(' ')
        .nth(11)
        .and_then(|ticks| ticks.parse::<f64>().ok());
    ticks.unwrap_or(0.0) / 100.0
}

/// Verifies and exports a long log with its checkpoints: how fast, and in how much memory. `QUELL_BENCH_MIB` says how
/// long, 64 MiB if it does not.
fn long(_: &mut Criterion) {
    let asked = std::env::var("QUELL_BENCH_MIB").ok();
    let mib: u64 = asked.and_then(|text| text.parse().ok()).unwrap_or(64);
    let Ok(dir) = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let Ok(log) = AuditLog::open(dir.path(), identity()) else {
        return;
    };
    let opened = Body::SessionOpen {
        version: "1".into(),
        environment: "bench".into(),
        mode: "live".into(),
        os_user: "ana".into(),
        operator: None,
        config_sha256: "0".into(),
        policy_sha256: None,
        drill: false,
        public_key: None,
    };
    assert!(log.append_blocking(vec![opened]).is_ok());
    let size = || -> u64 {
        let files = std::fs::read_dir(dir.path())
            .into_iter()
            .flatten()
            .flatten();
        files
            .filter_map(|file| file.metadata().ok())
            .map(|file| file.len())
            .sum()
    };
    while size() < mib << 20 {
        let bodies = note()
            .into_iter()
            .chain([intent()])
            .cycle()
            .take(64)
            .collect();
        assert!(log.append_blocking(bodies).is_ok());
    }
    drop(log);
    for what in ["verify", "export"] {
        // Forgets the peak so far.
        drop(std::fs::write("/proc/self/clear_refs", "5"));
        let (begun, before, rested) = (Instant::now(), computed(), memory("VmRSS"));
        let code = if what == "verify" {
            quell::cli::audit::verify(dir.path(), true, &mut std::io::sink())
        } else {
            let (mut out, mut err) = (std::io::sink(), std::io::sink());
            quell::cli::audit::export(dir.path(), Filter::default(), false, &mut out, &mut err)
        };
        let (took, worked) = (begun.elapsed().as_secs_f64(), computed() - before);
        let bytes = u32::try_from(size() >> 20).unwrap_or(u32::MAX);
        println!(
            "{what} of {bytes} MiB: {:.0} MiB/s of computing ({worked:.1} s), {:.0} MiB/s by the clock; peak {} MiB, {} \
             MiB before; exit code {code:?}",
            f64::from(bytes) / worked,
            f64::from(bytes) / took,
            memory("VmHWM") / 1024,
            rested / 1024,
        );
    }
}

fn verify(c: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let Ok(log) = AuditLog::open(dir.path(), identity()) else {
        return;
    };
    for _ in 0..200 {
        let bodies = note()
            .into_iter()
            .chain([intent()])
            .cycle()
            .take(100)
            .collect();
        if log.append_blocking(bodies).is_err() {
            return;
        }
    }
    let file = dir.path().join(format!("audit-{}-1.jsonl", log.log()));
    let Ok(bytes) = std::fs::read(file) else {
        return;
    };
    let mut group = c.benchmark_group("audit_verify");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group
        .measurement_time(Duration::from_secs(4))
        .warm_up_time(Duration::from_secs(1));
    group.bench_function("whole_log", |b| {
        b.iter(|| {
            let mut verifier = Verifier::new(1);
            for chunk in bytes.chunks(256 << 10) {
                verifier.feed(chunk);
            }
            let report = verifier.finish();
            assert!(report.intact());
            report.records
        });
    });
    group.finish();
}

criterion_group!(benches, append, long, verify);
criterion_main!(benches);
