//! Keys as typed, and which command each means where.
//!
//! One table of commands feeds it; the configuration may rebind any of them, and every bad or double binding is
//! reported at once.

use std::collections::BTreeMap;
use std::fmt;

use super::command::{COMMANDS, Command, Context};

/// A key without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A letter, digit or sign.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chord {
    /// The key.
    pub key: Key,
    /// Whether Ctrl was held.
    pub ctrl: bool,
    /// Whether Alt was held.
    pub alt: bool,
}

impl Chord {
    /// Makes a chord without modifiers.
    pub const fn plain(key: Key) -> Self {
        Self {
            key,
            ctrl: false,
            alt: false,
        }
    }

    /// Makes a chord of one letter.
    pub const fn char(c: char) -> Self {
        Self::plain(Key::Char(c))
    }

    /// Reads `a`, `Ctrl-d`, `Alt-x`, `Enter`, `Space`.
    ///
    /// # Errors
    /// Gives a sentence that names the text when it is no chord.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut chord = Self::plain(Key::Esc);
        let mut rest = text;
        loop {
            if let Some(after) = rest.strip_prefix("Ctrl-").filter(|after| !after.is_empty()) {
                chord.ctrl = true;
                rest = after;
            } else if let Some(after) = rest.strip_prefix("Alt-").filter(|after| !after.is_empty())
            {
                chord.alt = true;
                rest = after;
            } else {
                break;
            }
        }
        chord.key = NAMED
            .iter()
            .find(|(_, name)| *name == rest)
            .map(|(key, _)| *key)
            .or_else(|| single(rest).map(Key::Char))
            .ok_or_else(|| format!("{text:?} is no key; write a letter, Enter, Ctrl-d, Alt-x"))?;
        Ok(chord)
    }
}

fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let first = chars.next()?;
    (chars.next().is_none() && first.is_ascii_graphic()).then_some(first)
}

const NAMED: &[(Key, &str)] = &[
    (Key::Char(' '), "Space"),
    (Key::Enter, "Enter"),
    (Key::Esc, "Esc"),
    (Key::Tab, "Tab"),
    (Key::BackTab, "Shift-Tab"),
    (Key::Backspace, "Backspace"),
    (Key::Delete, "Delete"),
    (Key::Up, "Up"),
    (Key::Down, "Down"),
    (Key::Left, "Left"),
    (Key::Right, "Right"),
    (Key::Home, "Home"),
    (Key::End, "End"),
    (Key::PageUp, "PageUp"),
    (Key::PageDown, "PageDown"),
];

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        match NAMED.iter().find(|(key, _)| *key == self.key) {
            Some((_, name)) => f.write_str(name),
            None => match self.key {
                Key::Char(c) => write!(f, "{c}"),
                _ => Ok(()),
            },
        }
    }
}

/// One fault in the `[keys]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFault {
    /// The command whose line it is.
    pub command: String,
    /// What is wrong.
    pub what: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

impl KeyFault {
    /// Says of a chord that two commands have where both mean something: of the line that the configuration has.
    fn clash(chord: Chord, first: &str, second: &str, is_configured: [bool; 2]) -> Self {
        let (command, other) = match is_configured {
            [true, false] => (first, second),
            _ => (second, first),
        };
        let is_shipped = is_configured.contains(&false);
        Self {
            command: command.to_owned(),
            what: if is_shipped {
                format!("{chord} is the key of {other:?} already")
            } else {
                format!("{chord} is bound to {other:?} and to {command:?}")
            },
            hint: is_shipped.then(|| format!("give {other} another key, too, or none: []")),
        }
    }
}

/// Gives the key that terminals send for a chord of Ctrl: the chord itself never arrives.
fn sent_instead(chord: Chord) -> Option<Key> {
    match chord.key {
        Key::Char('m' | 'M') if chord.ctrl => Some(Key::Enter),
        Key::Char('i' | 'I') if chord.ctrl => Some(Key::Tab),
        Key::Char('[') if chord.ctrl => Some(Key::Esc),
        _ => None,
    }
}

/// Reads a chord that a terminal can send; else gives what is wrong, and perhaps a hint.
fn arriving(text: &str) -> Result<Chord, (String, Option<String>)> {
    let chord = Chord::parse(text).map_err(|what| (what, None))?;
    let Some(key) = sent_instead(chord) else {
        return Ok(chord);
    };
    let sent = Chord {
        key,
        ctrl: false,
        ..chord
    };
    let hint = format!("bind {sent} itself, or another letter");
    Err((format!("terminals send {sent} for {chord}"), Some(hint)))
}

/// Which command a chord means in which context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    bound: BTreeMap<(Context, Chord), Command>,
    keys: BTreeMap<&'static str, Vec<Chord>>,
}

impl Default for Keymap {
    fn default() -> Self {
        // The shipped table has no faults: a test holds it.
        Self::build(&BTreeMap::new()).unwrap_or_else(|_| Self {
            bound: BTreeMap::new(),
            keys: BTreeMap::new(),
        })
    }
}

impl Keymap {
    /// Builds the map from the table of commands and the configured keys.
    ///
    /// # Errors
    /// Gives all faults at once: unknown commands, keys that are none, and keys bound twice in one context.
    pub fn build(configured: &BTreeMap<String, Vec<String>>) -> Result<Self, Vec<KeyFault>> {
        let mut faults = Vec::new();
        for id in configured.keys() {
            if !COMMANDS.iter().any(|spec| spec.id == id) {
                faults.push(KeyFault {
                    command: id.clone(),
                    what: format!("{id:?} is no command; `quell keys` lists them"),
                    hint: None,
                });
            }
        }
        let mut keys: BTreeMap<&'static str, Vec<Chord>> = BTreeMap::new();
        for spec in COMMANDS {
            let texts: Vec<&str> = match configured.get(spec.id) {
                Some(own) => own.iter().map(String::as_str).collect(),
                None => spec.keys.to_vec(),
            };
            let mut chords = Vec::new();
            for text in texts {
                match arriving(text) {
                    Ok(chord) => chords.push(chord),
                    Err((what, hint)) => faults.push(KeyFault {
                        command: spec.id.to_owned(),
                        what,
                        hint,
                    }),
                }
            }
            keys.insert(spec.id, chords);
        }
        let mut bound: BTreeMap<(Context, Chord), Command> = BTreeMap::new();
        for spec in COMMANDS {
            for chord in keys.get(spec.id).into_iter().flatten() {
                for other in COMMANDS.iter().take_while(|other| other.id != spec.id) {
                    let clash = other.context.meets(spec.context)
                        && keys
                            .get(other.id)
                            .is_some_and(|chords| chords.contains(chord));
                    if clash {
                        let is_configured =
                            [other.id, spec.id].map(|id| configured.contains_key(id));
                        faults.push(KeyFault::clash(*chord, other.id, spec.id, is_configured));
                    }
                }
                bound.insert((spec.context, *chord), spec.command);
            }
        }
        if faults.is_empty() {
            Ok(Self { bound, keys })
        } else {
            Err(faults)
        }
    }

    /// Finds the command of a chord: the context's own first, then those that hold everywhere.
    pub fn find(&self, context: Context, chord: Chord) -> Option<Command> {
        self.bound
            .get(&(context, chord))
            .or_else(|| {
                context
                    .is_pane()
                    .then(|| self.bound.get(&(Context::Everywhere, chord)))
                    .flatten()
            })
            .copied()
    }

    /// Gives the keys of a command by its id, as shown.
    pub fn keys_of(&self, id: &str) -> &[Chord] {
        self.keys.get(id).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_shipped_table_has_no_faults() {
        assert_eq!(Keymap::build(&BTreeMap::new()).map(|_| ()), Ok(()));
    }

    #[test]
    fn every_chord_reads_back_as_written() {
        for spec in COMMANDS {
            for text in spec.keys {
                assert_eq!(
                    Chord::parse(text).map(|chord| chord.to_string()),
                    Ok((*text).to_owned())
                );
            }
        }
    }

    #[test]
    fn all_faults_come_at_once() {
        let configured = BTreeMap::from([
            ("quit".to_owned(), vec!["j".to_owned()]),
            ("help".to_owned(), vec!["Ctrl-".to_owned()]),
            ("fly".to_owned(), vec!["f".to_owned()]),
        ]);
        let faults = Keymap::build(&configured).err().unwrap_or_default();
        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    fn one(configured: &[(&str, &str)]) -> KeyFault {
        let configured = configured
            .iter()
            .map(|(id, key)| ((*id).to_owned(), vec![(*key).to_owned()]))
            .collect();
        let faults = Keymap::build(&configured).err().unwrap_or_default();
        let [fault] = faults.as_slice() else {
            panic!("one fault: {faults:?}");
        };
        fault.clone()
    }

    #[test]
    fn a_clash_stands_at_the_line_that_was_written() {
        let first = one(&[("search", "q")]);
        assert_eq!(first.command, "search");
        assert_eq!(first.what, "q is the key of \"quit\" already");
        assert_eq!(
            first.hint.as_deref(),
            Some("give quit another key, too, or none: []")
        );
        let second = one(&[("quit", ":")]);
        assert_eq!(second.command, "quit");
        assert_eq!(second.what, ": is the key of \"search\" already");
        let both = one(&[("quit", "Alt-x"), ("search", "Alt-x")]);
        assert!(both.what.contains("quit") && both.what.contains("search"));
        assert_eq!(both.hint, None);
    }

    #[rstest]
    #[case("Ctrl-m", "Enter")]
    #[case("Ctrl-i", "Tab")]
    #[case("Ctrl-[", "Esc")]
    fn a_chord_that_never_arrives_is_refused(#[case] chord: &str, #[case] sent: &str) {
        let fault = one(&[("quit", chord)]);
        assert_eq!(fault.what, format!("terminals send {sent} for {chord}"));
        let hint = fault.hint.unwrap_or_default();
        assert!(hint.contains(sent), "{hint}");
    }
}
