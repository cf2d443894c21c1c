//! What an answer to a send means, recorded before anybody is told.
//!
//! What must not live here: sending.

use super::super::World;
use super::super::journal::own;
use super::halt::never_left;
use crate::app::message::Level;
use crate::connect::capability::{Accepted, ConnectError, ConnectErrorKind};
use crate::domain::audit::{Body, Observed};
use crate::domain::containment::confirm::ConfirmedAction;
use crate::domain::fault::Fault;
use crate::safe;

/// Shortest and longest wait before the one send more, whatever the provider asks for: replicas may show what was before for a
/// while, and the look before that send is to see what a put-off one did all the same.
const THROTTLE_MIN: u64 = 5;
const THROTTLE_MAX: u64 = 120;

pub(super) fn silent(action: &ConfirmedAction) -> ConnectError {
    ConnectError {
        kind: ConnectErrorKind::Unknown,
        what: safe!("{}: no answer in time", action.kind().word()),
        hint: None,
        status: None,
        request_id: None,
    }
}

/// What an answer means for the send.
pub(super) enum Answer {
    /// Certainly no effect, and recorded so.
    Nothing,
    /// It may have had its effect.
    Perhaps,
    /// Refused, whatever the state: no effect, unless a copy of it was carried out before. Read back for that.
    Denied,
    /// Not executed for the rate; wait so many seconds.
    Again(u64),
}

/// Records an answer and says what it means.
pub(super) async fn answered(
    world: &World,
    action: &ConfirmedAction,
    attempt: u32,
    answer: Result<Accepted, ConnectError>,
) -> Answer {
    let aid = action.aid().clone();
    let (bodies, meaning) = match answer {
        Ok(accepted) => (
            vec![Body::ActionAck {
                aid,
                attempt,
                status: accepted.status,
                request_id: accepted.request_id,
                server_date: accepted.server_date,
            }],
            Answer::Perhaps,
        ),
        Err(error) => {
            let reason = own(error.what.as_str());
            let status = error.status.unwrap_or_default();
            match error.kind {
                // What is put off twice is refused; a copy of it may have been carried out.
                ConnectErrorKind::Throttled(_) if attempt > 1 => (
                    vec![Body::ActionRejected {
                        aid,
                        attempt,
                        status,
                        reason: own(format!(
                            "asked twice to be asked later: {reason}",
                            reason = error.what
                        )),
                    }],
                    Answer::Denied,
                ),
                ConnectErrorKind::Throttled(wait) => {
                    let wait = wait.clamp(THROTTLE_MIN, THROTTLE_MAX);
                    // It stays unfinished: a crash during the wait must find it and read it back.
                    let told = format!(
                        "{reason}; put off by that, to be sent once more after {wait} s",
                        reason = error.what
                    );
                    let observed = Body::ActionObserve(Observed {
                        aid,
                        evidence: own(told),
                        matches: None,
                        reads: 0,
                        used: None,
                        effect_at: None,
                    });
                    (vec![observed], Answer::Again(wait))
                }
                ConnectErrorKind::NotSent => (
                    vec![
                        Body::ActionNotSent {
                            aid: aid.clone(),
                            attempt,
                            reason,
                        },
                        never_left(&aid, attempt, &error.what, error.what.as_str().to_owned()),
                    ],
                    // The one before it left, whatever was said of it.
                    if attempt > 1 {
                        Answer::Denied
                    } else {
                        Answer::Nothing
                    },
                ),
                // A gateway may refuse what it passed on, and a network deliver a request twice: the state has the last word.
                ConnectErrorKind::Denied | ConnectErrorKind::NotFound => (
                    vec![Body::ActionRejected {
                        aid,
                        attempt,
                        status,
                        reason,
                    }],
                    Answer::Denied,
                ),
                // Refused for the state it is in: what the state is decides, so it is read back first.
                ConnectErrorKind::Rejected => (
                    vec![Body::ActionRejected {
                        aid,
                        attempt,
                        status,
                        reason,
                    }],
                    Answer::Perhaps,
                ),
                ConnectErrorKind::Unknown | ConnectErrorKind::Malformed => (
                    vec![Body::ActionUnknown {
                        aid,
                        attempt,
                        reason,
                    }],
                    Answer::Perhaps,
                ),
            }
        }
    };
    if let Err(fault) = world.record_of(action.aid(), bodies).await {
        let line = safe!(
            "the answer to {} could not be recorded: {}",
            action.kind().word(),
            fault.what
        );
        world
            .notice(
                Level::Alarm,
                Fault {
                    what: line,
                    hint: fault.hint,
                },
            )
            .await;
    }
    meaning
}
