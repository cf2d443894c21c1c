//! One record as a line: the envelope around a body, written and read.
//!
//! What must not live here: whether a record fits the one before (see `verify`), files.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::body::Body;
use super::fault::Reason;
use super::hash::ChainHash;
use super::json::{self, Cursor, Malformed, ValueError};
use crate::domain::ids::{IdError, LogId, SessionId};
use crate::domain::text::Untrusted;

/// Longest line in bytes, its line feed included.
pub const MAX_LINE: usize = 64 * 1024;
/// Length of the end of every line, `,"h":"<64 hex digits>"}`.
pub const SUFFIX: usize = 72;

/// One record of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which log.
    pub log: LogId,
    /// Which segment (file) of the log, from 1.
    pub seg: u64,
    /// Number of the record over all segments, from 1, without gaps.
    pub n: u64,
    /// Wall clock, microseconds.
    pub ts: DateTime<Utc>,
    /// Microseconds since the host started, sleep included.
    pub boot_us: u64,
    /// Name of the host.
    pub host: Untrusted,
    /// User id of the process that wrote it.
    pub uid: u32,
    /// Its user's name.
    pub user: Untrusted,
    /// Its process id.
    pub pid: u32,
    /// Its session.
    pub sess: SessionId,
    /// What the record says.
    pub body: Body,
    /// Hash of the record before.
    pub prev: ChainHash,
    /// Hash of this record.
    pub h: ChainHash,
}

/// Everything of a record but its hash: what the writer puts together.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft<'a> {
    /// Which log.
    pub log: &'a LogId,
    /// Which segment, from 1.
    pub seg: u64,
    /// Number of the record, from 1.
    pub n: u64,
    /// Wall clock.
    pub ts: DateTime<Utc>,
    /// Microseconds since the host started.
    pub boot_us: u64,
    /// Name of the host.
    pub host: &'a Untrusted,
    /// User id.
    pub uid: u32,
    /// User's name.
    pub user: &'a Untrusted,
    /// Process id.
    pub pid: u32,
    /// Session.
    pub sess: &'a SessionId,
    /// What the record says.
    pub body: &'a Body,
    /// Hash of the record before.
    pub prev: ChainHash,
}

/// Says why a record cannot be written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EncodeError {
    /// A value the log does not take.
    #[error("failed to write a record of type {kind}: {source}")]
    Value {
        /// The record's type.
        kind: String,
        /// What is wrong with it.
        source: ValueError,
    },
    /// The body has no written form: a record that was read but not understood.
    #[error("failed to write a record of type {kind}")]
    Body {
        /// The record's type.
        kind: String,
        /// The cause.
        source: Arc<serde_json::Error>,
    },
    /// The line would be longer than 64 KiB.
    #[error("failed to write a record of type {kind}: {len} bytes are more than {MAX_LINE}")]
    TooLong {
        /// The record's type.
        kind: String,
        /// Length of the line.
        len: usize,
    },
    /// What was written does not read back as the same kind of record.
    #[error("failed to write a record of type {kind}: it would not read back")]
    NotReadable {
        /// The record's type.
        kind: String,
    },
}

/// Writes a record as one line, its line feed included, and gives it as it will be read.
///
/// # Errors
/// Refuses what the log does not take (fractions, numbers of 2^53 or more, more than 8 levels, lines over 64 KiB) and
/// anything that would not read back.
pub fn encode_line(draft: &Draft<'_>) -> Result<(Vec<u8>, Entry), EncodeError> {
    let kind = || draft.body.type_name().to_owned();
    let body = serde_json::to_value(draft.body).map_err(|source| EncodeError::Body {
        kind: kind(),
        source: Arc::new(source),
    })?;
    let mut line = envelope(draft);
    for (key, value) in body.as_object().into_iter().flatten() {
        line.push(',');
        json::write_string(key, &mut line);
        line.push(':');
        json::write(value, 2, &mut line).map_err(|source| EncodeError::Value {
            kind: kind(),
            source,
        })?;
    }
    line.push_str(",\"prev\":\"");
    line.push_str(&draft.prev.to_string());
    line.push('"');
    let h = ChainHash::of(line.as_bytes());
    line.push_str(",\"h\":\"");
    line.push_str(&h.to_string());
    line.push_str("\"}");
    if line.len() >= MAX_LINE {
        return Err(EncodeError::TooLong {
            kind: kind(),
            len: line.len() + 1,
        });
    }
    match parse_line(line.as_bytes()) {
        Ok(entry) if !matches!(entry.body, Body::Unknown { .. }) => {
            line.push('\n');
            Ok((line.into_bytes(), entry))
        }
        _ => Err(EncodeError::NotReadable { kind: kind() }),
    }
}

fn envelope(draft: &Draft<'_>) -> String {
    let mut line = format!(
        "{{\"v\":1,\"log\":\"{}\",\"seg\":{},\"n\":{},\"ts\":\"{}\",\"boot_us\":{},\"host\":",
        draft.log,
        draft.seg,
        draft.n,
        draft.ts.to_rfc3339_opts(SecondsFormat::Micros, true),
        draft.boot_us,
    );
    json::write_string(draft.host.raw(), &mut line);
    line.push_str(&format!(",\"uid\":{},\"user\":", draft.uid));
    json::write_string(draft.user.raw(), &mut line);
    line.push_str(&format!(
        ",\"pid\":{},\"sess\":\"{}\"",
        draft.pid, draft.sess
    ));
    line
}

/// The parts of a line that is well-formed and carries its own hash, not yet interpreted.
pub(super) struct Raw<'a> {
    pub log: &'a [u8],
    pub seg: u64,
    pub n: u64,
    pub ts: &'a [u8],
    pub boot_us: u64,
    host: &'a [u8],
    uid: u64,
    user: &'a [u8],
    pid: u64,
    pub sess: &'a [u8],
    /// The type, still escaped.
    pub kind: &'a [u8],
    pub data: &'a [u8],
    /// The bytes `"type":...,"data":{...}`.
    typed: &'a [u8],
    pub prev: ChainHash,
    pub h: ChainHash,
}

/// Takes a line (without its line feed) apart and checks its form and its own hash.
pub(super) fn scan(line: &[u8]) -> Result<Raw<'_>, (usize, Reason)> {
    if line.len() >= MAX_LINE {
        return Err((MAX_LINE, Reason::TooLong));
    }
    let raw = fields(line).map_err(|malformed: Malformed| (malformed.at, Reason::Malformed))?;
    let hashed = line
        .len()
        .checked_sub(SUFFIX)
        .and_then(|end| line.get(..end));
    if hashed.map(ChainHash::of) == Some(raw.h) {
        Ok(raw)
    } else {
        Err((0, Reason::Hash))
    }
}

fn fields(line: &[u8]) -> Result<Raw<'_>, Malformed> {
    let mut at = Cursor::new(line);
    at.literal(b"{\"v\":1,\"log\":")?;
    let log = at.string()?;
    at.literal(b",\"seg\":")?;
    let seg = at.number()?;
    at.literal(b",\"n\":")?;
    let n = at.number()?;
    at.literal(b",\"ts\":")?;
    let ts = at.string()?;
    at.literal(b",\"boot_us\":")?;
    let boot_us = at.number()?;
    at.literal(b",\"host\":")?;
    let host = at.string()?;
    at.literal(b",\"uid\":")?;
    let uid = at.number()?;
    at.literal(b",\"user\":")?;
    let user = at.string()?;
    at.literal(b",\"pid\":")?;
    let pid = at.number()?;
    at.literal(b",\"sess\":")?;
    let sess = at.string()?;
    at.literal(b",")?;
    let typed_from = at.at();
    at.literal(b"\"type\":")?;
    let kind = at.string()?;
    at.literal(b",\"data\":")?;
    let data = at.object(2)?;
    let typed = line.get(typed_from..at.at()).unwrap_or_default();
    at.literal(b",\"prev\":")?;
    let prev = hash(&mut at)?;
    at.literal(b",\"h\":")?;
    let h = hash(&mut at)?;
    at.literal(b"}")?;
    at.end()?;
    Ok(Raw {
        log,
        seg,
        n,
        ts,
        boot_us,
        host,
        uid,
        user,
        pid,
        sess,
        kind,
        data,
        typed,
        prev,
        h,
    })
}

fn hash(at: &mut Cursor<'_>) -> Result<ChainHash, Malformed> {
    let start = at.at();
    ChainHash::parse(at.string()?).ok_or(Malformed { at: start })
}

/// Reads one line (without its line feed) and checks its own hash, but not its place in a chain.
///
/// A type this version does not know, or knows in another form, reads as [`Body::Unknown`].
///
/// # Errors
/// Says where in the line the fault is and what it is.
pub fn parse_line(line: &[u8]) -> Result<Entry, super::Fault> {
    let fault = |(at, reason): (usize, Reason)| super::Fault {
        segment: None,
        offset: at as u64,
        n: None,
        reason,
    };
    scan(line).and_then(|raw| interpret(&raw)).map_err(fault)
}

fn interpret(raw: &Raw<'_>) -> Result<Entry, (usize, Reason)> {
    let bad = |field: &'static str| (0, Reason::Field(field));
    Ok(Entry {
        log: id(raw.log, LogId::parse).ok_or(bad("log"))?,
        seg: raw.seg,
        n: raw.n,
        ts: time(raw.ts).ok_or(bad("ts"))?,
        boot_us: raw.boot_us,
        host: Untrusted::new(unescape(raw.host).ok_or(bad("host"))?),
        uid: raw.uid.try_into().ok().ok_or(bad("uid"))?,
        user: Untrusted::new(unescape(raw.user).ok_or(bad("user"))?),
        pid: raw.pid.try_into().ok().ok_or(bad("pid"))?,
        sess: id(raw.sess, SessionId::parse).ok_or(bad("sess"))?,
        body: body(raw).ok_or(bad("data"))?,
        prev: raw.prev,
        h: raw.h,
    })
}

fn id<T>(text: &[u8], parse: impl Fn(&str) -> Result<T, IdError>) -> Option<T> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| parse(text).ok())
}

/// Reads the one form of time the log has: `2026-11-21T05:23:41.123456Z`.
pub(super) fn time(text: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(text).ok()?;
    let at = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    (at.to_rfc3339_opts(SecondsFormat::Micros, true) == text).then_some(at)
}

fn unescape(inner: &[u8]) -> Option<String> {
    let quoted = [b"\"", inner, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
}

fn body(raw: &Raw<'_>) -> Option<Body> {
    let typed = [b"{", raw.typed, b"}"].concat();
    if let Ok(body) = serde_json::from_slice(&typed) {
        return Some(body);
    }
    Some(Body::Unknown {
        r#type: Untrusted::new(unescape(raw.kind)?),
        data: serde_json::from_slice(raw.data).ok()?,
    })
}
