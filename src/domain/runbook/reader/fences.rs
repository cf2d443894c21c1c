//! Lists that stand inside code blocks as plain text, with the names of phases above them.
//!
//! What must not live here: whether they are steps of the runbook.

use super::blocks::Code;
use super::names::{self, Numbering};
use super::sections::begins_with_phase;

/// One item of a list in a code block.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub line: u32,
    pub text: String,
}

/// A list in a code block under the name that stands above it.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// The line of the name and the name, when it is the name of a phase.
    pub phase: Option<(u32, String)>,
    pub items: Vec<Line>,
}

/// Reads the lists of a code block; none for code of a language and for diagrams.
pub(super) fn listings(code: &Code) -> &[Listing] {
    code.listings.get_or_init(|| find_listings(code))
}

fn find_listings(code: &Code) -> Vec<Listing> {
    let language = code.language.trim().to_lowercase();
    if !["", "text", "txt", "plaintext", "plain", "markdown", "md"].contains(&language.as_str()) {
        return Vec::new();
    }
    let mut found: Vec<Listing> = Vec::new();
    let mut blank = true;
    for (offset, raw) in code.text.lines().enumerate() {
        let line = code
            .first
            .saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        let text = raw.trim();
        if let Some(words) = item_of(text) {
            let item = Line {
                line,
                text: words.to_owned(),
            };
            match found.last_mut() {
                Some(listing) => listing.items.push(item),
                None => found.push(Listing {
                    phase: None,
                    items: vec![item],
                }),
            }
        } else if let Some(name) = phase_of(text) {
            let phase = Some((line, name));
            found.push(Listing {
                phase,
                items: Vec::new(),
            });
        } else if !text.is_empty()
            && !blank
            && raw.starts_with(char::is_whitespace)
            && let Some(last) = found
                .last_mut()
                .and_then(|listing| listing.items.last_mut())
        {
            last.text.push(' ');
            last.text.push_str(text);
        }
        blank = text.is_empty();
    }
    found.retain(|listing| !listing.items.is_empty());
    found
}

/// Tells whether a code block holds a list of two items or more.
pub(super) fn holds_list(code: &Code) -> bool {
    listings(code)
        .iter()
        .map(|listing| listing.items.len())
        .sum::<usize>()
        >= 2
}

/// `1. Patch` and `- Patch` give their words.
fn item_of(line: &str) -> Option<&str> {
    let (mark, words) = line.split_once(char::is_whitespace)?;
    let numbered = mark
        .strip_suffix(['.', ')'])
        .is_some_and(|n| !n.is_empty() && n.len() <= 4 && n.chars().all(|c| c.is_ascii_digit()));
    let words = words.trim();
    let worded = words.chars().any(char::is_alphabetic);
    (worded && (numbered || matches!(mark, "-" | "*" | "\u{2022}"))).then_some(words)
}

fn phase_of(line: &str) -> Option<String> {
    let (numbering, name) = names::without_numbering(line.trim_matches(['#', '*', ' ']));
    let short = !name.is_empty() && name.split_whitespace().count() <= 4;
    (short && (numbering == Numbering::Phase || begins_with_phase(&name))).then_some(name)
}
