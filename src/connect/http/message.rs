//! A request before it is sent and an answer after it came.
//!
//! What must not live here: sending.

use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::limits::Size;
use super::{failure, origin, pacing};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Whether a request changes anything at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reads only, whatever its method; may be repeated.
    Read,
    /// Changes something; sent once.
    Write,
}

/// The body of a request or an answer; its `Debug` says its length and no more, for it may carry a password or a link.
#[derive(Clone)]
pub(super) struct Payload(pub(super) Vec<u8>);

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// One request, built from a route and ids.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) method: Method,
    pub(super) template: &'static str,
    pub(super) path: String,
    pub(super) body: Option<Payload>,
    pub(super) class: Class,
    pub(super) size: Size,
    pub(super) urgent: bool,
    /// Whether it goes to the token endpoint, without a token and with the form for one.
    pub(super) bare: bool,
    /// Headers of its own.
    pub(super) own: Vec<(&'static str, String)>,
    /// Seconds to wait where the vendor says "too many" and not how long.
    unsaid: Option<u64>,
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
            bare: false,
            own: Vec::new(),
            unsaid: None,
        })
    }

    /// Starts a `GET` that reads.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn get(template: &'static str, ids: &[&str]) -> Result<Self, ConnectError> {
        Self::new(Class::Read, Method::GET, template, ids)
    }

    /// Continues a list at a path and query that [`HttpClient::next_page`](super::HttpClient::next_page) gave.
    pub fn follow(template: &'static str, path: String) -> Self {
        Self {
            method: Method::GET,
            template,
            path,
            body: None,
            class: Class::Read,
            size: Size::List,
            urgent: false,
            bare: false,
            own: Vec::new(),
            unsaid: None,
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
        self.body = Some(Payload(body.to_string().into_bytes()));
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

    /// Adds a header; a value that no header can carry is left out.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.own.push((name, value));
        self
    }

    /// Says how long is waited where the vendor answers "too many" without saying it.
    #[must_use]
    pub fn unsaid_wait(mut self, seconds: u64) -> Self {
        self.unsaid = Some(seconds);
        self
    }

    /// Gives the headers it is sent with.
    pub(super) fn headers(&self, common: &HeaderMap) -> HeaderMap {
        let mut all = common.clone();
        for (name, value) in &self.own {
            if let Ok(value) = HeaderValue::from_str(value) {
                all.insert(HeaderName::from_static(name), value);
            }
        }
        all
    }

    /// Gives the wait in seconds that an answer asks for.
    pub(super) fn asked_wait(&self, headers: &HeaderMap) -> u64 {
        match self.unsaid {
            Some(seconds) if !headers.contains_key(header::RETRY_AFTER) => seconds,
            _ => pacing::asked_wait(headers),
        }
    }

    /// Makes it the request for a token.
    #[must_use]
    pub(super) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Gives the body as it will be sent; of none, nothing.
    pub(super) fn bytes(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], |body| &body.0)
    }

    /// Tells whether the length of nothing must be said: Okta answers 411 to a POST that does not.
    pub(super) fn content_length_zero(&self) -> bool {
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
    pub(super) headers: HeaderMap,
    pub(super) body: Result<Payload, ConnectError>,
    pub(super) class: Class,
    pub(super) target: Safe,
}

impl Answer {
    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`ConnectErrorKind::Malformed`] for a read, [`ConnectErrorKind::Unknown`] for a write.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ConnectError> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        serde_json::from_slice(&body.0).map_err(|error| {
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

/// Gives the name of a method.
pub(super) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}
