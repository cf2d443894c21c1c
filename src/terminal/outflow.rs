//! The way out to a terminal that may be slow: whole frames go to a thread that writes them, so that a line that is
//! blocked keeps neither keys nor the rest of the program waiting.
//!
//! At most one frame waits beside the one being written; whoever draws asks first whether there is room. What must not
//! live here: what the bytes are.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for a terminal that takes nothing any more, when the program ends.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// A writer whose `flush` hands everything to the thread and comes back at once.
#[derive(Debug)]
pub struct Outflow {
    bytes: Vec<u8>,
    line: Line,
}

/// What the thread has to do and how it is; clones are the same line.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    failed: Option<io::ErrorKind>,
    closed: bool,
}

impl Outflow {
    /// Starts the thread over a writer.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let line = Line::default();
        let own = line.clone();
        thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || own.pump(&mut out))?;
        Ok(Self {
            bytes: Vec::new(),
            line,
        })
    }

    /// Gives the line, to ask how it is.
    pub fn line(&self) -> Line {
        self.line.clone()
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether everything handed over so far has left.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && !state.writing
    }

    /// Waits until everything has left, two seconds at most.
    pub fn settle(&self) {
        let end = Instant::now() + LAST_WAIT;
        let mut state = self.lock();
        while (state.writing || !state.waiting.is_empty()) && state.failed.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .0
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Writes what comes, until the writer fails or nobody can hand over any more.
    fn pump(&self, out: &mut impl Write) {
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() && !state.closed {
                state = self
                    .0
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.waiting.is_empty() {
                return;
            }
            let bytes = std::mem::take(&mut state.waiting);
            state.writing = true;
            drop(state);
            let written = out.write_all(&bytes).and_then(|()| out.flush());
            let mut state = self.lock();
            state.writing = false;
            if let Err(error) = &written {
                state.failed = Some(error.kind());
                state.waiting.clear();
            }
            self.0.changed.notify_all();
            if written.is_err() {
                return;
            }
        }
    }
}

impl Write for Outflow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Hands everything over.
    ///
    /// # Errors
    /// When an earlier write failed: the terminal is gone.
    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.line.lock();
        if let Some(kind) = state.failed {
            return Err(kind.into());
        }
        state.waiting.append(&mut self.bytes);
        self.line.0.changed.notify_all();
        Ok(())
    }
}

impl Drop for Outflow {
    fn drop(&mut self) {
        self.line.lock().closed = true;
        self.line.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A line that takes nothing until it is told to.
    struct Blocked {
        go: mpsc::Receiver<()>,
        seen: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.go.recv().is_err() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.seen.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn blocked() -> io::Result<(Outflow, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>)> {
        let ((let_go, go), (seen, sent)) = (mpsc::channel(), mpsc::channel());
        Ok((Outflow::start(Blocked { go, seen })?, let_go, sent))
    }

    #[test]
    fn a_blocked_line_keeps_nobody_waiting() -> io::Result<()> {
        let (mut out, go, sent) = blocked()?;
        assert!(out.line().is_idle());
        out.write_all(b"frame")?;
        out.flush()?;
        // It came back although nothing has left.
        assert!(!out.line().is_idle());
        assert!(go.send(()).is_ok());
        assert_eq!(sent.recv().ok().as_deref(), Some(&b"frame"[..]));
        out.line().settle();
        assert!(out.line().is_idle());
        Ok(())
    }

    #[test]
    fn a_line_that_is_gone_is_told_and_does_not_hold_the_end_up() -> io::Result<()> {
        let (mut out, go, _sent) = blocked()?;
        drop(go);
        out.write_all(b"frame")?;
        out.flush()?;
        out.line().settle();
        assert_eq!(
            out.flush().map_err(|error| error.kind()),
            Err(io::ErrorKind::BrokenPipe)
        );
        Ok(())
    }
}
