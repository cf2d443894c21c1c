//! The terminal while the console has it: raw mode, alternate screen, bracketed paste, and all of it given back.
//!
//! It is given back when the session is dropped: at the end, on an error, and while a panic unwinds. A panic's text is
//! kept until then and printed as safe text, so that nothing prints into a frame.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use super::egress::SharedEgress;
use super::outflow::Line;
use crate::domain::text::{Safe, Untrusted};

/// Alternate screen, bracketed paste, no cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l";
/// The end of a synchronized update, a plain pen, no bracketed paste, the cursor, the first screen.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[m\x1b[?2004l\x1b[?25h\x1b[?1049l";
/// Whether synchronized updates are known; a terminal that prints a part of the question has it wiped away.
const ASK: &[u8] = b"\x1b[?2026$p\r\x1b[2K";
/// Most panics kept for the end.
const PANICS_MAX: usize = 8;

/// Texts of panics that wait for the terminal to be given back.
static PANICS: Mutex<Vec<Safe>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

/// The terminal in the hands of the console.
#[derive(Debug)]
pub struct Session<W: Write> {
    out: SharedEgress<W>,
    held: Arc<Mutex<bool>>,
    raw: bool,
    /// Whether the window has a title of ours.
    titled: bool,
    /// Where bytes leave later than they are written: waited for when the terminal is given back.
    line: Option<Line>,
}

impl<W: Write> Session<W> {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, no cursor.
    ///
    /// # Errors
    /// When there is no terminal, or it cannot be written; it is then left as it was.
    pub fn open(out: SharedEgress<W>) -> io::Result<Self> {
        keep_panics();
        let mut session = Self::closed(out, true);
        session.enter()?;
        Ok(session)
    }

    /// Takes a terminal that only shows: nothing is typed at it, so its mode is left as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open_to_show(out: SharedEgress<W>) -> io::Result<Self> {
        keep_panics();
        let mut session = Self::closed(out, false);
        session.enter()?;
        Ok(session)
    }

    fn closed(out: SharedEgress<W>, raw: bool) -> Self {
        Self {
            out,
            held: Arc::new(Mutex::new(false)),
            raw,
            titled: false,
            line: None,
        }
    }

    /// Waits on this line whenever the terminal is given back.
    #[must_use]
    pub fn over(mut self, line: Line) -> Self {
        self.line = Some(line);
        self
    }

    /// Takes the terminal again, after it was given back for a while; everything has to be drawn anew.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn enter(&mut self) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if *held {
            return Ok(());
        }
        if self.raw {
            crossterm::terminal::enable_raw_mode()?;
        }
        *held = true;
        self.out.write_all(ENTER)?;
        self.out.flush()
    }

    /// Gives the terminal back: at the end, or while the process is stopped. Doing it twice does nothing.
    ///
    /// # Errors
    /// When the terminal cannot be written; raw mode is left all the same.
    pub fn leave(&mut self) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !*held {
            return Ok(());
        }
        *held = false;
        if std::mem::take(&mut self.titled) {
            // A terminal that is gone is found by the next write.
            let _ = self.out.with(super::egress::Egress::restore_title);
        }
        let written = self.out.write_all(LEAVE).and_then(|()| self.out.flush());
        if let Some(line) = &self.line {
            line.settle();
        }
        if self.raw {
            crossterm::terminal::disable_raw_mode()?;
        }
        written
    }

    /// Asks the terminal whether it knows synchronized updates. Nobody waits for the answer: it comes among the keys, or never.
    /// Before the first frame, which draws over what a terminal makes of it.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn ask_synchronized(&mut self) -> io::Result<()> {
        self.out.write_all(ASK)?;
        self.out.flush()
    }

    /// Rings the bell.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn bell(&self) -> io::Result<()> {
        self.out.with(super::egress::Egress::bell)
    }

    /// Copies to the terminal's clipboard, where that is switched on; tells whether it was sent.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn copy(&self, text: &Safe) -> io::Result<bool> {
        self.out.with(|egress| egress.copy(text))
    }

    /// Sets the window title, where that is switched on; the one before comes back when the terminal is given back.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn set_title(&mut self, title: &Safe) -> io::Result<()> {
        let is_first = !std::mem::replace(&mut self.titled, true);
        self.out.with(|egress| {
            if is_first {
                egress.keep_title()?;
            }
            egress.set_title(title)
        })
    }
}

impl<W: Write> Drop for Session<W> {
    fn drop(&mut self) {
        // Nobody is left to tell that the terminal is gone.
        let _ = self.leave();
        print_panics();
    }
}

/// Gives the bytes that put a terminal in order whatever was left in it, for a console that was killed.
pub fn reset_bytes() -> &'static [u8] {
    LEAVE
}

/// Keeps the text of panics until the terminal is given back, instead of printing it into a frame.
fn keep_panics() {
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let text = Untrusted::new(info.to_string()).block();
            let mut kept = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < PANICS_MAX {
                kept.push(text);
            }
        }));
    });
}

fn print_panics() {
    let texts = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
    for text in texts {
        // Standard error may be closed.
        let _ = writeln!(io::stderr(), "quell: internal error: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::egress::{Allowed, Egress};

    fn session() -> (Session<Vec<u8>>, SharedEgress<Vec<u8>>) {
        session_with(Allowed::default())
    }

    fn session_with(allowed: Allowed) -> (Session<Vec<u8>>, SharedEgress<Vec<u8>>) {
        let out = SharedEgress::new(Egress::new(Vec::new(), allowed));
        (Session::closed(out.clone(), false), out)
    }

    fn sent(out: &SharedEgress<Vec<u8>>) -> Vec<u8> {
        out.with(|egress| egress.get_ref().clone())
    }

    #[test]
    fn everything_that_is_switched_on_is_switched_off_once() -> io::Result<()> {
        let (mut session, out) = session();
        session.enter()?;
        session.enter()?;
        session.leave()?;
        session.leave()?;
        drop(session);
        let bytes = sent(&out);
        assert_eq!(bytes, [ENTER, LEAVE].concat());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for mode in ["1049", "2004"] {
            assert!(text.contains(&format!("\x1b[?{mode}h")));
            assert!(text.contains(&format!("\x1b[?{mode}l")));
        }
        assert!(text.contains("\x1b[?25l") && text.contains("\x1b[?25h"));
        Ok(())
    }

    #[test]
    fn a_title_is_kept_before_the_first_of_ours_and_given_back_once() -> io::Result<()> {
        let (mut session, out) = session_with(Allowed {
            title: true,
            ..Allowed::default()
        });
        session.enter()?;
        session.set_title(&Safe::fixed("one"))?;
        session.set_title(&Safe::fixed("two"))?;
        session.leave()?;
        drop(session);
        let title = b"\x1b[22;2t\x1b]2;one\x1b\\\x1b]2;two\x1b\\\x1b]2;\x1b\\\x1b[23;2t";
        assert_eq!(sent(&out), [ENTER, title, LEAVE].concat());

        let (mut session, out) = session_with(Allowed::default());
        session.enter()?;
        session.set_title(&Safe::fixed("one"))?;
        drop(session);
        assert_eq!(sent(&out), [ENTER, LEAVE].concat(), "switched off");
        Ok(())
    }

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let (mut session, out) = session();
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _ = session.enter();
            panic!("on purpose");
        }));
        assert!(unwound.is_err());
        assert!(sent(&out).ends_with(LEAVE));
    }

    #[test]
    fn the_filter_lets_all_of_it_through() -> io::Result<()> {
        let (mut session, out) = session();
        session.enter()?;
        session.ask_synchronized()?;
        drop(session);
        assert_eq!(out.with(|egress| egress.violations()), 0);
        assert_eq!(sent(&out), [ENTER, ASK, LEAVE].concat());
        Ok(())
    }
}
