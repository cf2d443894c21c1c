//! Keys in: what the terminal sends, as messages.
//!
//! The terminal is read on a thread of its own, so that nothing waits for it; a lone ESC waits a moment for what may follow.
//! What must not live here: which bytes are which key (`decode`), what a key means, and any use of pasted text.

use std::fs::File;
use std::io::{self, IsTerminal as _, PipeReader, PipeWriter, Read as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use futures::{Stream, StreamExt as _};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::decode::{Decoder, Read};
use crate::app::message::Message;

/// Reads that may wait: more stay in the terminal.
const QUEUE: usize = 64;

/// Most bytes taken at once.
const CHUNK: usize = 4_096;

/// Whether the terminal said that it knows synchronized updates; clones are the same. Until it says so, it does not.
#[derive(Clone, Debug, Default)]
pub struct Synchronized(Arc<AtomicBool>);

impl Synchronized {
    /// Tells whether it is known.
    pub fn is_known(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, known: bool) {
        self.0.store(known, Ordering::Relaxed);
    }
}

/// Gives what the terminal sends, as it comes; ends when the terminal is gone, or none can be read.
///
/// Nothing is read any more once it is dropped: what is typed then is the shell's. Needs a running tokio runtime with time.
pub fn messages(synchronized: Synchronized) -> impl Stream<Item = Message> + Unpin {
    let (send, bytes) = mpsc::channel(QUEUE);
    // Where there is nothing to read from, the other end of the queue is gone, and the stream ends.
    let stop = keyboard().and_then(|from| {
        let (stopped, stop) = io::pipe()?;
        thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || pump(from, &stopped, &send))?;
        Ok(stop)
    });
    decoded((bytes, stop.ok()), synchronized)
}

/// Gives what bytes mean, as they come.
fn decoded(
    (bytes, stop): (mpsc::Receiver<Vec<u8>>, Option<PipeWriter>),
    synchronized: Synchronized,
) -> impl Stream<Item = Message> + Unpin {
    let begin = (bytes, Decoder::default());
    let reads = futures::stream::unfold(begin, |(mut bytes, mut decoder)| async move {
        let mut out = Vec::new();
        let next = match decoder.wait() {
            None => bytes.recv().await,
            Some(wait) => {
                let waited = tokio::time::timeout(wait, bytes.recv()).await;
                let Ok(next) = waited else {
                    decoder.give_up(&mut out);
                    return Some((out, (bytes, decoder)));
                };
                next
            }
        };
        decoder.take(&next?, &mut out);
        Some((out, (bytes, decoder)))
    });
    let reads = reads.flat_map(futures::stream::iter);
    Box::pin(reads.filter_map(move |read| {
        // It ends the thread when it is dropped.
        let _held = &stop;
        let message = match read {
            Read::Key(chord) => Some(Message::Key(chord)),
            Read::Pasted => Some(Message::Pasted),
            Read::Synchronized(known) => {
                synchronized.set(known);
                None
            }
        };
        std::future::ready(message)
    }))
}

/// Gives the terminal that keys are typed at: standard input, or the controlling one where that is something else.
fn keyboard() -> io::Result<File> {
    let input = io::stdin();
    if input.is_terminal() {
        return Ok(File::from(input.as_fd().try_clone_to_owned()?));
    }
    File::open("/dev/tty")
}

/// Reads until the terminal is gone, nobody listens, or it is told to stop.
fn pump(mut from: File, stopped: &PipeReader, to: &mpsc::Sender<Vec<u8>>) {
    let mut room = [0; CHUNK];
    loop {
        let mut waiting = [
            PollFd::new(&from, PollFlags::IN),
            PollFd::new(stopped, PollFlags::IN),
        ];
        match poll(&mut waiting, None) {
            Err(Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        let [_, stop] = &waiting;
        if !stop.revents().is_empty() {
            return;
        }
        match from.read(&mut room) {
            Ok(0) => return,
            Ok(count) => {
                let bytes = room.get(..count).unwrap_or_default().to_vec();
                if to.blocking_send(bytes).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lone_escape_is_a_key_after_a_moment_and_an_answer_is_none() {
        let (send, bytes) = mpsc::channel(QUEUE);
        let known = Synchronized::default();
        let mut stream = decoded((bytes, None), known.clone());
        assert!(send.send(b"\x1b".to_vec()).await.is_ok());
        let Some(Message::Key(chord)) = stream.next().await else {
            panic!("no key");
        };
        assert_eq!(chord.to_string(), "Esc");
        assert!(!known.is_known());
        for part in ["\x1b[?2026", ";2$y\x1b[200~y\x1b[201~j"] {
            assert!(send.send(part.as_bytes().to_vec()).await.is_ok());
        }
        assert!(matches!(stream.next().await, Some(Message::Pasted)));
        assert!(known.is_known());
        let Some(Message::Key(chord)) = stream.next().await else {
            panic!("no key");
        };
        assert_eq!(chord.to_string(), "j");
        drop(send);
        assert!(stream.next().await.is_none(), "the terminal is gone");
    }
}
