//! Records for the tests of this module.

use chrono::DateTime;

use super::{Body, ChainHash, Draft, Entry, encode_line};
use crate::domain::ids::{LogId, SessionId};
use crate::domain::text::Untrusted;

/// Writes bodies as one chain of lines in segment 1, starting with record 1.
pub(super) fn chain(bodies: &[Body]) -> Vec<(Vec<u8>, Entry)> {
    chain_from(bodies, 1, 0, ChainHash::GENESIS)
}

/// Writes bodies as lines of a segment that follow a record.
pub(super) fn chain_from(
    bodies: &[Body],
    seg: u64,
    after: u64,
    mut prev: ChainHash,
) -> Vec<(Vec<u8>, Entry)> {
    let log = LogId::from_parts(DateTime::UNIX_EPOCH, 1);
    let sess = SessionId::from_parts(DateTime::UNIX_EPOCH, 2);
    let (host, user) = (Untrusted::new("bastion\u{202e}"), Untrusted::new("ana\"\\"));
    let mut lines = Vec::new();
    for (n, body) in (after + 1..).zip(bodies) {
        let written = encode_line(&Draft {
            log: &log,
            seg,
            n,
            ts: DateTime::from_timestamp_nanos(1_800_000_000_123_456_000 + n.cast_signed()),
            boot_us: n,
            host: &host,
            uid: 1000,
            user: &user,
            pid: 7,
            sess: &sess,
            body,
            prev,
        });
        if let Ok((line, entry)) = written {
            prev = entry.h;
            lines.push((line, entry));
        }
    }
    lines
}

/// Twenty notes and refusals of text as attackers write it.
pub(super) fn twenty() -> Vec<Body> {
    let case = crate::domain::ids::ConnectionName::parse("hive");
    let Ok(connection) = case else {
        return Vec::new();
    };
    (0..20)
        .map(|i| Body::Note {
            case: crate::domain::ids::CaseId::new(connection.clone(), format!("~{i}")),
            text: Untrusted::new(format!("\u{1b}]0;x\u{7}\u{9b}31m \"}} {i} \u{1f600}\u{0}")),
        })
        .collect()
}

/// Joins lines.
pub(super) fn bytes(lines: &[(Vec<u8>, Entry)]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|(line, _)| line.iter().copied())
        .collect()
}
