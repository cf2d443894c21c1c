//! What can complete the term that is being typed: names of fields, then values that were seen, the commonest first.
//!
//! What must not live here: keys.

use std::collections::BTreeSet;

use super::{Field, Pattern, Term};
use crate::domain::timeline::activity::Activity;

/// Most completions offered.
const MOST: usize = 20;
/// Longest value offered, in characters: a longer one cannot be told from others on a line.
const LONGEST: usize = 120;

/// Gives the lines that the last term of a line can become.
pub fn completions<'a>(
    line: &str,
    activity: &Activity,
    tags: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let (before, term) = line.split_at(last_term(line));
    let (not, term) = match term.strip_prefix('-') {
        Some(term) => (true, term),
        None => (false, term),
    };
    let sign = if not { "-" } else { "" };
    let Some((name, typed)) = term.split_once(':') else {
        let typed = term.to_ascii_lowercase();
        return Field::ALL
            .iter()
            .filter(|field| field.key().starts_with(&typed))
            .map(|field| format!("{before}{sign}{}:", field.key()))
            .collect();
    };
    let Some(field) = Field::named(name) else {
        return Vec::new();
    };
    let typed = typed.trim_start_matches('"').to_lowercase();
    if let Some(words) = field.words() {
        let fits = Pattern::Part(typed);
        return words
            .into_iter()
            .filter(|word| fits.means(word))
            .map(|word| format!("{before}{sign}{name}:{word}"))
            .collect();
    }
    let values: Vec<String> = if field == Field::Tag {
        let all: BTreeSet<&str> = tags.into_iter().collect();
        all.into_iter().map(str::to_owned).collect()
    } else {
        activity.seen(field)
    };
    let offered = values
        .into_iter()
        .filter(|value| value.chars().count() <= LONGEST && value.to_lowercase().contains(&typed));
    offered
        .take(MOST)
        .map(|value| {
            let term = Term {
                not,
                ..Term::whole(field, value)
            };
            format!("{before}{term}")
        })
        .collect()
}

/// Finds where the last term of a line begins; an open quotation mark belongs to its term.
fn last_term(line: &str) -> usize {
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => start = at + c.len_utf8(),
            _ => {}
        }
    }
    start
}
