//! One record as a line: the envelope around a body, written and read.
//!
//! What must not live here: whether a record fits the one before (see `verify`), files.

use std::fmt::Write as _;
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
    let _infallible = write!(line, ",\"uid\":{},\"user\":", draft.uid);
    json::write_string(draft.user.raw(), &mut line);
    let _infallible = write!(line, ",\"pid\":{},\"sess\":\"{}\"", draft.pid, draft.sess);
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
    if hashed.map(ChainHash::of) != Some(raw.h) {
        return Err((0, Reason::Hash));
    }
    match impossible(&raw) {
        Some(field) => Err((0, Reason::Field(field))),
        None => Ok(raw),
    }
}

/// Names a field of the envelope with a value that [`interpret`] does not read: what nobody can read is no record, and must
/// not be passed over as one.
fn impossible(raw: &Raw<'_>) -> Option<&'static str> {
    let is_u32 = |number: u64| u32::try_from(number).is_ok();
    let fields = [
        ("log", is_ulid(raw.log)),
        ("ts", is_time(raw.ts)),
        ("uid", is_u32(raw.uid)),
        ("pid", is_u32(raw.pid)),
        ("sess", is_ulid(raw.sess)),
    ];
    let mut all = fields.into_iter();
    all.find_map(|(field, fits)| (!fits).then_some(field))
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

/// Tells whether a text is an id of ours, as they all are read, at a fraction of the cost: a log has millions of them.
fn is_ulid(text: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    let is_out = |byte: &u8| matches!(byte, b'I' | b'L' | b'O' | b'U');
    text.len() == 26
        && text.first().is_some_and(|first| *first <= b'7')
        && text.iter().all(|byte| is_digit(byte) && !is_out(byte))
}

/// Tells whether [`time`] reads a text, at a fraction of the cost: a log has millions of them.
fn is_time(text: &[u8]) -> bool {
    is_common_time(text) || time(text).is_some()
}

/// Tells whether a text is a time as it is written, of a second that every minute has.
fn is_common_time(text: &[u8]) -> bool {
    const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
    let digit = |byte: u8| byte.is_ascii_digit();
    let fits = text.len() == FORM.len()
        && text
            .iter()
            .zip(FORM)
            .all(|(byte, form)| byte == form || digit(*form) && digit(*byte));
    let number = |from: usize| match text.get(from..from + 2) {
        Some([tens, ones]) => u32::from(tens - b'0') * 10 + u32::from(ones - b'0'),
        _ => u32::MAX,
    };
    fits && (1..=12).contains(&number(5))
        // Days that not every month has are left to the calendar.
        && (1..=28).contains(&number(8))
        && number(11) < 24
        && number(14) < 60
        && number(17) < 60
}

fn unescape(inner: &[u8]) -> Option<String> {
    let quoted = [b"\"", inner, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
}

pub(super) fn body(raw: &Raw<'_>) -> Option<Body> {
    let typed = [b"{", raw.typed, b"}"].concat();
    if let Ok(body) = serde_json::from_slice(&typed) {
        return Some(body);
    }
    Some(Body::Unknown {
        r#type: Untrusted::new(unescape(raw.kind)?),
        data: serde_json::from_slice(raw.data).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::report::{DocumentPosted, DocumentWritten};
    use super::super::samples::chain;
    use super::super::{
        AttackSign, RecoverySaid, RecoveryWord, SignKind, WatchLooked, WatchOver, WatchSeen,
        WatchUntil,
    };
    use super::super::{
        CaseChanged, CaseLeft, CaseRead, CaseSnoozed, CompromiseWindow, Decided, FindingDismissed,
        HoldSet, LikelihoodSet, Observed, Saying, SearchRun, SecretSaid, SecretState,
        SegmentPruned, TimelineSaid, WatchCursor, WatchSuccess,
    };
    use super::super::{
        ChecklistNote, ChecklistOpen, ChecklistPhase, ChecklistText, ChecklistTick, DecisionKind,
        ItemNamed, ItemPart, LogRecovered, OutcomeState, RunbookChoose, RunbookInput, StepSaid,
        TaskState, TickState,
    };
    use super::*;
    use crate::domain::containment::approval::{Ask, GivenAnswer, Say};
    use crate::domain::containment::campaign::CampaignNamed;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::remnant::{Item, RemnantKind};
    use crate::domain::ids::{AccountId, ActionId, CaseId, ConnectionName, PlanId, RecordId};
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    /// One of each type, with the same text everywhere and the options set or not.
    fn all(text: &str, some: bool) -> Vec<Body> {
        let t = || Untrusted::new(text);
        let opt = || some.then(t);
        let Ok(connection) = ConnectionName::parse("okta-prod") else {
            return Vec::new();
        };
        let case = || CaseId::new(connection.clone(), text);
        let account = || AccountId::new(connection.clone(), text);
        let at = DateTime::from_timestamp_nanos(1_800_000_000_000_001_000);
        let date = some.then_some(at);
        let aid = || ActionId::from_parts(at, 1);
        let pid = || PlanId::from_parts(at, 2);
        let rid = || RecordId::from_parts(at, 3);
        let s = || text.to_owned();
        let recovery = |word| {
            Body::Recovery(RecoverySaid {
                case: case(),
                account: account(),
                word,
            })
        };
        let said = || StepSaid {
            phase: t(),
            words: t(),
            text: some.then(s),
            within: some.then(s),
            instead_of: some.then(s),
        };
        let ask = || Ask {
            v: 1,
            plan: pid(),
            hash: s(),
            case: s(),
            host: s(),
            target: s(),
            login: t(),
            kinds: vec![ActionKind::RevokeSessions],
            items: vec![Item::new(RemnantKind::MfaMethod, text, text)],
        };
        vec![
            Body::SessionOpen {
                version: s(),
                environment: s(),
                mode: s(),
                os_user: t(),
                operator: opt(),
                config_sha256: s(),
                policy_sha256: some.then(s),
                drill: some,
                public_key: some.then(s),
            },
            Body::SessionClose { reason: s() },
            Body::LogRecovered(LogRecovered {
                len: 5,
                sha256: s(),
            }),
            Body::SegmentEnd { next: 2 },
            Body::SegmentStart { prev_h: s() },
            Body::ClockJump { seconds: -3600 },
            Body::CaseOpened { case: case() },
            Body::SearchRun(SearchRun {
                connection: connection.clone(),
                account: some.then(account),
                query: t(),
                window_h: 24,
                events: 7,
                truncated: some,
            }),
            Body::CaseChanged(CaseChanged {
                rid: rid(),
                case: case(),
                kind: s(),
                from: t(),
                to: t(),
                comment: opt(),
            }),
            Body::CaseSnoozed(CaseSnoozed {
                case: case(),
                until: date,
                reason: t(),
            }),
            Body::CompromiseWindow(CompromiseWindow {
                case: case(),
                from: at,
                until: date,
            }),
            Body::CaseLeft(CaseLeft {
                case: case(),
                event: opt(),
                step: some.then(s),
            }),
            Body::CaseRead(CaseRead {
                case: case(),
                alerts: 1,
                observables: 2,
                comments: 3,
            }),
            Body::Decision(Decided {
                case: case(),
                account: some.then(account),
                login: t(),
                decision: DecisionKind::MonitorOnly,
                reason: t(),
            }),
            Body::Likelihood(LikelihoodSet {
                case: case(),
                account: Some(account()),
                login: opt(),
                value: s(),
                proposed: Some(s()),
            }),
            Body::TimelineSaid(TimelineSaid {
                case: case(),
                account: some.then(account),
                event: t(),
                at: some.then_some(at),
                what: Saying::Manual,
                text: opt(),
                rid: some.then(rid),
            }),
            Body::Refusal {
                case: case(),
                account: some.then(account),
                login: t(),
                kinds: vec![s(), s()],
                guard: s(),
                reason: t(),
            },
            Body::ChecklistTick(ChecklistTick {
                case: case(),
                runbook: t(),
                step: t(),
                state: TickState::NotApplicable,
                evidence: opt(),
                reason: opt(),
                said: some.then(said),
                answer: some.then_some(true),
            }),
            Body::ChecklistNote(ChecklistNote {
                case: case(),
                runbook: t(),
                step: s(),
                text: t(),
                said: said(),
            }),
            Body::ChecklistOpen(ChecklistOpen {
                case: case(),
                runbook: t(),
                step: s(),
                opened: t(),
                said: said(),
            }),
            Body::ChecklistText(ChecklistText {
                runbook: t(),
                text: s(),
                steps: vec![s(), s()],
            }),
            Body::ChecklistPhase(ChecklistPhase {
                case: case(),
                runbook: t(),
                within: some.then(s),
                phase: t(),
                closed: some,
                waived: vec![s()],
                reason: opt(),
            }),
            Body::RunbookChoose(RunbookChoose {
                case: case(),
                runbook: t(),
                why: t(),
                by_hand: some,
            }),
            Body::RunbookInput(RunbookInput {
                case: case(),
                name: t(),
                value: t(),
            }),
            Body::TaskState(TaskState {
                case: case(),
                marker: s(),
                task: t(),
                status: t(),
                by: opt(),
                changed_ms: 5,
                wished: some,
            }),
            Body::ActionPlan {
                pid: pid(),
                aid: aid(),
                order: 1,
                kind: s(),
                case: case(),
                account: account(),
                login: t(),
                snapshot: json!({ "a": [text, null, true, -1], "groups": [{ "id": text }] }),
                server_date: date,
                guards: vec![s()],
                plan_hash: s(),
                expires: at,
            },
            Body::ActionConfirm {
                pid: pid(),
                aid: aid(),
                how: s(),
                plan_hash: s(),
                dry_run: some,
                operator: opt(),
            },
            Body::ActionIntent {
                aid: aid(),
                attempt: 1,
                method: s(),
                host: s(),
                path: t(),
                body_sha256: s(),
                request_id: s(),
                server_date: date,
                password_changed: None,
                valid_from: None,
                deadline: at,
            },
            Body::ActionAck {
                aid: aid(),
                attempt: 1,
                status: 200,
                request_id: opt(),
                server_date: date,
            },
            Body::ActionRejected {
                aid: aid(),
                attempt: 1,
                status: 403,
                reason: t(),
            },
            Body::ActionNotSent {
                aid: aid(),
                attempt: 1,
                reason: t(),
            },
            Body::ActionUnknown {
                aid: aid(),
                attempt: 1,
                reason: t(),
            },
            Body::ActionObserve(Observed {
                aid: aid(),
                evidence: t(),
                matches: some.then_some(true),
                reads: 2,
                used: opt(),
                effect_at: some.then_some(at),
            }),
            Body::ActionOutcome {
                aid: aid(),
                state: OutcomeState::NotEffective,
                evidence: t(),
                seconds: some.then_some(9),
            },
            Body::ActionAdopt {
                aid: aid(),
                owner_pid: 1,
            },
            Body::ActionResolve {
                aid: aid(),
                how: s(),
                reason: t(),
            },
            Body::ActionDoc {
                pid: pid(),
                aids: vec![aid()],
                case: case(),
                comment: t(),
            },
            Body::ActionSecret(SecretSaid {
                aid: aid(),
                state: if some {
                    SecretState::Waits
                } else {
                    SecretState::Lost
                },
            }),
            Body::RecordIntent {
                rid: rid(),
                kind: s(),
                case: case(),
                marker: s(),
                sha256: s(),
                phase: some.then(s),
            },
            Body::RecordDone {
                rid: rid(),
                id: t(),
            },
            Body::RecordFailed {
                rid: rid(),
                reason: t(),
                taken: opt(),
            },
            Body::Checkpoint {
                n: 1,
                h: s(),
                size: 2,
                note: s(),
            },
            Body::SegmentPruned(SegmentPruned {
                segment: 1,
                n: 2,
                h: s(),
            }),
            Body::HoldSet(HoldSet {
                case: case(),
                account: account(),
                login: t(),
                owner: t(),
                until: date,
                how: s(),
                reason: opt(),
            }),
            Body::FindingDismissed(FindingDismissed {
                case: case(),
                account: some.then(account),
                rule: s(),
                event: t(),
                dismissed: some,
                reason: t(),
            }),
            Body::WatchSuccess(WatchSuccess {
                case: case(),
                account: account(),
                connection: account().connection,
                event: t(),
                at,
                action: t(),
                address: opt(),
            }),
            Body::WatchCursor(WatchCursor {
                account: account(),
                connection: account().connection,
                upto: at,
            }),
            recovery(RecoveryWord::Until(WatchUntil {
                aid: aid(),
                login: t(),
                owner: t(),
                until: at,
                how: s(),
                reason: opt(),
                looked: date,
            })),
            recovery(RecoveryWord::Signs(vec![AttackSign {
                kind: SignKind::Address,
                value: t(),
            }])),
            recovery(RecoveryWord::Seen(WatchSeen {
                aid: aid(),
                thing: s(),
                source: s(),
                key: t(),
                at,
                text: t(),
                address: opt(),
            })),
            recovery(RecoveryWord::Looked(WatchLooked {
                aid: aid(),
                source: s(),
                missed: opt(),
                kinds: vec![RemnantKind::MfaMethod],
                items: vec![s()],
            })),
            recovery(RecoveryWord::Over(WatchOver {
                aid: aid(),
                text: t(),
                well: some,
            })),
            Body::DocumentWritten(DocumentWritten {
                rid: rid(),
                case: case(),
                kind: s(),
                name: t(),
                by: t(),
                part: 0,
                parts: 1,
                text: t(),
            }),
            Body::DocumentPosted(DocumentPosted {
                rid: rid(),
                comment: t(),
            }),
            Body::Note {
                case: case(),
                text: t(),
                operator: opt(),
            },
            Body::ApprovalRequested {
                pid: pid(),
                aids: vec![aid()],
                ask: ask(),
                reasons: vec![s()],
                requester: t(),
                requester_login: t(),
                expires: at,
            },
            Body::Approval {
                pid: pid(),
                asked: pid(),
                plan_hash: s(),
                approver: t(),
                approver_login: t(),
                comment: t(),
                at,
            },
            Body::ApprovalDenied {
                pid: pid(),
                aids: vec![aid()],
                by: t(),
                comment: t(),
            },
            Body::ApprovalGiven(GivenAnswer {
                case: case(),
                ask: ask(),
                request: t(),
                say: if some { Say::Approve } else { Say::Deny },
                account: account(),
                approver: t(),
            }),
            Body::ActionCampaign(CampaignNamed {
                pid: pid(),
                campaign: s(),
            }),
            Body::ActionItem(ItemNamed {
                pid: pid(),
                aid: aid(),
                item: Item::new(RemnantKind::OauthGrant, text, text),
                since: date,
                before: t(),
            }),
            Body::ActionBefore(ItemPart {
                aid: aid(),
                part: 1,
                of: 2,
                text: t(),
            }),
        ]
    }

    #[rstest]
    #[case(true)]
    #[case(false)]
    fn every_type_reads_back_as_it_was_written(#[case] some: bool) {
        let bodies = all("\u{1b}]0;\u{7}\u{202e}\u{e0041}\r\n\0\"}\\ \u{1f600}", some);
        let lines = chain(&bodies);
        assert_eq!(lines.len(), bodies.len());
        for ((line, entry), body) in lines.iter().zip(&bodies) {
            assert_eq!(&entry.body, body);
            assert_eq!(
                line.strip_suffix(b"\n").map(parse_line),
                Some(Ok(entry.clone()))
            );
            let written: Value = serde_json::from_slice(line).unwrap_or_default();
            assert_eq!(written["type"], body.type_name());
            assert!(written["data"].is_object());
            assert!(super::super::TYPES.contains(&body.type_name()));
        }
    }

    #[test]
    fn the_line_has_the_pinned_form() {
        let (line, _) = chain(&[Body::SessionClose {
            reason: "quit".into(),
        }])
        .remove(0);
        // The hash was computed by another program over the bytes before `,"h":`.
        let expected = concat!(
            r#"{"v":1,"log":"00000000000000000000000001","seg":1,"n":1,"ts":"2027-01-15T08:00:00.123456Z","#,
            r#""boot_us":1,"host":"bastion\u202e","uid":1000,"user":"ana\"\\","pid":7,"#,
            r#""sess":"00000000000000000000000002","type":"session.close","data":{"reason":"quit"},"prev":""#,
            "0000000000000000000000000000000000000000000000000000000000000000",
            r#"","h":"5cfb9325e0341f3715d568751faea7cfd760a196a980b5d0859f0a29d69096db"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8_lossy(&line), expected);
    }

    #[test]
    fn long_text_is_kept_as_hash_length_and_head() {
        let long = "ab\u{1b}".repeat(2000);
        let mut notes = all(&long, true);
        notes.retain(|body| matches!(body, Body::Note { .. }));
        let (line, entry) = chain(&notes).remove(0);
        // The case id is as long as the text, and an id is never cut.
        assert!(line.len() > 16_000);
        let Body::Note { case, text, .. } = entry.body else {
            return assert_eq!(1, 2, "no note");
        };
        assert_eq!(case.raw(), long);
        assert!(text.raw().starts_with("ab\u{1b}ab"));
        let sha = super::super::sha256_hex(long.as_bytes());
        assert!(
            text.raw()
                .ends_with(&format!("[cut: 6000 bytes, sha256 {sha}]"))
        );
    }

    #[test]
    fn a_line_that_would_be_too_long_is_refused() {
        let body = Body::SessionClose {
            reason: "x".repeat(70_000),
        };
        assert!(chain(&[body]).is_empty());
    }

    #[rstest]
    #[case(json!(0.5))]
    #[case(json!(9_007_199_254_740_992_u64))]
    #[case(json!([[[[[[[1]]]]]]]))]
    fn values_the_log_does_not_take_are_refused(#[case] snapshot: Value) {
        let plan = all("x", true).into_iter().find_map(|body| match body {
            Body::ActionPlan {
                pid,
                aid,
                order,
                kind,
                case,
                account,
                login,
                guards,
                plan_hash,
                expires,
                ..
            } => Some(Body::ActionPlan {
                pid,
                aid,
                order,
                kind,
                case,
                account,
                login,
                guards,
                plan_hash,
                expires,
                snapshot: snapshot.clone(),
                server_date: None,
            }),
            _ => None,
        });
        assert!(plan.is_some());
        assert_eq!(plan.map(|plan| chain(&[plan]).len()), Some(0));
    }

    #[test]
    fn what_was_not_understood_is_not_written() {
        let unknown = Body::Unknown {
            r#type: "x".into(),
            data: json!({}),
        };
        assert!(chain(&[unknown]).is_empty());
    }

    #[test]
    fn an_unknown_type_is_verified_and_not_interpreted() {
        let (line, _) = chain(&[Body::SessionClose {
            reason: "quit".into(),
        }])
        .remove(0);
        let text = String::from_utf8_lossy(&line).replace("session.close", "session.pause");
        let Some((hashed, _)) = text.split_once(",\"h\":") else {
            return assert_eq!(1, 2);
        };
        let line = format!("{hashed},\"h\":\"{}\"}}", ChainHash::of(hashed.as_bytes()));
        let read = parse_line(line.as_bytes()).map(|entry| entry.body);
        let data = json!({ "reason": "quit" });
        assert_eq!(
            read,
            Ok(Body::Unknown {
                r#type: "session.pause".into(),
                data
            })
        );
    }

    #[test]
    fn a_known_type_in_another_form_says_that_it_was_misread() {
        let unknown = |kind: &str| Body::Unknown {
            r#type: kind.into(),
            data: json!({}),
        };
        assert!(unknown("action.intent").is_misread());
        assert!(!unknown("session.pause").is_misread());
        let all = all("x", true);
        let types: std::collections::BTreeSet<&str> = all.iter().map(Body::type_name).collect();
        assert_eq!(super::super::TYPES.len(), types.len());
    }

    #[rstest]
    #[case::log(
        "\"log\":\"00000000000000000000000001\"",
        "\"log\":\"80000000000000000000000001\"",
        "log"
    )]
    #[case::no_month("2027-01-15T", "2027-13-15T", "ts")]
    #[case::no_day("2027-01-15T", "2027-02-29T", "ts")]
    #[case::no_hour("T08:", "T24:", "ts")]
    #[case::user("\"uid\":1000", "\"uid\":4294967296", "uid")]
    #[case::process("\"pid\":7", "\"pid\":9007199254740991", "pid")]
    #[case::session("\"sess\":\"00000000000000000000000002\"", "\"sess\":\"x\"", "sess")]
    #[case::session_in_lower_case("0002\",\"type\"", "000a\",\"type\"", "sess")]
    fn what_nobody_can_read_is_no_record(
        #[case] from: &str,
        #[case] to: &str,
        #[case] field: &'static str,
    ) {
        let body = Body::SessionClose {
            reason: "quit".into(),
        };
        let (line, _) = chain(&[body]).remove(0);
        let text = String::from_utf8_lossy(&line).replacen(from, to, 1);
        let Some((hashed, _)) = text.split_once(",\"h\":") else {
            return assert_eq!(1, 2);
        };
        let line = format!("{hashed},\"h\":\"{}\"}}", ChainHash::of(hashed.as_bytes()));
        let scanned = scan(line.as_bytes()).map(|raw| raw.n);
        assert_eq!(scanned, Err((0, Reason::Field(field))));
        // Whoever verifies and whoever reads say the same of it.
        let read = parse_line(line.as_bytes()).map_err(|fault| fault.reason);
        assert_eq!(read, Err(Reason::Field(field)));
    }

    #[test]
    fn times_have_one_form() {
        assert!(time(b"2026-11-21T05:23:41.123456Z").is_some());
        for other in [
            "2026-11-21T05:23:41Z",
            "2026-11-21T05:23:41.123456+00:00",
            "x",
            "",
        ] {
            assert_eq!(time(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        /// The quick way and the calendar say the same of whatever may stand there.
        #[test]
        fn a_time_is_one_by_the_quick_way_when_it_is_one_by_the_calendar(
            fields in prop::collection::vec(0u32..62, 5),
            year in prop_oneof![Just(0u32), 1890..2110u32, Just(9999)],
            micros in 0u32..1_000_000,
            spoilt in prop::option::of((0usize..27, 0x20u8..0x7F)),
        ) {
            let [month, day, hour, minute, second] = fields.try_into().unwrap_or_default();
            let (month, day, hour) = (month % 14, day % 33, hour % 26);
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
            let mut text = text.into_bytes();
            if let Some((at, byte)) = spoilt {
                text[at] = byte;
            }
            prop_assert_eq!(is_time(&text), time(&text).is_some());
            for cut in 0..text.len() {
                prop_assert!(!is_time(&text[..cut]));
            }
        }

        /// The quick way and the id itself say the same of whatever may stand there.
        #[test]
        fn an_id_is_one_by_the_quick_way_when_it_is_read_as_one(
            text in "[0-9A-Z]{25,27}|[ -~]{26}|[0-9][0-9A-HJKMNP-TV-Z]{25}",
        ) {
            prop_assert_eq!(is_ulid(text.as_bytes()), LogId::parse(&text).is_ok());
            prop_assert_eq!(is_ulid(text.as_bytes()), SessionId::parse(&text).is_ok());
        }

        #[test]
        fn hostile_text_is_ascii_on_disk_and_unaltered_when_read(text in any::<String>()) {
            prop_assume!(super::super::json::escaped_len(&text) <= 4096);
            let bodies = all(&text, true);
            let lines = chain(&bodies);
            prop_assert_eq!(lines.len(), bodies.len());
            for ((line, entry), body) in lines.iter().zip(&bodies) {
                prop_assert_eq!(&entry.body, body);
                let (end, inner) = line.split_last().unwrap_or((&0, &[]));
                prop_assert_eq!(*end, b'\n');
                prop_assert!(inner.iter().all(|b| (0x20..=0x7e).contains(b)));
            }
        }
    }
}
