//! The last gate before the terminal: lets through what this program draws with, and nothing else.
//!
//! Text from outside is made safe long before ([`crate::domain::text`]); this filter does not trust that.
//! It runs a state machine over the bytes of the backend and drops, counts and names whatever is not on
//! its short list, so that a mistake in a widget or in a library cannot become a command to the terminal.
//!
//! What must not live here: sanitising for reading (a dropped sequence is an error of ours, not a text).

pub mod rule;

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use self::rule::Allowed;
use crate::domain::text::{Safe, Shown, scalar, sink};

const ESC: u8 = 0x1B;
const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1A;
/// Puts the window title on the terminal's stack (xterm, window operation 22).
const KEEP_TITLE: &[u8] = b"\x1b[22;2t";
/// No title, and then the one from the stack (window operation 23).
const RESTORE_TITLE: &[u8] = b"\x1b]2;\x1b\\\x1b[23;2t";
/// Longest CSI sequence that is kept, in bytes after `ESC [`; the longest one drawn is a style of some 60.
const CSI_LIMIT: usize = 128;
/// Longest OSC body that is kept: 4 KiB in base64, and its head.
const OSC_LIMIT: usize = 5_600;

/// What was kept from the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A control character.
    Control,
    /// A character that draws nothing or turns the direction of others.
    Hidden,
    /// Bytes that are no UTF-8.
    Encoding,
    /// An escape or CSI sequence that is not on the list.
    Sequence,
    /// A command string: OSC, DCS, APC, PM or SOS.
    Command,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "a control character",
            Self::Hidden => "a hidden character",
            Self::Encoding => "bytes that are no UTF-8",
            Self::Sequence => "a control sequence",
            Self::Command => "a command string",
        })
    }
}

impl Shown for Violation {}

/// The count of what was kept from the terminal; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Violations(Arc<Tally>);

#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    first: OnceLock<Violation>,
}

impl Violations {
    /// Gives how many sequences and characters were dropped.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Gives what was dropped first, for the one record in the audit log.
    pub fn first(&self) -> Option<Violation> {
        self.0.first.get().copied()
    }

    fn add(&self, violation: Violation) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.first.get_or_init(|| violation);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ground,
    /// Inside a character of so many bytes.
    Character(usize),
    Escape,
    /// After `ESC` and an intermediate byte: waits for the final byte, to drop it all.
    EscapeTail,
    Csi,
    Osc,
    /// Inside a string that is dropped anyway.
    Skip,
    /// After an `ESC` inside a string; says whether it was an OSC that is still kept.
    StringEnd(bool),
}

/// A writer that lets only drawing through to the writer inside.
///
/// A sequence reaches the inner writer whole or not at all, however the writes were split; what is held
/// back meanwhile is bounded (5,600 bytes).
#[derive(Debug)]
pub struct Egress<W: Write> {
    inner: W,
    allowed: Allowed,
    state: State,
    held: Vec<u8>,
    out: Vec<u8>,
    violations: Violations,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Ground {
            "Ground"
        } else {
            "Inside"
        })
    }
}

impl<W: Write> Egress<W> {
    /// Puts the filter before a writer.
    pub fn new(inner: W, allowed: Allowed) -> Self {
        Self {
            inner,
            allowed,
            state: State::Ground,
            held: Vec::new(),
            out: Vec::new(),
            violations: Violations::default(),
        }
    }

    /// Gives how many sequences and characters were dropped.
    pub fn violations(&self) -> u64 {
        self.violations.count()
    }

    /// Gives the counter itself, to be read while the filter is inside a backend.
    pub fn counter(&self) -> Violations {
        self.violations.clone()
    }

    /// Gives the writer inside.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// Gives the writer inside back; a sequence that was not finished is dropped.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// Rings the bell: the only way for a BEL to reach the terminal.
    pub fn bell(&mut self) -> io::Result<()> {
        self.inner.write_all(&[BEL])?;
        self.inner.flush()
    }

    /// Sets the window title, where that is switched on; other characters than `[A-Za-z0-9 ._-]` become `_`.
    pub fn set_title(&mut self, title: &Safe) -> io::Result<()> {
        if !self.allowed.title {
            return Ok(());
        }
        let title = sink::window_title(title);
        write!(self.inner, "\x1b]2;{title}\x1b\\")?;
        self.inner.flush()
    }

    /// Asks the terminal to keep its window title, where titles are switched on.
    pub fn keep_title(&mut self) -> io::Result<()> {
        self.title_command(KEEP_TITLE)
    }

    /// Gives the kept window title back; a terminal that keeps none has an empty title then, as most start with.
    pub fn restore_title(&mut self) -> io::Result<()> {
        self.title_command(RESTORE_TITLE)
    }

    fn title_command(&mut self, command: &[u8]) -> io::Result<()> {
        if !self.allowed.title {
            return Ok(());
        }
        self.inner.write_all(command)?;
        self.inner.flush()
    }

    /// Copies to the clipboard of the terminal, and tells whether it did.
    ///
    /// It does not where that is switched off, nor with text outside ASCII or over 4 KiB.
    pub fn copy(&mut self, text: &Safe) -> io::Result<bool> {
        let Some(body) = rule::clipboard_body(text).filter(|_| self.allowed.clipboard) else {
            return Ok(false);
        };
        write!(self.inner, "\x1b]{body}\x1b\\")?;
        self.inner.flush()?;
        Ok(true)
    }

    fn drop_held(&mut self, violation: Violation) {
        self.held.clear();
        self.state = State::Ground;
        self.violations.add(violation);
    }

    /// Keeps one byte of a sequence, and tells whether there was room for it.
    fn hold(&mut self, byte: u8, limit: usize) -> bool {
        let fits = self.held.len() < limit;
        if fits {
            self.held.push(byte);
        }
        fits
    }

    fn step(&mut self, byte: u8) {
        match self.state {
            State::Ground => self.ground(byte),
            State::Character(length) => self.character(byte, length),
            State::Escape => self.escape(byte),
            State::EscapeTail => match byte {
                0x20..=0x2F => {}
                0x30..=0x7E => self.drop_held(Violation::Sequence),
                _ => self.abandon(byte, Violation::Sequence),
            },
            State::Csi => self.csi(byte),
            State::Osc => match byte {
                ESC => self.state = State::StringEnd(true),
                BEL => self.osc(),
                CAN | SUB => self.drop_held(Violation::Command),
                _ => {
                    if !self.hold(byte, OSC_LIMIT) {
                        self.held.clear();
                        self.state = State::Skip;
                    }
                }
            },
            State::Skip => match byte {
                ESC => self.state = State::StringEnd(false),
                CAN | SUB | BEL => self.drop_held(Violation::Command),
                _ => {}
            },
            State::StringEnd(is_kept) => match byte {
                b'\\' if is_kept => self.osc(),
                b'\\' => self.drop_held(Violation::Command),
                _ => {
                    // The string was never ended; the ESC began something new.
                    self.drop_held(Violation::Command);
                    self.state = State::Escape;
                    self.escape(byte);
                }
            },
        }
    }

    /// Drops what was held and takes the byte as the start of something new.
    fn abandon(&mut self, byte: u8, violation: Violation) {
        self.drop_held(violation);
        self.ground(byte);
    }

    fn ground(&mut self, byte: u8) {
        match byte {
            // CR and LF: lines before the screen opens and after it closed. No tabulator (its width depends on the
            // terminal) and no backspace (it hides what it overwrites): nothing here draws with them.
            0x20..=0x7E | b'\r' | b'\n' => self.out.push(byte),
            ESC => self.state = State::Escape,
            0xC2..=0xDF => self.begin_character(byte, 2),
            0xE0..=0xEF => self.begin_character(byte, 3),
            0xF0..=0xF4 => self.begin_character(byte, 4),
            0x80.. => self.violations.add(Violation::Encoding),
            _ => self.violations.add(Violation::Control),
        }
    }

    fn begin_character(&mut self, byte: u8, length: usize) {
        self.held.clear();
        self.held.push(byte);
        self.state = State::Character(length);
    }

    fn character(&mut self, byte: u8, length: usize) {
        if !(0x80..=0xBF).contains(&byte) {
            self.abandon(byte, Violation::Encoding);
            return;
        }
        self.held.push(byte);
        if self.held.len() < length {
            return;
        }
        match std::str::from_utf8(&self.held).map(|text| text.chars().all(scalar::may_be_drawn)) {
            Ok(true) => {
                self.out.append(&mut self.held);
                self.state = State::Ground;
            }
            Ok(false) => self.drop_held(Violation::Hidden),
            Err(_) => self.drop_held(Violation::Encoding),
        }
    }

    fn escape(&mut self, byte: u8) {
        self.held.clear();
        match byte {
            b'[' => self.state = State::Csi,
            b']' => self.state = State::Osc,
            b'P' | b'X' | b'^' | b'_' => self.state = State::Skip,
            0x20..=0x2F => self.state = State::EscapeTail,
            0x30..=0x7E => self.drop_held(Violation::Sequence),
            _ => self.abandon(byte, Violation::Sequence),
        }
    }

    fn csi(&mut self, byte: u8) {
        match byte {
            0x20..=0x3F => {
                // What does not fit is too long to be ours: its length will refuse it at the end.
                self.hold(byte, CSI_LIMIT);
            }
            0x40..=0x7E => {
                if self.held.len() < CSI_LIMIT && self.allowed.csi(&self.held, byte) {
                    self.out.extend_from_slice(b"\x1b[");
                    self.out.append(&mut self.held);
                    self.out.push(byte);
                    self.state = State::Ground;
                } else {
                    self.drop_held(Violation::Sequence);
                }
            }
            _ => self.abandon(byte, Violation::Sequence),
        }
    }

    fn osc(&mut self) {
        if self.allowed.osc(&self.held) {
            self.out.extend_from_slice(b"\x1b]");
            self.out.append(&mut self.held);
            self.out.extend_from_slice(b"\x1b\\");
            self.state = State::Ground;
        } else {
            self.drop_held(Violation::Command);
        }
    }
}

impl<W: Write> Write for Egress<W> {
    /// Takes all of the bytes; those of a sequence that is not finished wait for the next write.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            if self.state == State::Ground {
                let plain = rest
                    .iter()
                    .take_while(|byte| (0x20..=0x7E).contains(*byte))
                    .count();
                if plain > 0 {
                    let (run, after) = rest.split_at(plain);
                    self.out.extend_from_slice(run);
                    rest = after;
                    continue;
                }
            }
            self.step(*byte);
            rest = after;
        }
        let written = self.inner.write_all(&self.out);
        self.out.clear();
        written.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A filter with several holders: the backend that draws, and the loop that rings the bell.
#[derive(Debug)]
pub struct SharedEgress<W: Write>(Arc<Mutex<Egress<W>>>);

impl<W: Write> SharedEgress<W> {
    /// Shares a filter.
    pub fn new(egress: Egress<W>) -> Self {
        Self(Arc::new(Mutex::new(egress)))
    }

    /// Does something with the filter, alone.
    pub fn with<T>(&self, work: impl FnOnce(&mut Egress<W>) -> T) -> T {
        // A panic elsewhere leaves whole sequences behind; the terminal must still be put in order.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<W: Write> Clone for SharedEgress<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Write> Write for SharedEgress<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|egress| egress.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(Egress::flush)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn pass(bytes: &[u8], allowed: Allowed) -> (String, u64) {
        let mut egress = Egress::new(Vec::new(), allowed);
        for byte in bytes {
            assert_eq!(egress.write(&[*byte]).ok(), Some(1));
        }
        let dropped = egress.violations();
        (
            String::from_utf8_lossy(&egress.into_inner()).into_owned(),
            dropped,
        )
    }

    #[rstest]
    #[case::text("plain text, é 漢 e\u{301}\r\n")]
    #[case::style("\x1b[0;1;38;5;12;48;2;1;2;3;58:2::9:9:9m")]
    #[case::place("\x1b[12;40H\x1b[A\x1b[2B\x1b[C\x1b[D\x1b[7G\x1b[3d")]
    #[case::erase("\x1b[2J\x1b[K\x1b[4X\x1b[2L\x1b[2M\x1b[2P\x1b[2@\x1b[3b")]
    #[case::scroll("\x1b[1;20r\x1b[S\x1b[2T\x1b[r")]
    #[case::modes(
        "\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1002;1006h\x1b[?2004h\x1b[?2026h\x1b[?2026l"
    )]
    #[case::one_query("\x1b[?2026$p")]
    fn drawing_passes(#[case] bytes: &str) {
        assert_eq!(
            pass(bytes.as_bytes(), Allowed::default()),
            (bytes.to_owned(), 0)
        );
    }

    #[rstest]
    #[case::tabulator(b"a\tb", "ab", 1)]
    #[case::backspace(b"a\x08b", "ab", 1)]
    #[case::bell(b"a\x07b", "ab", 1)]
    #[case::null_delete(b"a\x00\x7Fb", "ab", 2)]
    #[case::c1(b"a\xC2\x9B31mb", "a31mb", 1)]
    #[case::raw_c1(b"a\x9Bb", "ab", 1)]
    #[case::bidi("a\u{202E}b".as_bytes(), "ab", 1)]
    #[case::zero_width("a\u{200B}\u{FE0F}\u{E0041}b".as_bytes(), "ab", 3)]
    #[case::surrogate(b"a\xED\xA0\x80b", "ab", 1)]
    #[case::overlong(b"a\xE0\x80\xAFb", "ab", 1)]
    #[case::cut_character(b"a\xE6\xBCb", "ab", 1)]
    #[case::device_status(b"a\x1b[6nb", "ab", 1)]
    #[case::device_attributes(b"a\x1b[c\x1b[>c\x1b[=cb", "ab", 3)]
    #[case::window(b"a\x1b[21tb\x1b[22;2t\x1b[23;2t", "ab", 3)]
    #[case::mouse_highlight(b"a\x1b[1;1;1;1;1Tb", "ab", 1)]
    #[case::mode(b"a\x1b[?1003h\x1b[?25;1003h\x1b[4hb", "ab", 3)]
    #[case::cursor_shape(b"a\x1b[2 qb", "ab", 1)]
    #[case::key_protocol(b"a\x1b[>1u\x1b[>4;2mb", "ab", 2)]
    #[case::second_query(b"\x1b[?2026$p\x1b[?2026$p", "\x1b[?2026$p", 1)]
    #[case::other_query(b"a\x1b[?25$pb", "ab", 1)]
    #[case::reset(b"a\x1bcb", "ab", 1)]
    #[case::charset(b"a\x1b(0b", "ab", 1)]
    #[case::title(b"a\x1b]2;title\x07b", "ab", 1)]
    #[case::link(b"a\x1b]8;;https://evil.example/\x1b\\b", "ab", 1)]
    #[case::clipboard(b"a\x1b]52;c;QQ==\x07b", "ab", 1)]
    #[case::dcs(b"a\x1bP$qm\x1b\\b", "ab", 1)]
    #[case::apc_pm_sos(b"a\x1b_x\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\b", "ab", 3)]
    #[case::endless(b"a\x1b]0;no end \x1b[mb", "a\x1b[mb", 1)]
    #[case::escape_in_csi(b"a\x1b[3\x1b[mb", "a\x1b[mb", 1)]
    #[case::control_in_csi(b"a\x1b[3\rmb", "a\rmb", 1)]
    #[case::glued(b"\x1b\xC2\x9B[6n", "[6n", 2)]
    fn other_things_do_not(#[case] bytes: &[u8], #[case] left: &str, #[case] dropped: u64) {
        assert_eq!(pass(bytes, Allowed::default()), (left.to_owned(), dropped));
    }

    #[test]
    fn holds_back_a_bounded_amount() {
        let mut egress = Egress::new(Vec::new(), Allowed::default());
        for start in ["\x1b[", "\x1b]2;", "\x1bP"] {
            let flood = format!("{start}{}", "1".repeat(100_000));
            assert!(egress.write_all(flood.as_bytes()).is_ok());
            assert!(egress.held.len() <= OSC_LIMIT);
        }
        assert!(egress.write_all(b"\x1b\\\x1b[mx").is_ok());
        assert_eq!(egress.get_ref(), b"\x1b[mx");
    }

    #[test]
    fn features_pass_only_when_switched_on_and_well_formed() {
        let on = Allowed {
            title: true,
            clipboard: true,
            link_hosts: vec!["idp.example".to_owned()],
            queries: 0,
        };
        let good = "\x1b[22;2t\x1b]2;quell - CASE_7\x1b\\\x1b]2;\x1b\\\x1b[23;2t\x1b]8;;https://idp.example/a?b\x1b\\idp.example\x1b]8;;\x1b\\\x1b]52;c;QUI=\x1b\\";
        assert_eq!(pass(good.as_bytes(), on.clone()), (good.to_owned(), 0));
        for bad in [
            "\x1b]2;a;b\x07",
            "\x1b[22;0t",
            "\x1b[22t",
            "\x1b[21;2t",
            "\x1b[23;2;1t",
            "\x1b]2;\u{e9}\x07",
            "\x1b]0;a\x07",
            "\x1b]8;;http://idp.example/\x07",
            "\x1b]8;;https://idp.example.evil.example/\x07",
            "\x1b]8;;https://idp.example@evil.example/\x07",
            "\x1b]8;;https://idp.example:99/\x07",
            "\x1b]52;c;?\x07",
            "\x1b]52;p;QUI=\x07",
            "\x1b]52;c;G1s=\x07",
            "\x1b]52;c;QQ=\x07",
        ] {
            assert_eq!(
                pass(bad.as_bytes(), on.clone()),
                (String::new(), 1),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn bell_title_and_copy_have_their_own_ways() -> io::Result<()> {
        let mut shut = Egress::new(Vec::new(), Allowed::default());
        shut.keep_title()?;
        shut.set_title(&Safe::fixed("quell"))?;
        shut.restore_title()?;
        assert!(!shut.copy(&Safe::fixed("AB"))?);
        assert!(shut.get_ref().is_empty());
        let on = Allowed {
            title: true,
            clipboard: true,
            ..Allowed::default()
        };
        let shared = SharedEgress::new(Egress::new(Vec::new(), on.clone()));
        shared.with(|egress| {
            egress.bell()?;
            egress.keep_title()?;
            egress.set_title(&Safe::fixed("quell: 3/4"))?;
            assert!(!egress.copy(&Safe::fixed("é"))?);
            assert!(egress.copy(&Safe::fixed("AB"))?);
            egress.restore_title()?;
            io::Result::Ok(())
        })?;
        let sent = shared.with(|egress| egress.get_ref().clone());
        assert_eq!(
            String::from_utf8_lossy(&sent),
            "\x07\x1b[22;2t\x1b]2;quell_ 3_4\x1b\\\x1b]52;c;QUI=\x1b\\\x1b]2;\x1b\\\x1b[23;2t"
        );
        // What the methods write, the filter itself would let through.
        let after_bell = sent.get(1..).unwrap_or_default();
        assert_eq!(pass(after_bell, on).1, 0);
        Ok(())
    }

    #[test]
    fn the_counter_is_shared_and_names_the_first() -> io::Result<()> {
        let mut egress = Egress::new(Vec::new(), Allowed::default());
        let counter = egress.counter();
        assert_eq!(counter.first(), None);
        egress.write_all(b"\x1b[6n\x07")?;
        assert_eq!(
            (counter.count(), counter.first()),
            (2, Some(Violation::Sequence))
        );
        Ok(())
    }
}
