//! The text of a theme to the looks it gives: every fault at once, each with its line.

use std::collections::BTreeMap;
use std::ops::Range;

use ratatui::style::{Modifier, Style};
use toml::de::{DeTable, DeValue};

use super::color::parse_color;
use super::{BUILTIN, Colors, Role, ThemeFault, builtin};
use crate::config::nearest::nearest;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// The key that names the theme to start from.
const INHERITS: &str = "inherits";

/// Looks by role, or by the part of a role before its dot.
pub(super) type Given = BTreeMap<&'static str, Style>;

/// What is being read.
struct Reading<'a> {
    name: &'a str,
    text: &'a str,
    colors: Colors,
    faults: Vec<(usize, ThemeFault)>,
    given: Given,
}

/// Reads a theme with what it inherits.
pub(super) fn parse(name: &str, text: &str, colors: Colors) -> Result<Given, Vec<ThemeFault>> {
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut reading = Reading {
        name,
        text,
        colors,
        faults: Vec::new(),
        given: Given::new(),
    };
    for error in &syntax {
        let what = Untrusted::new(error.message()).line();
        reading.fault(&error.span().unwrap_or(0..0), &what);
    }
    let table = table.get_ref();
    if let Some(base) = table.get(INHERITS) {
        reading.inherit(base.get_ref(), &base.span());
    }
    reading.table("", table);
    if reading.faults.is_empty() {
        return Ok(reading.given);
    }
    reading.faults.sort_by_key(|(at, _)| *at);
    Err(reading.faults.into_iter().map(|(_, fault)| fault).collect())
}

impl Reading<'_> {
    fn fault(&mut self, span: &Range<usize>, what: &Safe) {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let name = Untrusted::new(self.name).ident();
        let fault = ThemeFault(safe!("{}:{}: {}", name, line, what));
        self.faults.push((span.start, fault));
    }

    fn inherit(&mut self, base: &DeValue<'_>, span: &Range<usize>) {
        let known = || BUILTIN.iter().map(|(name, _)| Safe::fixed(name));
        let text = base.as_str().and_then(builtin);
        // Those that quell brings along can be read; a test holds that.
        if let Some(Ok(given)) = text.map(|text| parse(INHERITS, text, self.colors)) {
            self.given = given;
        } else {
            let known = Safe::join(known(), &Safe::fixed(", "));
            self.fault(span, &safe!("inherits is none of {}", known));
        }
    }

    /// Reads a table; `state.proven` without quotes is a table in a table.
    fn table(&mut self, above: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let own = key.get_ref().as_ref();
            let path = if above.is_empty() {
                own.to_owned()
            } else {
                format!("{above}.{own}")
            };
            if path == INHERITS {
                continue;
            }
            match value.get_ref() {
                DeValue::Table(inner) if above.is_empty() => self.table(&path, inner),
                DeValue::String(text) => self.look(&path, text, &key.span(), &value.span()),
                _ => {
                    let shown = Untrusted::new(path).field();
                    self.fault(&value.span(), &safe!("{} is not text in quotes", shown));
                }
            }
        }
    }

    fn look(&mut self, path: &str, text: &str, key: &Range<usize>, value: &Range<usize>) {
        let shown = Untrusted::new(path).field();
        let Some(known) = known_key(path) else {
            let roles: Vec<&str> = Role::ALL.iter().map(|role| role.key()).collect();
            let near = nearest(path, &roles).map_or_else(Safe::default, |name| {
                safe!("; did you mean {}?", Untrusted::new(name).field())
            });
            self.fault(key, &safe!("{} is no role{}", shown, near));
            return;
        };
        match parse_style(text, self.colors) {
            Ok(style) => {
                self.given.insert(known, style);
            }
            Err(word) => {
                let what = safe!("{}: {} is no colour and no attribute", shown, word.field());
                self.fault(value, &what);
            }
        }
    }
}

/// Gives the role of a name, or the part of one before its dot.
fn known_key(key: &str) -> Option<&'static str> {
    Role::ALL.iter().find_map(|role| {
        let own = role.key();
        if own == key {
            return Some(own);
        }
        own.split_once('.')
            .map(|(parent, _)| parent)
            .filter(|parent| *parent == key)
    })
}

fn parse_style(text: &str, colors: Colors) -> Result<Style, Untrusted> {
    let mut style = Style::default();
    let mut background = false;
    for word in text.split_whitespace() {
        match word {
            "on" => {
                background = true;
                continue;
            }
            "bold" => style = style.add_modifier(Modifier::BOLD),
            "dim" => style = style.add_modifier(Modifier::DIM),
            "underline" => style = style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style = style.add_modifier(Modifier::REVERSED),
            "default" => {}
            _ => {
                let color = parse_color(word, colors).ok_or_else(|| Untrusted::new(word))?;
                style = if background {
                    style.bg(color)
                } else {
                    style.fg(color)
                };
            }
        }
        background = false;
    }
    Ok(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_come_at_once_with_their_lines() {
        let text = "# mine\nnonsense = \"red\"\ndim = \"mauve\"\nkey = 3\nstate.provn = \"red\"\n\
                    \"state.refuted\" = \"#12\"\ninherits = \"drak\"\n";
        let faults = parse("mine.toml", text, Colors::True)
            .err()
            .unwrap_or_default();
        let lines: Vec<&str> = faults.iter().map(|fault| fault.0.as_str()).collect();
        assert_eq!(
            lines,
            [
                "mine.toml:2: nonsense is no role",
                "mine.toml:3: dim: mauve is no colour and no attribute",
                "mine.toml:4: key is not text in quotes",
                "mine.toml:5: state.provn is no role; did you mean state.proven?",
                "mine.toml:6: state.refuted: #12 is no colour and no attribute",
                "mine.toml:7: inherits is none of dark, light, high-contrast, color-blind, ansi16, no-color",
            ]
        );
    }

    #[test]
    fn a_text_that_is_no_toml_names_its_line() {
        let text = "dim = \"red\"\nkey = \n= 4\n";
        let faults = parse("x", text, Colors::True).err().unwrap_or_default();
        assert!(
            faults
                .iter()
                .any(|fault| fault.0.as_str().starts_with("x:2: ")),
            "{faults:?}"
        );
    }
}
