//! What a failed exchange means: how certain it is that nothing happened, and words without secrets.
//!
//! What must not live here: decisions about what to do next.

use std::error::Error as _;
use url::Url;

use serde_json::Value;

use super::inflate::BodyError;
use super::origin::OriginError;
use super::{Class, Request};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// How far an exchange came before it failed.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Name, TCP or TLS: no byte of the request left.
    Connect(reqwest::Error),
    /// No connection within its time: no byte of the request left, or it is not known.
    Transport(reqwest::Error),
    /// Nothing came for too long, or the whole took too long.
    TimedOut(&'static str),
    /// The answer broke a limit.
    Body(BodyError),
    /// Header lines too large.
    Headers(usize),
    /// The answer sends somewhere else.
    Redirect(Untrusted),
}

impl Broken {
    pub(crate) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_connect() {
            Self::Connect(error)
        } else {
            Self::Transport(error)
        }
    }

    /// Tells whether asking again can help a read.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::Transport(_) | Self::TimedOut(_)
        )
    }

    pub(crate) fn timed_out(&self) -> bool {
        match self {
            Self::TimedOut(_) => true,
            Self::Connect(error) | Self::Transport(error) => error.is_timeout(),
            _ => false,
        }
    }

    fn words(&self) -> Safe {
        match self {
            Self::Connect(error) if error.is_timeout() => "could not connect in time".into(),
            Self::Connect(error) => safe!("could not connect: {}", deepest(error)),
            Self::Transport(error) => safe!("connection broke: {}", deepest(error)),
            Self::TimedOut(what) => Safe::fixed(what),
            Self::Body(BodyError::Gzip(cause)) => {
                safe!(
                    "answer is not whole gzip data: {}",
                    Untrusted::new(cause.to_string()).line()
                )
            }
            Self::Body(error) => Untrusted::new(error.to_string()).line(),
            Self::Headers(limit) => safe!("header lines are larger than {} bytes", *limit),
            Self::Redirect(to) => safe!(
                "answer redirects to {}; redirects are not followed",
                to.line()
            ),
        }
    }

    /// Gives the kind of failure for a request of this class.
    fn kind(&self, class: Class) -> ConnectErrorKind {
        match (self, class) {
            (Self::Connect(_), _) => ConnectErrorKind::NotSent,
            (Self::Transport(_) | Self::TimedOut(_), _) | (_, Class::Write) => {
                ConnectErrorKind::Unknown
            }
            _ => ConnectErrorKind::Malformed,
        }
    }
}

/// Gives the innermost cause: the outer ones only repeat that a request failed.
pub(super) fn deepest(error: &reqwest::Error) -> Safe {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    Untrusted::new(text).line()
}

/// `GET acme.okta.com/api/v1/users/{id}`: method, host and route, never ids, query or token.
pub(crate) fn target(request: &Request, host: &str) -> Safe {
    let method = Untrusted::new(request.method.as_str()).field();
    safe!(
        "{} {}{}",
        method,
        Untrusted::new(host).field(),
        request.template
    )
}

fn hint(kind: ConnectErrorKind) -> Option<Safe> {
    let text = match kind {
        ConnectErrorKind::NotSent => {
            "check the address, the network and the certificate; nothing was sent"
        }
        ConnectErrorKind::Denied => "check the token and its permissions",
        ConnectErrorKind::Unknown => {
            "it may have happened: read back before anything is sent again"
        }
        _ => return None,
    };
    Some(text.into())
}

/// Makes the error of an exchange that gave no usable answer.
pub(crate) fn broken(request: &Request, host: &str, broken: &Broken) -> ConnectError {
    let kind = broken.kind(request.class);
    let certain = kind == ConnectErrorKind::NotSent || request.class == Class::Write;
    ConnectError {
        kind,
        what: safe!("{}: {}", target(request, host), broken.words()),
        hint: if certain { hint(kind) } else { None },
        status: None,
        request_id: None,
    }
}

/// Gives the kind of an HTTP status that is no success.
pub(crate) fn kind_of(status: u16, wait: u64) -> ConnectErrorKind {
    match status {
        401 | 403 => ConnectErrorKind::Denied,
        404 => ConnectErrorKind::NotFound,
        429 => ConnectErrorKind::Throttled(wait),
        408 | 425 => ConnectErrorKind::Unknown,
        400..=499 => ConnectErrorKind::Rejected,
        _ => ConnectErrorKind::Unknown,
    }
}

/// Reads the vendor's own words out of an error body; nothing when the token is in it.
pub(crate) fn summary(
    body: &[u8],
    pointers: &[&str],
    gives_away: impl Fn(&str) -> bool,
) -> Option<Safe> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let words: Vec<Safe> = pointers
        .iter()
        .filter_map(|pointer| value.pointer(pointer).and_then(Value::as_str))
        .filter(|text| !text.is_empty() && !gives_away(text))
        .map(|text| Untrusted::new(text).line())
        .collect();
    (!words.is_empty()).then(|| Safe::join(words, &Safe::fixed(": ")))
}

/// Tells whether an error body names one of the reasons that mean nothing but "slower".
///
/// Google answers 403 for both. Source: Directory API, limits and quotas.
pub(crate) fn asks_to_slow_down(body: &[u8], reasons: &[&str]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let reason = value.pointer("/error/errors/0/reason");
    reason
        .and_then(Value::as_str)
        .is_some_and(|reason| reasons.contains(&reason))
}

/// Makes the error of an answer that is no success.
pub(crate) fn refused(
    request: &Request,
    host: &str,
    (status, kind): (u16, ConnectErrorKind),
    words: Option<Safe>,
    request_id: Option<Untrusted>,
) -> ConnectError {
    let words = words.map(|words| safe!(" ({})", words)).unwrap_or_default();
    let hint = match kind {
        ConnectErrorKind::Unknown if request.class == Class::Read => None,
        kind => hint(kind),
    };
    ConnectError {
        kind,
        what: safe!("{}: answered {}{}", target(request, host), status, words),
        hint,
        status: Some(status),
        request_id,
    }
}

/// Makes the error of a path or link that is not used.
pub(crate) fn misdirected(template: &'static str, error: OriginError) -> ConnectError {
    let kind = match error {
        OriginError::Foreign => ConnectErrorKind::Malformed,
        _ => ConnectErrorKind::NotSent,
    };
    let what = safe!("{}: {}", template, Untrusted::new(error.to_string()).line());
    ConnectError {
        kind,
        what,
        hint: None,
        status: None,
        request_id: None,
    }
}

/// Gives scheme and host of a redirect target: its path or query may carry secrets of others.
pub(super) fn redirect_host(location: &str) -> String {
    match Url::parse(location) {
        Ok(url) => format!("{}://{}", url.scheme(), url.host_str().unwrap_or("?")),
        Err(_) => "another path of the same host".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::secret::Secret;
    use rstest::rstest;

    #[rstest]
    #[case(400, ConnectErrorKind::Rejected)]
    #[case(401, ConnectErrorKind::Denied)]
    #[case(403, ConnectErrorKind::Denied)]
    #[case(404, ConnectErrorKind::NotFound)]
    #[case(408, ConnectErrorKind::Unknown)]
    #[case(409, ConnectErrorKind::Rejected)]
    #[case(425, ConnectErrorKind::Unknown)]
    #[case(429, ConnectErrorKind::Throttled(7))]
    #[case(500, ConnectErrorKind::Unknown)]
    #[case(503, ConnectErrorKind::Unknown)]
    #[case(302, ConnectErrorKind::Unknown)]
    fn statuses(#[case] status: u16, #[case] kind: ConnectErrorKind) {
        assert_eq!(kind_of(status, 7), kind);
    }

    #[rstest]
    #[case("rateLimitExceeded", true)]
    #[case("userRateLimitExceeded", true)]
    #[case("forbidden", false)]
    #[case("", false)]
    fn a_reason_may_only_mean_slower(#[case] reason: &str, #[case] slower: bool) {
        let body = format!(r#"{{"error":{{"code":403,"errors":[{{"reason":"{reason}"}}]}}}}"#);
        let known = ["rateLimitExceeded", "userRateLimitExceeded"];
        assert_eq!(asks_to_slow_down(body.as_bytes(), &known), slower);
        assert!(!asks_to_slow_down(body.as_bytes(), &[]));
        assert!(!asks_to_slow_down(b"<html>", &known));
    }

    #[test]
    fn a_summary_never_carries_the_token() {
        let secret = Secret::new("s3cret".to_owned());
        let body = br#"{"errorCode":"E0000011","errorSummary":"bad token s3cret"}"#;
        let words = summary(body, &["/errorCode", "/errorSummary"], |text| {
            secret.appears_in(text)
        });
        assert_eq!(
            words.map(|w| w.as_str().to_owned()),
            Some("E0000011".to_owned())
        );
        assert_eq!(summary(b"<html>", &["/errorCode"], |_| false), None);
    }
}
