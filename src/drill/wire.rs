//! What a vendor's server is asked and what it answers, free of any HTTP library.
//!
//! What must not live here: a vendor's paths or bodies, sockets.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

/// Names one of the three simulated servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    /// The identity provider (Okta, Keycloak, Entra ID or Google).
    Identity,
    /// The case system (TheHive 5).
    Cases,
    /// The SIEM (Elasticsearch).
    Siem,
}

impl Server {
    /// Answers the word that the control interface and the ledger use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Cases => "cases",
            Self::Siem => "siem",
        }
    }

    /// Finds the server with the given word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Identity, Self::Cases, Self::Siem]
            .into_iter()
            .find(|server| server.name() == word)
    }
}

/// Whose interface the identity provider speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idp {
    /// Okta.
    #[default]
    Okta,
    /// Keycloak 26.
    Keycloak,
    /// Google Workspace.
    Google,
    /// Microsoft Entra ID by Microsoft Graph.
    Entra,
}

impl Idp {
    /// Lists all of them.
    pub const ALL: [Self; 4] = [Self::Okta, Self::Keycloak, Self::Entra, Self::Google];

    /// Answers the vendor's name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Keycloak => "keycloak",
            Self::Google => "google",
            Self::Entra => "entra",
        }
    }

    /// Finds the one with the given name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|idp| idp.name() == word)
    }
}

/// One request as the vendors' code sees it.
#[derive(Debug)]
pub(crate) struct Request {
    pub server: Server,
    /// Whose interface the identity provider speaks.
    pub idp: Idp,
    pub method: String,
    /// The path as it was sent, still percent-encoded.
    pub path: String,
    /// The decoded segments of the path.
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    pub authorization: String,
    pub content_length: Option<u64>,
    pub chunked: bool,
    pub body: Vec<u8>,
    /// The id under which the vendor files this request.
    pub id: String,
    /// The caller's own id of the request (`client-request-id`), where it sent one.
    pub own_id: String,
    pub at: DateTime<Utc>,
    /// `http://127.0.0.1:PORT` of the server that was asked.
    pub base: String,
}

impl Request {
    /// Answers the first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Answers the fields of a form in the body.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body)
            .into_owned()
            .collect()
    }

    /// Answers the segments as plain strings, ready for a `match`.
    pub fn parts(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }
}

/// One answer before a fault has touched it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
}

impl Answer {
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body),
        }
    }

    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }
}

/// What a vendor's code may note while it answers.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Kind and target of each effect.
    pub effects: Vec<(&'static str, String)>,
}

impl Notes {
    pub fn effect(&mut self, kind: &'static str, target: impl Into<String>) {
        self.effects.push((kind, target.into()));
    }
}

/// Prints an instant as the vendors do: RFC 3339, milliseconds, `Z`.
pub(crate) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Decodes `%41` in one path segment; a broken escape stays as it is.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut ahead = bytes.clone();
        match (ahead.next().and_then(hex), ahead.next().and_then(hex)) {
            (Some(high), Some(low)) => {
                out.push(high * 16 + low);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Encodes a value for a query string.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_codes_go_both_ways() {
        for text in ["plain", "a b", "id eq \"x\"", "mаra", "100%", "a%2"] {
            assert_eq!(percent_decode(&percent_encode(text)), text);
        }
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
    }
}
