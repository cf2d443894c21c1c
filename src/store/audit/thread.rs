//! The one thread that writes: takes what is waiting, writes it together, syncs and seals what is due.
//!
//! The head of the log is remembered before an append of class A is answered, so that a log which is cut back right after
//! it is found out, also where its writer was killed. What must not live here: how it is written (see `writer`).

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::Condition;
use super::error::StoreError;
use super::heads::Heads;
use super::writer::Writer;
use crate::domain::audit::{Body, Class, Entry};

/// Appends that are written together at most.
const TOGETHER: usize = 64;
/// How long class B may wait for its sync, and the name of the remembered head for its own.
const CLASS_B: Duration = Duration::from_millis(900);

type Answer = Box<dyn FnOnce(Result<Vec<Entry>, StoreError>) + Send>;

/// One append, and whom to tell.
pub(super) struct Request {
    pub bodies: Vec<Body>,
    /// Judged under the lock; refuses the append.
    pub condition: Option<Condition>,
    pub answer: Answer,
}

/// Starts the thread; it ends when the last sender is gone.
pub(super) fn start(
    writer: Writer,
    heads: Heads,
    requests: Receiver<Request>,
) -> Result<(), StoreError> {
    thread::Builder::new()
        .name("audit".into())
        .spawn(move || run(writer, &heads, &requests))
        .map(drop)
        .map_err(StoreError::io(
            "start the thread of",
            Path::new("audit log"),
        ))
}

fn run(mut writer: Writer, heads: &Heads, requests: &Receiver<Request>) {
    let mut sync_by: Option<Instant> = None;
    loop {
        let wake = [sync_by, writer.seal_by()].into_iter().flatten().min();
        let next = match wake {
            None => requests.recv().map_err(RecvTimeoutError::from),
            Some(by) => requests.recv_timeout(by.saturating_duration_since(Instant::now())),
        };
        match next {
            Ok(first) => {
                let mut group = vec![first];
                group.extend(requests.try_iter().take(TOGETHER - 1));
                serve(&mut writer, heads, group);
                sync_by = match sync_by {
                    _ if !writer.is_unsynced() && !heads.is_unsettled() => None,
                    Some(by) => Some(by),
                    None => Some(Instant::now() + CLASS_B),
                };
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                // A checkpoint is synced, and with it what was written before.
                if writer.seal_by().is_some_and(|by| by <= now) {
                    writer.seal();
                }
                if sync_by.is_some_and(|by| by <= now) {
                    writer.sync();
                    heads.settle();
                    sync_by = None;
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                writer.sync();
                heads.settle();
                return;
            }
        }
    }
}

/// Serves requests in their order; one with a condition alone, so that it sees all that stands before it.
fn serve(writer: &mut Writer, heads: &Heads, group: Vec<Request>) {
    let mut together: Vec<(Vec<Body>, Answer)> = Vec::new();
    for request in group {
        match request.condition {
            None => together.push((request.bodies, request.answer)),
            Some(condition) => {
                serve_together(writer, heads, std::mem::take(&mut together));
                let waits = is_waited_for(&request.bodies);
                let result = writer.append_if(request.bodies, condition);
                if waits && result.is_ok() {
                    heads.keep();
                }
                (request.answer)(result);
            }
        }
    }
    serve_together(writer, heads, together);
}

fn serve_together(writer: &mut Writer, heads: &Heads, group: Vec<(Vec<Body>, Answer)>) {
    if group.is_empty() {
        return;
    }
    let (batches, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    let results = writer.append(&batches);
    let mut all = batches.iter().zip(&results);
    // Once for all that was written together.
    if all.any(|(bodies, result)| result.is_ok() && is_waited_for(bodies)) {
        heads.keep();
    }
    for (answer, result) in answers.into_iter().zip(results) {
        answer(result);
    }
}

/// Tells whether something goes on only when these records are on the disk: an intent, an answer, a last word.
fn is_waited_for(bodies: &[Body]) -> bool {
    bodies.iter().any(|body| body.class() == Class::A)
}
