//! Records for the tests of this module.

use chrono::DateTime;

use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::seal::{PublicKey, Standing};
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
            operator: None,
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

fn pair(seed: u8) -> Option<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).ok()
}

/// Gives the public half of a key for tests.
pub(super) fn key(seed: u8) -> PublicKey {
    let public = pair(seed).and_then(|pair| pair.public_key().as_ref().try_into().ok());
    PublicKey(public.unwrap_or([0; 32]))
}

/// Signs with a key for tests.
pub(super) fn sign(seed: u8, text: &str) -> [u8; 64] {
    let signed = pair(seed).and_then(|pair| pair.sign(text.as_bytes()).as_ref().try_into().ok());
    signed.unwrap_or([0; 64])
}

/// Opens a session with the key of a seed.
pub(super) fn open_with(seed: Option<u8>) -> Body {
    Body::SessionOpen {
        version: "1".into(),
        environment: "e".into(),
        mode: "live".into(),
        os_user: "u".into(),
        operator: None,
        config_sha256: "0".into(),
        policy_sha256: None,
        drill: false,
        public_key: seed.map(|seed| key(seed).hex()),
    }
}

/// One step of a log made for a test.
#[expect(clippy::large_enum_variant, reason = "a few of them, in tests")]
pub(super) enum Step {
    /// A record of a session, which is numbered.
    Say(u8, Body),
    /// A checkpoint of a session, signed with the key of a seed.
    Seal(u8, u8),
    /// Minutes that pass.
    Wait(u64),
    /// The host is started anew.
    Restart,
}

/// Writes steps of several sessions as one segment.
pub(super) fn steps(steps: &[Step]) -> Vec<(Vec<u8>, Entry)> {
    let log = LogId::from_parts(DateTime::UNIX_EPOCH, 1);
    let (mut n, mut prev, mut minutes, mut size) = (0, ChainHash::GENESIS, 0, 0);
    let mut started = 0;
    let mut lines: Vec<(Vec<u8>, Entry)> = Vec::new();
    for step in steps {
        let sess = |number: u8| SessionId::from_parts(DateTime::UNIX_EPOCH, u128::from(number));
        let (sess, body) = match step {
            Step::Wait(more) => {
                minutes += more;
                continue;
            }
            Step::Restart => {
                started = minutes * 60_000_000 + n;
                continue;
            }
            Step::Say(number, body) => (sess(*number), body.clone()),
            Step::Seal(number, seed) => {
                let sess = sess(*number);
                let standing = Standing {
                    log: log.as_str(),
                    session: sess.as_str(),
                    n,
                    h: prev,
                    size,
                };
                let signature = sign(*seed, &standing.text());
                let body = standing.checkpoint(&key(*seed), &signature);
                (sess, body)
            }
        };
        n += 1;
        let at = 1_800_000_000_000_000 + minutes * 60_000_000 + n;
        let written = encode_line(&Draft {
            log: &log,
            seg: 1,
            n,
            ts: DateTime::from_timestamp_micros(at.cast_signed()).unwrap_or_default(),
            boot_us: at - started,
            host: &Untrusted::new("bastion"),
            uid: 1000,
            user: &Untrusted::new("ana"),
            pid: 7,
            sess: &sess,
            body: &body,
            prev,
        });
        if let Ok((line, entry)) = written {
            prev = entry.h;
            size += line.len() as u64;
            lines.push((line, entry));
        }
    }
    lines
}
