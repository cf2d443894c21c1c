//! Keys in: what the terminal sends, as messages.
//!
//! The terminal is read on a thread of its own, so that nothing waits for it; a lone ESC waits a moment for what may follow.
//! What comes in one piece is told as such: by the time of the read, since what is done with it may take its own time.
//! What must not live here: which bytes are which key (`decode`), what a key means, and any use of pasted text.

use std::fs::File;
use std::io::{self, IsTerminal as _, PipeReader, PipeWriter, Read as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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

/// Bytes that follow others so soon are one piece with them: no hand presses two keys in that time, one after another, and a
/// serial line of 9,600 baud needs one millisecond for each.
const TOGETHER: Duration = Duration::from_millis(5);

/// Bytes, and when they were read.
type Piece = (Instant, Vec<u8>);

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
    (bytes, stop): (mpsc::Receiver<Piece>, Option<PipeWriter>),
    synchronized: Synchronized,
) -> impl Stream<Item = Message> + Unpin {
    let begin = (bytes, Decoder::default(), None::<Instant>);
    let reads = futures::stream::unfold(begin, |(mut bytes, mut decoder, before)| async move {
        let mut out = Vec::new();
        let next = match decoder.wait() {
            None => bytes.recv().await,
            Some(wait) => {
                let waited = tokio::time::timeout(wait, bytes.recv()).await;
                let Ok(next) = waited else {
                    decoder.give_up(&mut out);
                    return Some((alone(out), (bytes, decoder, before)));
                };
                next
            }
        };
        let (at, piece) = next?;
        let follows = before.is_some_and(|before| at.duration_since(before) <= TOGETHER);
        decoder.take(&piece, &mut out);
        let keys = |read: &&Read| matches!(read, Read::Key(_));
        let mut came = match out.iter().filter(keys).count() {
            _ if follows => Came::After,
            0 | 1 => Came::Alone,
            _ => Came::First,
        };
        let told = out.into_iter().map(|read| {
            let this = came;
            if matches!(read, Read::Key(_)) {
                came = Came::After;
            }
            (read, this)
        });
        Some((told.collect(), (bytes, decoder, Some(at))))
    });
    let reads = reads.flat_map(futures::stream::iter);
    Box::pin(reads.filter_map(move |(read, came)| {
        // It ends the thread when it is dropped.
        let _held = &stop;
        let message = match read {
            Read::Key(chord) => Some(match came {
                Came::Alone => Message::Key(chord),
                Came::First => Message::Bunched { chord, first: true },
                Came::After => Message::Bunched {
                    chord,
                    first: false,
                },
            }),
            Read::Pasted => Some(Message::Pasted),
            Read::Synchronized(known) => {
                synchronized.set(known);
                None
            }
        };
        std::future::ready(message)
    }))
}

/// How a key came.
#[derive(Clone, Copy)]
enum Came {
    /// By itself.
    Alone,
    /// As the first of a piece.
    First,
    /// In one piece with the key before it.
    After,
}

/// Says of what was read that it came by itself.
fn alone(reads: Vec<Read>) -> Vec<(Read, Came)> {
    reads.into_iter().map(|read| (read, Came::Alone)).collect()
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
fn pump(mut from: File, stopped: &PipeReader, to: &mpsc::Sender<Piece>) {
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
                if to.blocking_send((Instant::now(), bytes)).is_err() {
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
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        assert!(send.send((at(0), b"\x1b".to_vec())).await.is_ok());
        let Some(Message::Key(chord)) = stream.next().await else {
            panic!("no key");
        };
        assert_eq!(chord.to_string(), "Esc");
        assert!(!known.is_known());
        for (ms, part) in [
            (100, "\x1b[?2026"),
            (200, ";2$y\x1b[200~y\x1b[201~"),
            (300, "j"),
        ] {
            assert!(send.send((at(ms), part.as_bytes().to_vec())).await.is_ok());
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

    #[tokio::test]
    async fn what_comes_in_one_piece_is_told_apart_from_what_a_hand_types() {
        let (send, bytes) = mpsc::channel(QUEUE);
        let stream = decoded((bytes, None), Synchronized::default());
        let begun = Instant::now();
        // Typed, with a quick roll; pasted in one read; pasted in pieces over a serial line; one key more.
        for (ms, part) in [
            (0, "a"),
            (30, "b"),
            (150, "c"),
            (180, "def"),
            (300, "g"),
            (305, "h"),
            (306, "i\x1b[A"),
            (312, "j"),
        ] {
            let at = begun + Duration::from_millis(ms);
            assert!(send.send((at, part.as_bytes().to_vec())).await.is_ok());
        }
        drop(send);
        let told = stream.map(|message| match message {
            Message::Key(chord) => chord.to_string(),
            Message::Bunched { chord, first: true } => format!("<{chord}"),
            Message::Bunched { chord, .. } => format!("+{chord}"),
            other => format!("{other:?}"),
        });
        let told: Vec<String> = told.collect().await;
        assert_eq!(told.join(" "), "a b c <d +e +f g +h +i +Up j");
    }
}
