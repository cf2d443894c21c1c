//! Speed of reading an exported log: 100,000 events in under a second.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quell::connect::logs::{Logs, Read};
use quell::domain::timeline::event::Event;
use quell::domain::timeline::finding::{Context, Tuning, detect};

/// Makes a log like a System Log: about 900 bytes an event, a few thousand users.
fn log(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let (user, minute) = (number % 2_000, number / 60 % 1_440);
        let (hour, minute) = (minute / 60, minute % 60);
        writeln!(
            text,
            r#"{{"uuid":"{number:036}","published":"2026-11-20T{hour:02}:{minute:02}:{:02}.000Z","eventType":"user.authentication.sso","version":"0","severity":"INFO","displayMessage":"User single sign on to app","actor":{{"id":"00u{user:017}","type":"User","alternateId":"user{user}@example.com","displayName":"User {user}"}},"client":{{"userAgent":{{"rawUserAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","os":"Windows 11","browser":"CHROME"}},"device":"Computer","ipAddress":"198.51.{}.{}","geographicalContext":{{"city":"Berlin","state":"Berlin","country":"Germany","geolocation":{{"lat":52.52,"lon":13.405}}}}}},"outcome":{{"result":"SUCCESS"}},"target":[{{"id":"0oa1","type":"AppInstance","displayName":"Slack"}}],"authenticationContext":{{"externalSessionId":"s{user}"}},"securityContext":{{"asNumber":64500,"asOrg":"Example Net","isProxy":false}},"debugContext":{{"debugData":{{"requestUri":"/app/slack"}}}}}}"#,
            number % 60,
            user / 256,
            user % 256,
        )
        .expect("a text takes what is written");
    }
    text
}

fn activity(criterion: &mut Criterion) {
    let text = log(100_000);
    let mut group = criterion.benchmark_group("activity");
    group.sample_size(10);
    group.throughput(Throughput::Elements(100_000));
    group.bench_function("read by one thread", |bench| {
        bench.iter(|| Read::of(black_box(text.as_bytes()), None).activity.len());
    });
    group.bench_function("read by two threads", |bench| {
        bench.iter(|| {
            let mut logs = Logs::default();
            let bytes = black_box(text.as_bytes()).to_vec();
            logs.read(bytes, None, &mut [|_: &mut Event| (); 2]);
            logs.settled().activity.len()
        });
    });
    let activity = Read::of(text.as_bytes(), None).activity;
    group.bench_function("find what is odd", |bench| {
        bench.iter(|| {
            detect(
                black_box(&activity),
                &Tuning::default(),
                &Context::default(),
            )
            .len()
        });
    });
    group.finish();
}

criterion_group!(benches, activity);
criterion_main!(benches);
