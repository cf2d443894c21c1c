//! Bytes of a terminal to keys: whole however they were split on the way, and nothing but keys.
//!
//! What a terminal answers, and text that is pasted, comes in the same stream as what is typed. Both end here: an answer
//! is told apart by its form, late or not, and never becomes keys; pasted text is dropped. Nothing that was held back
//! grows, and what was begun and not finished costs one key at most. The reader of crossterm (0.29) waits for more after an
//! answer that it does not know, which swallows the keys behind it, and spins on a terminal that is gone; hence this one.
//! What must not live here: reading, what keys mean.

use std::time::Duration;

use crate::app::keymap::{Chord, Key};

/// How long a lone ESC may be the beginning of something: a line may part a key's bytes, a hand is slower.
const ESC_WAIT: Duration = Duration::from_millis(50);

/// How long a string of the terminal may pause.
const STRING_WAIT: Duration = Duration::from_secs(1);

/// Most bytes of a sequence that are kept; longer ones are none of ours.
const HELD_MAX: usize = 32;

/// Most bytes of a string of the terminal that are passed over.
const STRING_MAX: usize = 4_096;

/// How the answer about synchronized updates begins, after its ESC.
const ANSWER: &[u8] = b"[?2026;";

/// What ends a pasted text.
const PASTE_END: &[u8] = b"\x1b[201~";

const ESC: u8 = 0x1B;

/// What a terminal sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A key.
    Key(Chord),
    /// A pasted text, which was dropped.
    Pasted,
    /// Whether the terminal knows synchronized updates: its answer when it is asked.
    Synchronized(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ground,
    /// After an ESC.
    Escape,
    /// After a lone ESC that was taken for the key: an answer may still follow.
    EscapeTold,
    /// After an ESC and a byte that begins a string of the terminal, or is a key with Alt.
    Opener(u8),
    /// Inside `ESC [`.
    Csi,
    /// After `ESC O`.
    Ss3,
    /// So many bytes more of a sequence that means nothing here.
    Skip(u8),
    /// Inside a string of the terminal; says how long it is and whether an ESC was the last byte.
    String(usize, bool),
    /// Inside pasted text; says how much of its end was seen.
    Paste(usize),
    /// Inside a character of so many bytes; says whether Alt was held.
    Character(usize, bool),
}

/// Turns bytes into what they mean, however they are split.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    held: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Ground,
            held: Vec::with_capacity(HELD_MAX),
        }
    }
}

impl Decoder {
    /// Takes bytes that came together; what they mean is added to `out`.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<Read>) {
        let parted = bytes.starts_with(b"[") || (bytes.starts_with(b"O") && bytes.len() > 1);
        if self.state == State::Escape && !parted {
            // A hand was quick: a key with Alt comes in one piece, and only a sequence is parted by the line.
            out.push(plain(Key::Esc));
            self.state = State::Ground;
        }
        if self.state == State::EscapeTold {
            self.state = State::Ground;
            // Nobody types its first two letters at once.
            let begins = bytes.len() > 1 && ANSWER.starts_with(bytes);
            if begins || bytes.starts_with(ANSWER) {
                self.state = State::Escape;
            }
        }
        for byte in bytes {
            self.step(*byte, out);
        }
    }

    /// Gives how long to wait for the next bytes before [`give_up`](Self::give_up); `None` where nothing depends on it.
    pub fn wait(&self) -> Option<Duration> {
        match self.state {
            State::Escape | State::Opener(_) => Some(ESC_WAIT),
            State::String(..) => Some(STRING_WAIT),
            _ => None,
        }
    }

    /// Takes what was begun for what it is when nothing follows.
    pub fn give_up(&mut self, out: &mut Vec<Read>) {
        match self.state {
            State::Escape => {
                out.push(plain(Key::Esc));
                self.state = State::EscapeTold;
            }
            State::Opener(byte) => {
                out.push(with_alt(byte));
                self.state = State::Ground;
            }
            _ => self.state = State::Ground,
        }
    }

    fn step(&mut self, byte: u8, out: &mut Vec<Read>) {
        match self.state {
            State::Ground | State::EscapeTold => self.ground(byte, false, out),
            State::Escape => self.escape(byte, out),
            State::Opener(opener) if byte == ESC => {
                out.push(with_alt(opener));
                self.state = State::Escape;
            }
            State::Opener(_) => {
                self.state = State::String(0, false);
                self.step(byte, out);
            }
            State::Csi => self.csi(byte, out),
            State::Ss3 => {
                self.state = State::Ground;
                match byte {
                    ESC => self.state = State::Escape,
                    _ => out.extend(letter(byte).map(plain)),
                }
            }
            State::Skip(left) => {
                self.state = match left {
                    0 | 1 => State::Ground,
                    _ => State::Skip(left - 1),
                };
            }
            State::String(_, true) if byte != b'\\' => {
                // It was never ended; the ESC began something new.
                self.state = State::Escape;
                self.step(byte, out);
            }
            State::String(length, after_esc) => {
                let ends = after_esc || matches!(byte, 0x07 | 0x18 | 0x1A);
                self.state = if ends || length >= STRING_MAX {
                    State::Ground
                } else {
                    State::String(length + 1, byte == ESC)
                };
            }
            State::Paste(seen) => self.paste(byte, seen, out),
            State::Character(length, alt) => self.character(byte, (length, alt), out),
        }
    }

    fn ground(&mut self, byte: u8, alt: bool, out: &mut Vec<Read>) {
        self.state = State::Ground;
        let length = match byte {
            ESC => {
                self.state = State::Escape;
                return;
            }
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80.. => return,
            _ => {
                out.push(Read::Key(Chord { alt, ..typed(byte) }));
                return;
            }
        };
        self.held.clear();
        self.held.push(byte);
        self.state = State::Character(length, alt);
    }

    fn character(&mut self, byte: u8, (length, alt): (usize, bool), out: &mut Vec<Read>) {
        if !(0x80..=0xBF).contains(&byte) {
            // It was none: the byte begins anew.
            self.ground(byte, false, out);
            return;
        }
        self.held.push(byte);
        if self.held.len() < length {
            return;
        }
        self.state = State::Ground;
        let read = std::str::from_utf8(&self.held).ok();
        out.extend(read.and_then(|text| text.chars().next()).map(|c| {
            Read::Key(Chord {
                alt,
                ..Chord::plain(Key::Char(c))
            })
        }));
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<Read>) {
        match byte {
            b'O' => self.state = State::Ss3,
            b'[' => {
                self.held.clear();
                self.state = State::Csi;
            }
            // A string of the terminal, or this key with Alt: what follows tells.
            b']' | b'P' | b'X' | b'^' | b'_' => self.state = State::Opener(byte),
            ESC => out.push(plain(Key::Esc)),
            _ => self.ground(byte, true, out),
        }
    }

    fn csi(&mut self, byte: u8, out: &mut Vec<Read>) {
        match byte {
            0x20..=0x3F => {
                // What does not fit is too long to be known, and stays so.
                if self.held.len() < HELD_MAX {
                    self.held.push(byte);
                }
            }
            // Function keys of the Linux console, and the oldest form of the mouse.
            b'[' if self.held.is_empty() => self.state = State::Skip(1),
            b'M' if self.held.is_empty() => self.state = State::Skip(3),
            0x40..=0x7E => {
                self.state = State::Ground;
                if byte == b'~' && self.held == b"200" {
                    self.state = State::Paste(0);
                } else if self.held.len() < HELD_MAX {
                    out.extend(sequence(&self.held, byte));
                }
            }
            // It was none, or was broken off.
            _ => self.ground(byte, false, out),
        }
    }

    fn paste(&mut self, byte: u8, seen: usize, out: &mut Vec<Read>) {
        let goes_on = PASTE_END.get(seen) == Some(&byte);
        let seen = match (goes_on, byte) {
            (true, _) => seen + 1,
            (false, ESC) => 1,
            (false, _) => 0,
        };
        self.state = State::Paste(seen);
        if seen == PASTE_END.len() {
            self.state = State::Ground;
            out.push(Read::Pasted);
        }
    }
}

fn plain(key: Key) -> Read {
    Read::Key(Chord::plain(key))
}

fn with_alt(byte: u8) -> Read {
    Read::Key(Chord {
        alt: true,
        ..typed(byte)
    })
}

/// Gives the key of one byte below 128.
fn typed(byte: u8) -> Chord {
    let held = |c: u8| Chord {
        key: Key::Char(char::from(c)),
        ctrl: true,
        alt: false,
    };
    match byte {
        b'\r' => Chord::plain(Key::Enter),
        b'\t' => Chord::plain(Key::Tab),
        0x7F => Chord::plain(Key::Backspace),
        0 => held(b' '),
        0x01..=0x1A => held(byte - 1 + b'a'),
        0x1C..=0x1F => held(byte - 0x1C + b'4'),
        _ => Chord::plain(Key::Char(char::from(byte))),
    }
}

/// Gives the key of a final letter, after `ESC [` or `ESC O`.
fn letter(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'Z' => Key::BackTab,
        _ => return None,
    })
}

/// Gives what a whole sequence means: the bytes between `ESC [` and its last.
fn sequence(body: &[u8], last: u8) -> Option<Read> {
    let text = std::str::from_utf8(body).ok()?;
    if let Some(answer) = text.strip_prefix("?2026;") {
        let how = answer.strip_suffix('$').filter(|_| last == b'y')?;
        // Set or reset; the others are: unknown, and settled for good.
        return Some(Read::Synchronized(matches!(how, "1" | "2")));
    }
    let mut numbers = text.split(';');
    let first = numbers.next().unwrap_or_default();
    let second = numbers.next().unwrap_or("1");
    let (held, kind) = second.split_once(':').unwrap_or((second, "1"));
    // A key that is let go says nothing.
    if numbers.next().is_some() || kind == "3" {
        return None;
    }
    let held = held.parse::<u8>().ok()?.checked_sub(1)?;
    let key = match last {
        b'~' => match first {
            "1" | "7" => Key::Home,
            "3" => Key::Delete,
            "4" | "8" => Key::End,
            "5" => Key::PageUp,
            "6" => Key::PageDown,
            _ => return None,
        },
        b'u' => of_code(first)?,
        _ if matches!(first, "" | "1") => letter(last)?,
        _ => return None,
    };
    let shift = held & 1 != 0;
    Some(Read::Key(Chord {
        key: if shift && key == Key::Tab {
            Key::BackTab
        } else {
            key
        },
        ctrl: held & 4 != 0,
        alt: held & 2 != 0,
    }))
}

/// Gives the key of a code point, as terminals with newer keyboards send it.
fn of_code(code: &str) -> Option<Key> {
    Some(match code.parse::<u32>().ok()? {
        13 => Key::Enter,
        27 => Key::Esc,
        9 => Key::Tab,
        127 => Key::Backspace,
        code => Key::Char(char::from_u32(code).filter(|c| !c.is_control())?),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn words(reads: &[Read]) -> String {
        let word = |read: &Read| match read {
            Read::Key(chord) => chord.to_string(),
            other => format!("{other:?}"),
        };
        reads.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    fn read(bytes: &[u8]) -> String {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        decoder.take(bytes, &mut out);
        if decoder.wait().is_some() {
            decoder.give_up(&mut out);
        }
        words(&out)
    }

    #[rstest]
    #[case("jG", "j G")]
    #[case("\u{4}", "Ctrl-d")]
    #[case("\r\t\u{7f} ", "Enter Tab Backspace Space")]
    #[case("\n\0\u{1c}", "Ctrl-j Ctrl-Space Ctrl-4")]
    #[case("ä漢😀", "ä 漢 😀")]
    #[case("\x1b", "Esc")]
    #[case("\x1b\x1b", "Esc Esc")]
    #[case("\x1bx", "Alt-x")]
    #[case("\x1bä", "Alt-ä")]
    #[case("\x1bP", "Alt-P")]
    #[case("\x1b[A\x1b[B\x1bOC\x1bOD", "Up Down Right Left")]
    #[case(
        "\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~",
        "Home End Home End Home End"
    )]
    #[case("\x1b[3~\x1b[5~\x1b[6~", "Delete PageUp PageDown")]
    #[case("\x1b[Z", "Shift-Tab")]
    #[case("\x1b[1;5A\x1b[5;3~", "Ctrl-Up Alt-PageUp")]
    #[case("\x1b[97;5u\x1b[9;2u\x1b[13u", "Ctrl-a Shift-Tab Enter")]
    #[case("\x1b[97;5:3uq", "q")]
    #[case::function_keys("\x1b[15~\x1bOP\x1b[[Aq", "q")]
    #[case::mouse("\x1b[<0;3;4M\x1b[<0;3;4m\x1b[M !!q", "q")]
    #[case::focus("\x1b[I\x1b[Oq", "q")]
    #[case::pasted("\x1b[200~yes\x1b[20\x1b[201~q", "Pasted q")]
    #[case::never_ended("\x1b[200~yes", "")]
    #[case::known("\x1b[?2026;2$yq", "Synchronized(true) q")]
    #[case::set("\x1b[?2026;1$y", "Synchronized(true)")]
    #[case::unknown("\x1b[?2026;0$yq", "Synchronized(false) q")]
    #[case::settled("\x1b[?2026;4$yq", "Synchronized(false) q")]
    #[case::attributes("\x1b[?62;22c\x1b[>0;276;0c\x1b[?1049;2$yq", "q")]
    #[case::colour("\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\q", "q")]
    #[case::name("\x1bP>|xterm(367)\x1b\\q", "q")]
    #[case::never_closed("\x1b]11;rgb\x1b[Aq", "Up q")]
    #[case::place("\x1b[12;40Rq", "q")]
    #[case::endless("\x1b[99999999999999999999999999999999999999999999Aq", "q")]
    #[case::broken_off("\x1b[1;\x1b[Aq", "Up q")]
    fn bytes_mean_keys(#[case] bytes: &str, #[case] expected: &str) {
        assert_eq!(read(bytes.as_bytes()), expected);
    }

    #[test]
    fn no_utf8_is_no_key() {
        assert_eq!(read(b"\x80\xff\xc3j\xe2\x82q\xed\xa0\x80k"), "j q k");
    }

    #[test]
    fn an_answer_that_comes_late_and_in_parts_is_no_key() {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        decoder.take(b"\x1b", &mut out);
        // The line stood still behind its first byte: it looked like a key.
        decoder.give_up(&mut out);
        decoder.take(b"[?2026;2$y", &mut out);
        decoder.take(b"j", &mut out);
        assert_eq!(words(&out), "Esc Synchronized(true) j");

        out.clear();
        for part in [&b"\x1b[?20"[..], b"26;", b"2$"] {
            decoder.take(part, &mut out);
            assert_eq!(decoder.wait(), None, "it may take as long as it likes");
        }
        decoder.take(b"yq", &mut out);
        assert_eq!(words(&out), "Synchronized(true) q");
    }

    #[test]
    fn a_quick_hand_holds_no_alt_and_a_parted_sequence_is_one_key() {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for part in [
            "\x1b", "j", "\x1b", "O", "\x1b", "[A", "\x1b", "OB", "\x1b", "\x1bx",
        ] {
            decoder.take(part.as_bytes(), &mut out);
        }
        assert_eq!(words(&out), "Esc j Esc O Up Down Esc Alt-x");
    }

    #[test]
    fn after_the_escape_key_keys_are_keys() {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        decoder.take(b"\x1b", &mut out);
        decoder.give_up(&mut out);
        decoder.take(b"[", &mut out);
        decoder.take(b"?", &mut out);
        assert_eq!(words(&out), "Esc [ ?");
    }

    #[test]
    fn a_string_that_never_ends_is_given_up() {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        decoder.take(b"\x1b]52;c;", &mut out);
        assert_eq!(decoder.wait(), Some(STRING_WAIT));
        decoder.give_up(&mut out);
        decoder.take(b"q", &mut out);
        assert_eq!(words(&out), "q");
        decoder.take(b"\x1b]", &mut out);
        decoder.take(&[b'a'; STRING_MAX + 10], &mut out);
        decoder.take(b"q", &mut out);
        assert!(words(&out).ends_with('q'));
    }

    proptest! {
        /// However bytes are parted on the way, but behind an ESC, they mean the same.
        #[test]
        fn parts_mean_what_the_whole_means(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(ESC), Just(b'['), Just(b'?'), Just(b';'), Just(b'~'), 0x20u8..0x7F],
                0..200,
            ),
            cuts in proptest::collection::vec(1usize..9, 1..40),
        ) {
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            Decoder::default().take(&bytes, &mut whole);
            let mut decoder = Decoder::default();
            let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let mut at = (*cuts.next().unwrap_or(&1)).min(rest.len());
                while at < rest.len() && rest[at - 1] == ESC {
                    at += 1;
                }
                decoder.take(&rest[..at], &mut parts);
                prop_assert!(decoder.held.len() <= HELD_MAX);
                rest = &rest[at..];
            }
            prop_assert_eq!(whole, parts);
        }

        /// Whatever a terminal answers, no byte of it is a key.
        #[test]
        fn answers_are_never_keys(
            private in "[?>=]",
            numbers in "[0-9;:]{0,12}",
            middle in "[ -/]{0,2}",
            last in "[@-~]",
        ) {
            let bytes = format!("\x1b[{private}{numbers}{middle}{last}");
            let mut out = Vec::new();
            Decoder::default().take(bytes.as_bytes(), &mut out);
            prop_assert!(!out.iter().any(|read| matches!(read, Read::Key(_))), "{:?}", out);
        }
    }
}
