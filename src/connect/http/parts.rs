//! Answers that came inside another answer, where a vendor takes several reads in one request.
//!
//! Each part is judged as if it had come by itself: its own status, its own wait, its own size. What must not live here: how
//! a vendor writes them.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::failure::{self, Broken};
use super::inflate::BodyError;
use super::{Answer, Class, HttpClient, Raw, Request, Settled};
use crate::connect::capability::{ConnectError, ConnectErrorKind};

const DATE: &str = "date";

/// A part as it stands in the answer around it.
#[derive(Debug)]
pub(in crate::connect) struct Part {
    /// Its HTTP status.
    pub(in crate::connect) status: u16,
    /// Its own headers.
    pub(in crate::connect) headers: Vec<(String, String)>,
    /// Its body as JSON; empty where it has none.
    pub(in crate::connect) body: Vec<u8>,
}

/// What a part means.
#[derive(Debug)]
pub(in crate::connect) enum Judged {
    /// It is an answer, or a failure that stays.
    Done(Result<Answer, ConnectError>),
    /// It failed in a way that may pass, and asks for a wait, if any.
    Again(ConnectError, Option<Duration>),
}

impl Request {
    /// Gives path and query of a read that can be a part: a `GET` without a body.
    pub(in crate::connect) fn as_part(&self) -> Option<&str> {
        let fits = self.class == Class::Read && self.method == Method::GET && self.body.is_none();
        (fits && !self.bare).then_some(self.path.as_str())
    }

    /// Gives the headers of its own.
    pub(in crate::connect) fn own_headers(&self) -> &[(&'static str, String)] {
        &self.own
    }
}

impl HttpClient {
    /// Gives until when a read that starts now may take.
    pub(in crate::connect) fn read_deadline(&self) -> Instant {
        Instant::now() + self.limits.read_total
    }

    /// Sends a read that shares its time with others.
    ///
    /// # Errors
    /// What the last try gave.
    pub(in crate::connect) async fn read_until(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Answer, ConnectError> {
        debug_assert_eq!(request.class, Class::Read);
        self.ask(request, deadline).await
    }

    /// Judges the answer to a read that came inside another one; clock and id of the outer one hold where it has none.
    pub(in crate::connect) fn judged(
        &self,
        request: &Request,
        around: &Answer,
        part: Part,
    ) -> Judged {
        let mut headers = HeaderMap::new();
        for (name, value) in part.headers {
            let name = HeaderName::try_from(name.to_ascii_lowercase());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        for name in [Some(DATE), self.request_id].into_iter().flatten() {
            let of_all = around.headers.get(name);
            if let Some(value) = of_all.filter(|_| !headers.contains_key(name)) {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
        }
        let cap = self.limits.cap(request.size);
        let body = if part.body.len() > cap {
            Err(Broken::Body(BodyError::TooLarge(cap)))
        } else {
            Ok(part.body)
        };
        let raw = Raw {
            status: part.status,
            headers,
            body,
        };
        match self.settle(request, Ok(raw)) {
            Settled::Done(answer) => Judged::Done(answer),
            Settled::Again { error, wait, .. } => Judged::Again(error, wait),
        }
    }

    /// Makes the error of a read whose part is not in the answer, or no part.
    pub(in crate::connect) fn no_part(&self, request: &Request, why: &'static str) -> ConnectError {
        let host = self.origin_of(request).host();
        let refused = (200, ConnectErrorKind::Malformed);
        failure::refused(request, host, refused, Some(why.into()), None)
    }
}
