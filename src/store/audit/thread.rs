//! The one thread that writes: takes what is waiting, writes it together, syncs and seals what is due.
//!
//! What must not live here: how it is written (see `writer`).

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::Condition;
use super::error::StoreError;
use super::writer::Writer;
use crate::domain::audit::{Body, Entry};

/// Appends that are written together at most.
const TOGETHER: usize = 64;
/// How long class B may wait for its sync.
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
pub(super) fn start(writer: Writer, requests: Receiver<Request>) -> Result<(), StoreError> {
    thread::Builder::new()
        .name("audit".into())
        .spawn(move || run(writer, &requests))
        .map(drop)
        .map_err(StoreError::io(
            "start the thread of",
            Path::new("audit log"),
        ))
}

fn run(mut writer: Writer, requests: &Receiver<Request>) {
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
                serve(&mut writer, group);
                sync_by = match sync_by {
                    _ if !writer.is_unsynced() => None,
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
                if sync_by.is_some_and(|by| by <= now) || !writer.is_unsynced() {
                    writer.sync();
                    sync_by = None;
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                writer.sync();
                return;
            }
        }
    }
}

/// Serves requests in their order; one with a condition alone, so that it sees all that stands before it.
fn serve(writer: &mut Writer, group: Vec<Request>) {
    let mut together: Vec<(Vec<Body>, Answer)> = Vec::new();
    for request in group {
        match request.condition {
            None => together.push((request.bodies, request.answer)),
            Some(condition) => {
                serve_together(writer, std::mem::take(&mut together));
                (request.answer)(writer.append_if(request.bodies, condition));
            }
        }
    }
    serve_together(writer, together);
}

fn serve_together(writer: &mut Writer, group: Vec<(Vec<Body>, Answer)>) {
    if group.is_empty() {
        return;
    }
    let (batches, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    for (answer, result) in answers.into_iter().zip(writer.append(&batches)) {
        answer(result);
    }
}
