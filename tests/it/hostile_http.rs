//! Servers that lie, stall, flood or break off: each exchange ends within its limits, in bounded memory, and no other host
//! ever sees a token.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use quell::config::settings::EnvironmentKind;
use quell::connect::capability::{ConnectError, ConnectErrorKind};
use quell::connect::http::{Answer, Class, HttpClient, HttpOptions, Limits, Request};
use quell::connect::secret::Secret;
use reqwest::Method;
use rstest::rstest;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::raw_http::read_request;

/// One second of the policy lasts this long here.
const SECOND: Duration = Duration::from_millis(20);
const TOKEN: &str = "canary-token-4711";

fn limits() -> Limits {
    Limits::default().scaled(50)
}

/// What a server does with a connection.
#[derive(Clone)]
enum Act {
    /// Sends these bytes and closes.
    Say(Vec<u8>),
    /// Sends these bytes and says nothing more.
    SayAndHang(Vec<u8>),
    /// Sends these bytes, then one byte every half second of the policy.
    Drip(Vec<u8>, u8),
    /// Sends these bytes, then these again and again without end.
    Flood(Vec<u8>, Vec<u8>),
    /// Closes with a reset before it has read anything.
    Reset,
    /// Reads the request and closes with a reset.
    ReadAndReset,
}

struct Server {
    url: Url,
    asked: Arc<AtomicUsize>,
}

/// Starts a server that does the same with every connection.
async fn server(act: Act) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream, act.clone()));
        }
    });
    Server { url, asked }
}

async fn serve(mut stream: TcpStream, act: Act) {
    if matches!(act, Act::Reset) {
        reset(&stream);
        return;
    }
    let Some(raw) = read_request(&mut stream).await else {
        return;
    };
    assert!(
        raw.header("authorization")
            .is_some_and(|text| text.ends_with(TOKEN))
    );
    // Writing fails as soon as the client has had enough, which is the point.
    let _ = answer(&mut stream, act).await;
}

async fn answer(stream: &mut TcpStream, act: Act) -> std::io::Result<()> {
    match act {
        Act::Say(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Act::SayAndHang(bytes) => {
            stream.write_all(&bytes).await?;
            stream.read_u8().await.map(|_| ())
        }
        Act::Drip(bytes, byte) => {
            stream.write_all(&bytes).await?;
            loop {
                tokio::time::sleep(SECOND / 2).await;
                stream.write_all(&[byte]).await?;
            }
        }
        Act::Flood(bytes, again) => {
            stream.write_all(&bytes).await?;
            loop {
                stream.write_all(&again).await?;
            }
        }
        Act::Reset | Act::ReadAndReset => {
            reset(stream);
            Ok(())
        }
    }
}

/// Makes the close that follows a reset rather than an orderly end.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

fn client(url: &Url, limits: Limits) -> HttpClient {
    HttpClient::new(options(url, limits)).unwrap()
}

fn options(url: &Url, limits: Limits) -> HttpOptions {
    HttpOptions {
        base: url.clone(),
        kind: EnvironmentKind::Production,
        scheme: "Bearer",
        secret: Secret::new(TOKEN.to_owned()),
        grant: None,
        headers: Vec::new(),
        ca_file: None,
        error_words: &["/message"],
        slow_down: &[],
        request_id: None,
        reads_only: false,
        limits,
        seed: Some(7),
    }
}

async fn read(url: &Url) -> Result<Answer, ConnectError> {
    client(url, limits())
        .read(&Request::get("/list", &[]).unwrap().list())
        .await
}

async fn write(url: &Url) -> Result<Answer, ConnectError> {
    let request = Request::new(Class::Write, Method::POST, "/act", &[]).unwrap();
    client(url, limits()).write(&request).await
}

fn head(more: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{more}\r\n").into_bytes()
}

fn whole(body: &[u8], more: &str) -> Vec<u8> {
    let mut bytes = head(&format!("content-length: {}\r\n{more}", body.len()));
    bytes.extend_from_slice(body);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bomb(size: usize) -> Act {
    Act::Say(whole(
        &gzip(&vec![b' '; size]),
        "content-encoding: gzip\r\n",
    ))
}

fn status(code: u16, more: &str) -> Act {
    Act::Say(format!("HTTP/1.1 {code} x\r\ncontent-length: 0\r\n{more}\r\n").into_bytes())
}

fn huge_header() -> Act {
    let line = format!("x-long: {}\r\n", "a".repeat(4_000));
    Act::Say(whole(b"[]", &line.repeat(20)))
}

const MALFORMED: ConnectErrorKind = ConnectErrorKind::Malformed;
const UNKNOWN: ConnectErrorKind = ConnectErrorKind::Unknown;

#[rstest]
#[case::silent(Act::SayAndHang(Vec::new()), UNKNOWN)]
#[case::slow_header(Act::Drip(b"HTTP/1.1 200 OK\r\nx-slow: ".to_vec(), b'a'), UNKNOWN)]
#[case::slow_body(Act::Drip(head("content-length: 100000\r\n"), b' '), UNKNOWN)]
#[case::stalled_body(Act::SayAndHang(head("content-length: 10\r\n")), UNKNOWN)]
#[case::endless_body(Act::Flood(head("connection: close\r\n"), vec![b' '; 65_536]), MALFORMED)]
#[case::endless_header(Act::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-more: aaaaaaaaaaaaaaaa\r\n".to_vec()), UNKNOWN)]
#[case::endless_informational(Act::Flood(Vec::new(), b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec()), UNKNOWN)]
#[case::hundred_megabytes(Act::Flood(head("content-length: 104857600\r\n"), vec![b'7'; 65_536]), MALFORMED)]
#[case::gzip_bomb(bomb(100 << 20), MALFORMED)]
#[case::small_gzip_bomb(bomb(1 << 20), MALFORMED)]
#[case::cut_gzip(Act::Say(whole(&gzip(b"[1,2,3]")[..12], "content-encoding: gzip\r\n")), MALFORMED)]
#[case::foreign_encoding(Act::Say(whole(b"[]", "content-encoding: br\r\n")), MALFORMED)]
#[case::huge_header(huge_header(), MALFORMED)]
#[case::many_headers(Act::Say(whole(b"[]", &"x-a: b\r\n".repeat(5_000))), UNKNOWN)]
#[case::deep_json(Act::Say(whole("[".repeat(100_000).as_bytes(), "")), MALFORMED)]
#[case::long_array(Act::Say(whole(format!("[{}1]", "1,".repeat(20_000)).as_bytes(), "")), MALFORMED)]
#[case::shorter_than_said(Act::Say(head("content-length: 10\r\n\r\n[]")), UNKNOWN)]
#[case::bad_utf8(Act::Say(whole(b"[\"\xff\xfe\"]", "")), MALFORMED)]
#[case::no_json(Act::Say(whole(b"<html>maintenance</html>", "")), MALFORMED)]
#[case::nothing(Act::Say(head("content-length: 0\r\n")), MALFORMED)]
#[case::no_http(Act::Say(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), UNKNOWN)]
#[case::early_close(Act::Say(Vec::new()), UNKNOWN)]
#[case::reset_before(Act::Reset, UNKNOWN)]
#[case::reset_after(Act::ReadAndReset, UNKNOWN)]
#[case::two_lengths(Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 4\r\n\r\n[]  ".to_vec()), UNKNOWN)]
#[case::bad_chunks(Act::Say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n[]".to_vec()), UNKNOWN)]
#[case::status_600(status(600, ""), UNKNOWN)]
#[case::server_error(status(500, ""), UNKNOWN)]
#[case::not_found(status(404, ""), ConnectErrorKind::NotFound)]
#[case::denied(status(401, ""), ConnectErrorKind::Denied)]
#[case::rejected(status(409, ""), ConnectErrorKind::Rejected)]
#[case::request_timeout(status(408, ""), UNKNOWN)]
#[case::throttled_for_ever(
    status(429, "retry-after: 1000000000\r\n"),
    ConnectErrorKind::Throttled(300)
)]
#[case::throttled_in_the_past(
    status(
        429,
        "retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\ndate: Sat, 21 Nov 2026 03:00:00 GMT\r\n"
    ),
    ConnectErrorKind::Throttled(1)
)]
#[case::throttled_with_garbage(
    status(429, "retry-after: soon\r\n"),
    ConnectErrorKind::Throttled(30)
)]
#[tokio::test]
async fn a_read_ends_within_its_time_with_the_right_word(
    #[case] act: Act,
    #[case] kind: ConnectErrorKind,
) {
    let server = server(act).await;
    let begun = Instant::now();
    let outcome = read(&server.url)
        .await
        .and_then(|answer| answer.json::<Value>());
    let error = outcome.map(|value| value.to_string()).unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    // 30 s of the policy, and 1 s of real time for a busy machine.
    assert!(
        begun.elapsed() < SECOND * 30 + Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert!(server.asked.load(Ordering::SeqCst) <= 4);
    assert!(!format!("{error:?}").contains(TOKEN));
}

#[rstest]
#[case::silent(Act::SayAndHang(Vec::new()), UNKNOWN)]
#[case::slow_header(Act::Drip(b"HTTP/1.1 200 OK\r\nx-slow: ".to_vec(), b'a'), UNKNOWN)]
#[case::early_close(Act::Say(Vec::new()), UNKNOWN)]
#[case::reset_after(Act::ReadAndReset, UNKNOWN)]
#[case::reset_before(Act::Reset, UNKNOWN)]
#[case::no_http(Act::Say(b"hello\r\n".to_vec()), UNKNOWN)]
#[case::huge_header(huge_header(), UNKNOWN)]
#[case::server_error(status(500, "retry-after: 1\r\n"), UNKNOWN)]
#[case::unavailable(status(503, ""), UNKNOWN)]
#[case::too_early(status(425, ""), UNKNOWN)]
#[case::throttled(status(429, "retry-after: 2\r\n"), ConnectErrorKind::Throttled(2))]
#[case::rejected(status(400, ""), ConnectErrorKind::Rejected)]
#[case::redirected(status(307, "location: http://127.0.0.1:1/x\r\n"), UNKNOWN)]
#[tokio::test]
async fn a_write_is_sent_once_and_is_never_called_unsent_after_it_left(
    #[case] act: Act,
    #[case] kind: ConnectErrorKind,
) {
    let server = server(act).await;
    let begun = Instant::now();
    let error = write(&server.url)
        .await
        .map(|answer| answer.status)
        .unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    assert!(
        begun.elapsed() < SECOND * 20 + Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_write_is_unsent_only_when_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = write(&url).await.map(|answer| answer.status).unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::NotSent, "{error}");
    let error = read(&url).await.map(|answer| answer.status).unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::NotSent, "{error}");
}

#[tokio::test]
async fn the_status_of_a_write_stands_even_if_its_body_breaks() {
    let server = server(Act::Say(head("content-length: 10\r\n\r\n[]"))).await;
    let answer = write(&server.url).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json::<Value>().unwrap_err().kind, UNKNOWN);
}

#[tokio::test]
async fn no_redirect_is_followed_and_no_other_host_sees_the_token() {
    for code in [301, 302, 303, 307, 308] {
        let elsewhere = server(Act::Say(whole(b"[]", ""))).await;
        let location = format!("location: {}secret-path?token=x\r\n", elsewhere.url);
        let here = server(status(code, &location)).await;
        let error = read(&here.url)
            .await
            .map(|answer| answer.status)
            .unwrap_err();
        assert_eq!(error.kind, MALFORMED, "{error}");
        assert!(!error.to_string().contains("secret-path"), "{error}");
        let error = write(&here.url)
            .await
            .map(|answer| answer.status)
            .unwrap_err();
        assert_eq!((error.kind, error.status), (UNKNOWN, Some(code)));
        assert_eq!(elsewhere.asked.load(Ordering::SeqCst), 0);
        assert_eq!(here.asked.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test]
async fn a_next_link_to_another_origin_is_an_error() {
    let elsewhere = server(Act::Say(whole(b"[]", ""))).await;
    let link = format!("link: <{}list?after=1>; rel=\"next\"\r\n", elsewhere.url);
    let here = server(Act::Say(whole(b"[]", &link))).await;
    let http = client(&here.url, limits());
    let answer = http
        .read(&Request::get("/list", &[]).unwrap())
        .await
        .unwrap();
    assert_eq!(http.next_page(&answer).unwrap_err().kind, MALFORMED);
    assert_eq!(elsewhere.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_error_body_that_repeats_the_token_is_not_shown() {
    let body = format!("{{\"message\":\"unknown key {TOKEN}\"}}");
    let text = format!(
        "HTTP/1.1 403 x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let here = server(Act::Say(text.into_bytes())).await;
    let error = read(&here.url)
        .await
        .map(|answer| answer.status)
        .unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Denied);
    assert!(!format!("{error:?}").contains(TOKEN));
}

#[tokio::test]
async fn reads_pause_after_failures_in_a_row_but_not_for_a_confirmed_action() {
    let dead = server(Act::ReadAndReset).await;
    let limits = Limits {
        tries: 1,
        breaker_pause: Duration::from_secs(60),
        ..limits()
    };
    let http = client(&dead.url, limits);
    let request = Request::get("/list", &[]).unwrap();
    for _ in 0..20 {
        assert!(http.read(&request).await.is_err());
    }
    assert_eq!(dead.asked.load(Ordering::SeqCst), 5);
    let error = http
        .read(&request)
        .await
        .map(|answer| answer.status)
        .unwrap_err();
    assert!(error.to_string().contains("not asked"), "{error}");
    assert!(http.read(&request.clone().urgent()).await.is_err());
    assert_eq!(dead.asked.load(Ordering::SeqCst), 6);
    let act = Request::new(Class::Write, Method::POST, "/act", &[]).unwrap();
    assert!(http.write(&act).await.is_err());
    assert_eq!(dead.asked.load(Ordering::SeqCst), 7);
}

#[tokio::test]
async fn a_wait_that_was_asked_for_is_kept_and_then_the_read_succeeds() {
    let throttled =
        b"HTTP/1.1 429 x\r\ncontent-length: 0\r\nretry-after: 6\r\nconnection: close\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        for answer in [throttled.to_vec(), whole(b"[]", "connection: close\r\n")] {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    let begun = Instant::now();
    assert_eq!(
        read(&url).await.unwrap().json::<Value>().unwrap(),
        serde_json::json!([])
    );
    assert!(begun.elapsed() >= SECOND * 6, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_without_tls_or_with_a_strange_certificate_file_gets_nothing() {
    let plain = server(Act::Say(
        b"HTTP/1.1 400 x\r\ncontent-length: 0\r\n\r\n".to_vec(),
    ))
    .await;
    let mut url = plain.url.clone();
    url.set_scheme("https").unwrap();
    let error = write(&url).await.map(|answer| answer.status).unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::NotSent, "{error}");
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("empty", ""),
        (
            "broken",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut options = options(&url, limits());
        options.ca_file = Some(path);
        let error = HttpClient::new(options).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("CA file"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_outage_cost_thirty_requests_at_most() {
    let dead = server(Act::ReadAndReset).await;
    let http = client(&dead.url, Limits::default());
    let request = Request::get("/list", &[]).unwrap();
    for _ in 0..60 {
        assert!(http.read(&request).await.is_err());
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let asked = dead.asked.load(Ordering::SeqCst);
    assert!((10..=30).contains(&asked), "{asked}");
}

/// Answers the resident size of this process in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

#[tokio::test]
async fn floods_and_bombs_stay_in_bounded_memory() {
    let bomb = server(bomb(400 << 20)).await;
    let flood = server(Act::Flood(
        head("connection: close\r\n"),
        vec![b' '; 65_536],
    ))
    .await;
    let before = resident();
    for server in [&bomb, &flood, &bomb, &flood] {
        assert!(read(&server.url).await.is_err());
        let grown = resident().saturating_sub(before);
        // Other tests of this process allocate too; one body kept whole would be 400 MiB or without end.
        assert!(grown < 200 << 20, "{grown}");
    }
}
