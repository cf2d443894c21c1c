//! What an append of class A costs beside the disk's own sync, and how fast a log is verified.
//!
//! Appends run where the build's target directory is, so that the disk is a real one.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quell::domain::audit::{Body, Verifier};
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
        deadline: chrono::DateTime::UNIX_EPOCH,
    }
}

fn note() -> Option<Body> {
    Some(Body::Note {
        case: CaseId::new(ConnectionName::parse("hive").ok()?, "~4128"),
        text: "called the user on the known number; denies the sign-in \u{1f600}".into(),
    })
}

fn append(c: &mut Criterion) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Ok(dir) = tempfile::tempdir_in(target) else {
        return;
    };
    let mut group = c.benchmark_group("audit_append");
    group
        .measurement_time(Duration::from_secs(4))
        .warm_up_time(Duration::from_secs(1));
    let line = [b'x'; 700];
    if let Ok(mut raw) = File::create(dir.path().join("raw")) {
        group.bench_function("raw_write_and_fdatasync", |b| {
            b.iter(|| assert!(raw.write_all(&line).and_then(|()| raw.sync_data()).is_ok()));
        });
    }
    if let Ok(log) = AuditLog::open(&dir.path().join("audit"), identity()) {
        group.bench_function("class_a", |b| {
            b.iter(|| assert!(log.append_blocking(vec![intent()]).is_ok()));
        });
    }
    group.finish();
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

criterion_group!(benches, append, verify);
criterion_main!(benches);
