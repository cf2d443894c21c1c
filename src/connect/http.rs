//! The one HTTP policy: TLS, limits, retries of reads, never of writes, and what each failure means.
//!
//! A connection has one [`HttpClient`]. Reads share pooled connections; every write opens its own, so that a failure to
//! connect proves that no byte of it left. Redirects are never followed: none of the vendors' documented calls redirects,
//! and a followed one could carry a token or a write to a place that nobody configured.
//!
//! What must not live here: a vendor's paths, bodies or header names (except those for rate and request id).

mod assertion;
mod failure;
mod inflate;
mod limits;
mod message;
mod origin;
mod pacing;
mod parts;
mod setup;
mod shape;
mod token;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Response;
use reqwest::header::{self, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

pub(super) use self::assertion::Signer;
pub use self::assertion::{Assertion, KeyFault};
pub use self::limits::{Limits, Size};
pub use self::message::{Answer, Class, Request};
pub use self::origin::{Origin, OriginError};
pub use self::pacing::Rate;
pub(super) use self::parts::{Judged, Part};
pub use self::setup::HttpOptions;
pub use self::token::{Credential, TokenGrant};

use self::failure::{Broken, redirect_host};
use self::inflate::Body;
use self::pacing::Pacer;
use self::token::{Bearer, Tokens};
use super::capability::{ConnectError, ConnectErrorKind};
use super::secret::Secret;
use crate::domain::containment::plan::{PreparedCall, hex};
use crate::domain::text::Untrusted;
use crate::safe;

/// The client of one connection.
pub struct HttpClient {
    origin: Origin,
    reads: reqwest::Client,
    writes: Option<reqwest::Client>,
    headers: HeaderMap,
    secret: Secret,
    tokens: Option<Tokens>,
    error_words: &'static [&'static str],
    slow_down: &'static [&'static str],
    request_id: Option<&'static str>,
    limits: Limits,
    pacer: Mutex<Pacer>,
    clock: Mutex<Option<(DateTime<Utc>, std::time::Instant)>>,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient")
            .field("host", &self.origin.host())
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// Makes the client of one connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`ConnectErrorKind::NotSent`] when address, secret, header or CA file cannot be used.
    pub fn new(mut options: HttpOptions) -> Result<Self, ConnectError> {
        let origin = setup::origin(&options)?;
        let tokens = setup::tokens(&mut options, origin.host())?;
        let headers = setup::common_headers(&options, origin.host(), tokens.is_none())?;
        let (reads, writes) = setup::clients(&options, &origin)?;
        Ok(Self {
            origin,
            reads,
            writes,
            headers,
            secret: options.secret,
            tokens,
            error_words: options.error_words,
            slow_down: options.slow_down,
            request_id: options.request_id,
            limits: options.limits,
            pacer: Mutex::new(Pacer::new(options.seed)),
            clock: Mutex::default(),
        })
    }

    /// Gives host and port as they are connected to.
    pub fn host(&self) -> &str {
        self.origin.host()
    }

    /// Gives the vendor's clock by its newest answer of any status, and when that came.
    pub fn server_clock(&self) -> Option<(DateTime<Utc>, std::time::Instant)> {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
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
            method: message::method_name(&request.method),
            host: self.origin.host().to_owned(),
            path,
            body_sha256: hex(&Sha256::digest(request.bytes())),
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

    /// Checks a link to the next page that stands in a body, and gives its path and query.
    ///
    /// # Errors
    /// [`ConnectErrorKind::Malformed`] when the link leads to another origin.
    pub fn next_link(&self, answer: &Answer, link: &str) -> Result<String, ConnectError> {
        self.origin
            .within(link)
            .map_err(|error| answer.unusable(&Untrusted::new(error.to_string()).line()))
    }

    /// Sends a read, again after failures that may pass, within the time of one read.
    ///
    /// # Errors
    /// What the last try gave.
    pub async fn read(&self, request: &Request) -> Result<Answer, ConnectError> {
        debug_assert_eq!(request.class, Class::Read);
        self.ask(request, Instant::now() + self.limits.read_total)
            .await
    }

    /// Sends a read until a time.
    async fn ask(&self, request: &Request, deadline: Instant) -> Result<Answer, ConnectError> {
        if !request.urgent
            && let Some(wait) = self.pacer().paused(Instant::now(), &self.limits)
        {
            let target = self.target(request);
            return Err(ConnectError::unsent(safe!(
                "{}: not asked; reads pause for {} s after failures in a row",
                target,
                wait.as_secs()
            )));
        }
        let (mut tried, mut renewed) = (0, false);
        loop {
            let bearer = if request.bare {
                None
            } else {
                self.bearer(request.class, deadline).await?
            };
            let outcome = self
                .exchange(&self.reads, request, bearer.as_ref(), deadline)
                .await;
            let status = outcome.as_ref().ok().map(|raw| raw.status);
            // A token may end before its time; with a new one a read is asked once more.
            if self.refused(bearer.as_ref(), status) && !renewed {
                renewed = true;
                continue;
            }
            tried += 1;
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
            if !matches!(error.kind, ConnectErrorKind::Throttled(_)) {
                self.pacer().failed(Instant::now(), &self.limits);
            }
            let Some(wait) = self.may_try_again(request, tried, wait, timed_out, deadline) else {
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
        let Some(writes) = &self.writes else {
            let target = self.target(request);
            return Err(ConnectError::unsent(safe!(
                "{}: this connection only reads",
                target
            )));
        };
        let bearer = self.bearer_for_write(deadline).await?;
        let outcome = self
            .exchange(writes, request, bearer.as_ref(), deadline)
            .await;
        let status = outcome.as_ref().ok().map(|raw| raw.status);
        self.refused(bearer.as_ref(), status);
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
        self.origin_of(request)
            .address(&request.path)
            .map_err(|error| failure::misdirected(request.template, error))
    }

    /// Gives the wait before the next try, or nothing when there must be none.
    fn may_try_again(
        &self,
        request: &Request,
        tried: u32,
        asked: Option<Duration>,
        timed_out: bool,
        deadline: Instant,
    ) -> Option<Duration> {
        let mut pacer = self.pacer();
        let pauses = pacer.is_paused(Instant::now()) && !request.urgent;
        if tried >= self.limits.tries || pauses || !pacer.pay(timed_out) {
            return None;
        }
        let wait = asked.unwrap_or_else(|| pacer.back_off(tried, &self.limits));
        (Instant::now() + wait < deadline).then_some(wait)
    }

    async fn exchange(
        &self,
        client: &reqwest::Client,
        request: &Request,
        bearer: Option<&Bearer>,
        deadline: Instant,
    ) -> Result<Raw, Failed> {
        let url = self.url(request).map_err(Failed::Unsendable)?;
        let mut sending = client
            .request(request.method.clone(), url)
            .headers(request.headers(&self.headers));
        if let Some(bearer) = bearer {
            sending = sending.header(header::AUTHORIZATION, bearer.header.clone());
        }
        if let (true, Some(tokens)) = (request.bare, &self.tokens) {
            let form = match &request.body {
                Some(form) => Ok(form.0.clone()),
                None => self.token_form(tokens, None),
            };
            sending = sending
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.map_err(Failed::Unsendable)?);
        } else if let Some(body) = &request.body {
            sending = sending
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.0.clone());
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
        if let Some(date) = pacing::server_date(headers) {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((date, std::time::Instant::now()));
        }
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
            let mut error = failure::broken(
                request,
                self.origin_of(request).host(),
                &Broken::Redirect(to),
            );
            error.status = Some(raw.status);
            error.request_id = request_id;
            return Settled::Done(Err(error));
        }
        let wait = request.asked_wait(&raw.headers);
        let asked = self
            .limits
            .second
            .saturating_mul(u32::try_from(wait).unwrap_or(u32::MAX));
        let body = raw.body.unwrap_or_default();
        let sound = shape::check(&body, &self.limits).is_ok();
        let body: &[u8] = if sound { &body } else { &[] };
        let words = failure::summary(body, self.error_words, |text| self.gives_away(text));
        let slow = raw.status == 403 && failure::asks_to_slow_down(body, self.slow_down);
        let kind = failure::kind_of(if slow { 429 } else { raw.status }, wait);
        let host = self.origin_of(request).host();
        let error = failure::refused(request, host, (raw.status, kind), words, request_id);
        let says_when = raw.headers.contains_key(header::RETRY_AFTER);
        match raw.status {
            429 => Settled::Again {
                error,
                wait: Some(asked),
                timed_out: false,
            },
            status if slow || matches!(status, 408 | 425 | 500..=599) => Settled::Again {
                error,
                wait: says_when.then_some(asked),
                timed_out: false,
            },
            _ => Settled::Done(Err(error)),
        }
    }

    fn unanswered(&self, request: &Request, broken: &Broken) -> Settled {
        let error = failure::broken(request, self.origin_of(request).host(), broken);
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
                    let target = self.target(request);
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
            Err(broken) => Err(failure::broken(
                request,
                self.origin_of(request).host(),
                &broken,
            )),
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
            body: body.map(message::Payload),
            class: request.class,
            target: self.target(request),
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
