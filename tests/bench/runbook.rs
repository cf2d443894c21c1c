//! Speed of the reader of runbooks: all of the corpus in a few milliseconds, 1 MB in less than 50 ms, and linear.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quell::domain::runbook::parse_runbook;

const OWN: &str = include_str!("../../runbooks/compromised-account.md");

fn markdown(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            markdown(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.extend(fs::read_to_string(path));
        }
    }
}

fn reader(criterion: &mut Criterion) {
    let mut corpus = Vec::new();
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/runbooks");
    markdown(Path::new(shared), &mut corpus);
    let mut group = criterion.benchmark_group("runbook");
    if corpus.is_empty() {
        println!("not run: corpus (missing ../shared)");
    } else {
        group.throughput(Throughput::Bytes(
            corpus.iter().map(|text| text.len() as u64).sum(),
        ));
        group.bench_function("corpus", |bench| {
            bench.iter(|| {
                for text in &corpus {
                    black_box(parse_runbook(black_box(text), "runbook.md"));
                }
            });
        });
    }
    let usual = |size: usize| OWN.repeat(size / OWN.len() + 1);
    // Far more steps than are read: what is cut must not cost much either.
    let bullets = "# T\n\n## Contain\n\n".to_owned() + &"- a b\n".repeat(166_666);
    let tags = (0..52_000).fold("# T\n\n## Response Steps\n\n".to_owned(), |text, i| {
        text + &format!("1. [**P{i}**] do\n")
    });
    for (name, text) in [
        ("1 MB", usual(1_000_000)),
        ("4 MB", usual(4_000_000)),
        ("1 MB of bullets", bullets),
        ("1 MB of phases", tags),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| parse_runbook(black_box(&text), "runbook.md"));
        });
    }
    group.finish();
}

criterion_group!(benches, reader);
criterion_main!(benches);
