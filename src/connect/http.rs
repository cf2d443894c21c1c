//! The one HTTP policy: TLS, limits, retries of reads, never of writes, and what each failure means.
//!
//! A connection has one [`HttpClient`]. Reads share pooled connections; every write opens its own, so that a failure to
//! connect proves that no byte of it left. Redirects are never followed: none of the vendors' documented calls redirects,
//! and a followed one could carry a token or a write to a place that nobody configured.
//!
//! What must not live here: a vendor's paths, bodies or header names (except those for rate and request id).

mod failure;
mod inflate;
mod limits;
mod origin;
mod pacing;
mod shape;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

pub use self::limits::{Limits, Size};
pub use self::origin::{Origin, OriginError};
pub use self::pacing::Rate;

use self::failure::Broken;
use self::inflate::Body;
use self::pacing::Pacer;
use super::capability::{ConnectError, ConnectErrorKind};
use super::secret::Secret;
use crate::config::settings::EnvironmentKind;
use crate::domain::containment::plan::{PreparedCall, hex};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// What a connection's client is made of.
#[derive(Debug)]
pub struct HttpOptions {
    /// Base address; https, or http to a literal loopback address.
    pub base: Url,
    /// Production or drill: a drill reaches only loopback.
    pub kind: EnvironmentKind,
    /// Word before the secret in `Authorization`, such as `Bearer`.
    pub scheme: &'static str,
    /// The token.
    pub secret: Secret,
    /// Further headers of every request.
    pub headers: Vec<(&'static str, String)>,
    /// Further certification authorities in PEM, beside the platform's.
    pub ca_file: Option<PathBuf>,
    /// JSON pointers to the vendor's words in an error body.
    pub error_words: &'static [&'static str],
    /// Header that carries the vendor's id of a request.
    pub request_id: Option<&'static str>,
    /// Limits; the default is the policy.
    pub limits: Limits,
    /// Seed of the jitter; `None` takes chance.
    pub seed: Option<u64>,
}

/// Whether a request changes anything at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reads only, whatever its method; may be repeated.
    Read,
    /// Changes something; sent once.
    Write,
}

/// One request, built from a route and ids.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    template: &'static str,
    path: String,
    body: Option<Vec<u8>>,
    class: Class,
    size: Size,
    urgent: bool,
}

impl Request {
    /// Starts a request: `template` is a path whose `{..}` segments are filled with `ids` in order.
    ///
    /// # Errors
    /// When an id is empty or would change the path.
    pub fn new(
        class: Class,
        method: Method,
        template: &'static str,
        ids: &[&str],
    ) -> Result<Self, ConnectError> {
        let path =
            origin::fill(template, ids).map_err(|error| failure::misdirected(template, error))?;
        Ok(Self {
            method,
            template,
            path,
            body: None,
            class,
            size: Size::Object,
            urgent: false,
        })
    }

    /// Starts a `GET` that reads.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn get(template: &'static str, ids: &[&str]) -> Result<Self, ConnectError> {
        Self::new(Class::Read, Method::GET, template, ids)
    }

    /// Continues a list at a path and query that [`HttpClient::next_page`] gave.
    pub fn follow(template: &'static str, path: String) -> Self {
        Self {
            method: Method::GET,
            template,
            path,
            body: None,
            class: Class::Read,
            size: Size::List,
            urgent: false,
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.path
            .push(if self.path.contains('?') { '&' } else { '?' });
        origin::percent(name, &mut self.path);
        self.path.push('=');
        origin::percent(value, &mut self.path);
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self
    }

    /// Allows an answer of up to 8 MiB instead of 1 MiB.
    #[must_use]
    pub fn list(mut self) -> Self {
        self.size = Size::List;
        self
    }

    /// Lets it pass while reads pause after failures: for what a confirmed action needs.
    #[must_use]
    pub fn urgent(mut self) -> Self {
        self.urgent = true;
        self
    }

    fn content_length_zero(&self) -> bool {
        self.body.is_none() && self.method != Method::GET && self.method != Method::DELETE
    }
}

/// A successful answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// The vendor's clock (`Date`).
    pub server_date: Option<DateTime<Utc>>,
    /// The vendor's id of the request.
    pub request_id: Option<Untrusted>,
    headers: HeaderMap,
    body: Result<Vec<u8>, ConnectError>,
    class: Class,
    target: Safe,
}

impl Answer {
    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`ConnectErrorKind::Malformed`] for a read, [`ConnectErrorKind::Unknown`] for a write.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ConnectError> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        serde_json::from_slice(body).map_err(|error| {
            // The text of the error may quote the answer.
            let why = Untrusted::new(error.to_string()).line();
            self.unusable(&safe!("answer cannot be read as JSON: {}", why))
        })
    }

    /// Makes the error of an answer that arrived but says nothing usable.
    pub fn unusable(&self, why: &Safe) -> ConnectError {
        ConnectError {
            kind: match self.class {
                Class::Read => ConnectErrorKind::Malformed,
                Class::Write => ConnectErrorKind::Unknown,
            },
            what: safe!("{}: {}", self.target, why.clone()),
            hint: None,
            status: Some(self.status),
            request_id: self.request_id.clone(),
        }
    }
}

/// The client of one connection.
pub struct HttpClient {
    origin: Origin,
    reads: reqwest::Client,
    writes: reqwest::Client,
    headers: HeaderMap,
    secret: Secret,
    error_words: &'static [&'static str],
    request_id: Option<&'static str>,
    limits: Limits,
    pacer: Mutex<Pacer>,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient")
            .field("host", &self.origin.host())
            .finish_non_exhaustive()
    }
}

fn setup(host: &str, why: &Safe) -> ConnectError {
    failure::unsendable(safe!(
        "cannot connect to {}: {}",
        Untrusted::new(host).field(),
        why.clone()
    ))
}

fn common_headers(options: &HttpOptions, host: &str) -> Result<HeaderMap, ConnectError> {
    let mut headers = HeaderMap::new();
    if options.secret.is_empty() {
        return Err(setup(host, &"the secret is empty".into()));
    }
    let authorization = options
        .secret
        .authorization(options.scheme)
        .map_err(|_cause| {
            setup(
                host,
                &"the secret holds characters a header cannot carry".into(),
            )
        })?;
    headers.insert(header::AUTHORIZATION, authorization);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    for (name, text) in &options.headers {
        let value = HeaderValue::from_str(text).map_err(|_cause| {
            setup(
                host,
                &safe!("header {} holds characters it cannot carry", *name),
            )
        })?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn authorities(path: &PathBuf, host: &str) -> Result<Vec<reqwest::Certificate>, ConnectError> {
    let named = Untrusted::new(path.to_string_lossy()).ident();
    let bytes = std::fs::read(path).map_err(|error| {
        let why = Untrusted::new(error.to_string()).line();
        setup(
            host,
            &safe!("cannot read the CA file {}: {}", named.clone(), why),
        )
    })?;
    let found = reqwest::Certificate::from_pem_bundle(&bytes).map_err(|error| {
        let why = Untrusted::new(error.to_string()).line();
        setup(
            host,
            &safe!("cannot use the CA file {}: {}", named.clone(), why),
        )
    })?;
    if found.is_empty() {
        return Err(setup(
            host,
            &safe!("the CA file {} holds no certificate", named),
        ));
    }
    Ok(found)
}

fn builder(
    origin: &Origin,
    limits: &Limits,
    extra: &[reqwest::Certificate],
) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .tls_backend_rustls()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .https_only(origin.is_https())
        .user_agent(concat!("quell/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(limits.connect)
        .pool_idle_timeout(limits.pool_idle)
        .http2_max_header_list_size(u32::try_from(limits.headers).unwrap_or(u32::MAX))
        .dns_resolver(origin::CarefulResolver);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let builder = builder.tcp_user_timeout(limits.tcp_user_timeout);
    if origin.is_https() {
        builder.tls_certs_merge(extra.iter().cloned())
    } else {
        // Plain loopback needs no certificates; the platform's are not even loaded.
        builder.tls_certs_only([])
    }
}

impl HttpClient {
    /// Makes the client of one connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`ConnectErrorKind::NotSent`] when address, secret, header or CA file cannot be used.
    pub fn new(options: HttpOptions) -> Result<Self, ConnectError> {
        // The first one in the process wins, and every one of ours is ring.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let named = options.base.host_str().unwrap_or("(no host)").to_owned();
        let origin = Origin::new(&options.base, options.kind)
            .map_err(|error| setup(&named, &Untrusted::new(error.to_string()).line()))?;
        let headers = common_headers(&options, origin.host())?;
        let extra = match &options.ca_file {
            Some(path) => authorities(path, origin.host())?,
            None => Vec::new(),
        };
        let built = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| {
                let mut text = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(inner) = cause {
                    text = inner.to_string();
                    cause = inner.source();
                }
                setup(origin.host(), &Untrusted::new(text).line())
            })
        };
        let reads = built(builder(&origin, &options.limits, &extra))?;
        let writes = built(
            builder(&origin, &options.limits, &extra)
                .pool_max_idle_per_host(0)
                .http1_only(),
        )?;
        Ok(Self {
            origin,
            reads,
            writes,
            headers,
            secret: options.secret,
            error_words: options.error_words,
            request_id: options.request_id,
            limits: options.limits,
            pacer: Mutex::new(Pacer::new(options.seed)),
        })
    }

    /// Gives host and port as they are connected to.
    pub fn host(&self) -> &str {
        self.origin.host()
    }

    /// Gives what the vendor last said about its rate, on the route with the least left.
    pub fn rate(&self) -> Option<Rate> {
        self.pacer().tightest(Instant::now())
    }

    /// Gives the request as it will be sent, to be shown and recorded before.
    ///
    /// # Errors
    /// When the path does not belong to this connection.
    pub fn prepared(&self, request: &Request) -> Result<PreparedCall, ConnectError> {
        let url = self.url(request)?;
        let path = url
            .query()
            .map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()));
        Ok(PreparedCall {
            method: method_name(&request.method),
            host: self.origin.host().to_owned(),
            path,
            body_sha256: hex(&Sha256::digest(request.body.as_deref().unwrap_or_default())),
        })
    }

    /// Finds the next page of a list in its `Link` headers, as path and query.
    ///
    /// # Errors
    /// [`ConnectErrorKind::Malformed`] when the link leads to another origin.
    pub fn next_page(&self, answer: &Answer) -> Result<Option<String>, ConnectError> {
        self.origin
            .next_link(&answer.headers)
            .map_err(|error| answer.unusable(&Untrusted::new(error.to_string()).line()))
    }

    /// Sends a read, again after failures that may pass, within the time of one read.
    ///
    /// # Errors
    /// What the last try gave.
    pub async fn read(&self, request: &Request) -> Result<Answer, ConnectError> {
        debug_assert_eq!(request.class, Class::Read);
        let deadline = Instant::now() + self.limits.read_total;
        if !request.urgent
            && let Some(wait) = self.pacer().paused(Instant::now(), &self.limits)
        {
            let target = failure::target(request, self.host());
            return Err(failure::unsendable(safe!(
                "{}: not asked; reads pause for {} s after failures in a row",
                target,
                wait.as_secs()
            )));
        }
        let mut tried = 0;
        loop {
            tried += 1;
            let outcome = self.exchange(&self.reads, request, deadline).await;
            let (error, wait, timed_out) = match self.settle(request, outcome) {
                Settled::Done(answer) => {
                    self.pacer().answered();
                    return answer;
                }
                Settled::Again {
                    error,
                    wait,
                    timed_out,
                } => (error, wait, timed_out),
            };
            let Some(wait) = self.may_try_again(tried, wait, timed_out, deadline) else {
                if !matches!(error.kind, ConnectErrorKind::Throttled(_)) {
                    self.pacer().failed(Instant::now(), &self.limits);
                }
                return Err(error);
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends a write: one try on a connection of its own, whatever happens.
    ///
    /// # Errors
    /// [`ConnectErrorKind::NotSent`] only when no byte left; everything uncertain is [`ConnectErrorKind::Unknown`].
    pub async fn write(&self, request: &Request) -> Result<Answer, ConnectError> {
        debug_assert_eq!(request.class, Class::Write);
        let deadline = Instant::now() + self.limits.write_total;
        let outcome = self.exchange(&self.writes, request, deadline).await;
        match self.settle(request, outcome) {
            Settled::Done(answer) => answer,
            Settled::Again { error, .. } => Err(error),
        }
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        // Every change under the lock is a single assignment, so a poisoned value is still whole.
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self, request: &Request) -> Result<Url, ConnectError> {
        self.origin
            .address(&request.path)
            .map_err(|error| failure::misdirected(request.template, error))
    }

    /// Gives the wait before the next try, or nothing when there must be none.
    fn may_try_again(
        &self,
        tried: u32,
        asked: Option<Duration>,
        timed_out: bool,
        deadline: Instant,
    ) -> Option<Duration> {
        let mut pacer = self.pacer();
        if tried >= self.limits.tries || !pacer.pay(timed_out) {
            return None;
        }
        let wait = asked.unwrap_or_else(|| pacer.back_off(tried, &self.limits));
        (Instant::now() + wait < deadline).then_some(wait)
    }

    async fn exchange(
        &self,
        client: &reqwest::Client,
        request: &Request,
        deadline: Instant,
    ) -> Result<Raw, Failed> {
        let url = self.url(request).map_err(Failed::Unsendable)?;
        let mut sending = client
            .request(request.method.clone(), url)
            .headers(self.headers.clone());
        if let Some(body) = &request.body {
            sending = sending
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        } else if request.content_length_zero() {
            sending = sending.header(header::CONTENT_LENGTH, "0");
        }
        let patience = match request.class {
            Class::Read => {
                deadline.min(Instant::now() + self.limits.connect + self.limits.between_reads)
            }
            // A write that may still be answered is waited for to its end.
            Class::Write => deadline,
        };
        let response = timeout_at(patience, sending.send())
            .await
            .map_err(|_elapsed| Failed::Broken(Broken::TimedOut("no answer in time")))?
            .map_err(|error| Failed::Broken(Broken::of(error)))?;
        self.note(request, response.headers());
        let size: usize = response
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        if size > self.limits.headers {
            return Err(Failed::Broken(Broken::Headers(self.limits.headers)));
        }
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = self.body(request, response, deadline).await;
        Ok(Raw {
            status,
            headers,
            body,
        })
    }

    fn note(&self, request: &Request, headers: &HeaderMap) {
        if let Some(rate) = pacing::rate(headers, Instant::now()) {
            self.pacer().note_rate(request.template, rate);
        }
    }

    async fn body(
        &self,
        request: &Request,
        mut response: Response,
        deadline: Instant,
    ) -> Result<Vec<u8>, Broken> {
        let encoding = response
            .headers()
            .get(header::CONTENT_ENCODING)
            .and_then(|v| v.to_str().ok());
        let cap = self.limits.cap(request.size);
        let mut body = Body::new(encoding, cap, &self.limits).map_err(Broken::Body)?;
        loop {
            let piece = timeout_at(
                deadline,
                timeout(self.limits.between_reads, response.chunk()),
            )
            .await
            .map_err(|_elapsed| Broken::TimedOut("the answer took too long"))?
            .map_err(|_elapsed| Broken::TimedOut("the answer stopped coming"))?
            .map_err(Broken::of)?;
            let Some(piece) = piece else { break };
            body.push(&piece).map_err(Broken::Body)?;
        }
        body.finish().map_err(Broken::Body)
    }

    /// Turns what came into an answer, an error, or an error that may pass.
    fn settle(&self, request: &Request, outcome: Result<Raw, Failed>) -> Settled {
        let raw = match outcome {
            Ok(raw) => raw,
            Err(Failed::Unsendable(error)) => return Settled::Done(Err(error)),
            Err(Failed::Broken(broken)) => return self.unanswered(request, &broken),
        };
        if (200..300).contains(&raw.status) {
            return self.success(request, raw);
        }
        let request_id = self.id_of(&raw.headers);
        if (300..400).contains(&raw.status) {
            let to = raw
                .headers
                .get(header::LOCATION)
                .map_or(&b"nowhere"[..], HeaderValue::as_bytes);
            let to = Untrusted::new(redirect_host(&String::from_utf8_lossy(to)));
            let mut error = failure::broken(request, self.host(), &Broken::Redirect(to));
            error.status = Some(raw.status);
            error.request_id = request_id;
            return Settled::Done(Err(error));
        }
        let wait = pacing::asked_wait(&raw.headers);
        let words = raw
            .body
            .ok()
            .filter(|body| shape::check(body, &self.limits).is_ok())
            .and_then(|body| failure::summary(&body, self.error_words, &self.secret));
        let error = failure::refused(request, self.host(), raw.status, wait, words, request_id);
        match raw.status {
            429 => Settled::Again {
                error,
                wait: Some(Duration::from_secs(wait)),
                timed_out: false,
            },
            408 | 425 | 500..=599 => {
                let asked = raw.headers.contains_key(header::RETRY_AFTER);
                let wait = asked.then(|| Duration::from_secs(wait));
                Settled::Again {
                    error,
                    wait,
                    timed_out: false,
                }
            }
            _ => Settled::Done(Err(error)),
        }
    }

    fn unanswered(&self, request: &Request, broken: &Broken) -> Settled {
        let error = failure::broken(request, self.host(), broken);
        if broken.is_transient() {
            Settled::Again {
                error,
                wait: None,
                timed_out: broken.timed_out(),
            }
        } else {
            Settled::Done(Err(error))
        }
    }

    fn success(&self, request: &Request, raw: Raw) -> Settled {
        let body = match raw.body {
            Ok(body) => match shape::check(&body, &self.limits) {
                Ok(()) => Ok(body),
                Err(error) => {
                    let target = failure::target(request, self.host());
                    let why = Untrusted::new(error.to_string()).line();
                    Err(ConnectError {
                        kind: ConnectErrorKind::Malformed,
                        what: safe!("{}: {}", target, why),
                        hint: None,
                        status: Some(raw.status),
                        request_id: None,
                    })
                }
            },
            Err(broken) if request.class == Class::Read => {
                return self.unanswered(request, &broken);
            }
            // The status line of a write stands by itself; only a caller that needs the body fails.
            Err(broken) => Err(failure::broken(request, self.host(), &broken)),
        };
        if request.class == Class::Read
            && let Err(error) = body
        {
            return Settled::Done(Err(error));
        }
        Settled::Done(Ok(Answer {
            status: raw.status,
            server_date: pacing::server_date(&raw.headers),
            request_id: self.id_of(&raw.headers),
            headers: raw.headers,
            body,
            class: request.class,
            target: failure::target(request, self.host()),
        }))
    }

    fn id_of(&self, headers: &HeaderMap) -> Option<Untrusted> {
        let value = headers.get(self.request_id?)?;
        Some(Untrusted::new(String::from_utf8_lossy(value.as_bytes())))
    }
}

/// An answer of any status, its body read as far as it went.
struct Raw {
    status: u16,
    headers: HeaderMap,
    body: Result<Vec<u8>, Broken>,
}

enum Failed {
    Unsendable(ConnectError),
    Broken(Broken),
}

enum Settled {
    Done(Result<Answer, ConnectError>),
    Again {
        error: ConnectError,
        wait: Option<Duration>,
        timed_out: bool,
    },
}

/// Gives scheme and host of a redirect target: its path or query may carry secrets of others.
fn redirect_host(location: &str) -> String {
    match Url::parse(location) {
        Ok(url) => format!("{}://{}", url.scheme(), url.host_str().unwrap_or("?")),
        Err(_) => "another path of the same host".to_owned(),
    }
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}
