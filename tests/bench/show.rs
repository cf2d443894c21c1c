//! Speed of the rule for untrusted text: at least 200 MB/s on ASCII, 40 MB/s on mixed text.
//!
//! Both texts stay below the cap of a block, so that all of them is worked on.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quell::domain::text::{Context, show};

fn sanitiser(criterion: &mut Criterion) {
    let ascii = "2024-05-04T03:12:09Z user mara.cole signed in from 192.0.2.7\n".repeat(900);
    let mixed = "Anmeldung von Jörg Müller aus Zürich, Пользователь вошёл, 用户登录成功, e\u{301}tude \u{1b}[31m\u{202E}x\n"
        .repeat(300);
    let mut group = criterion.benchmark_group("show");
    for (name, text) in [("ascii", &ascii), ("mixed", &mixed)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| show(black_box(text.as_bytes()), Context::Block));
        });
    }
    group.finish();
}

criterion_group!(benches, sanitiser);
criterion_main!(benches);
