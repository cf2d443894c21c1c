//! Lists that Markdown takes for prose, written as lists before it is read: `2.1 Isolate it`, `(1) Count`, `Step 1: Ask`,
//! `• Call`, `☐ Call`.
//!
//! No line is added or taken away, so that the numbers of the lines stay true. What must not live here: what a list
//! means for a runbook.

use std::borrow::Cow;

/// Most lines between two numbered lines that are still a part of the first of them.
const FARTHEST: usize = 60;

/// Columns by which one level of numbers is indented below the level above it.
const INDENT: usize = 4;

/// How lines are numbered: only lines of one kind continue each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `2.1`, at least two numbers.
    Dotted,
    /// `(1)`.
    Parentheses,
    /// `Step 1:`, `Step 2.1 -`.
    Step,
}

/// A line that begins with a number of which Markdown knows nothing.
struct Numbered<'a> {
    at: usize,
    kind: Kind,
    number: Vec<u32>,
    /// What follows the number.
    words: &'a str,
}

/// Writes such lines as lists; a text without them stays as it is.
///
/// A numbered line counts only beside another that continues it, so that a number in prose stays prose.
pub(super) fn with_lists(text: &str) -> Cow<'_, str> {
    let mut found = Vec::new();
    let mut marked = false;
    for (at, line) in outside_fences(text) {
        let begin = line.trim_start();
        match begin.bytes().next() {
            Some(b'0'..=b'9' | b'(' | b'S' | b's') => found.extend(numbered(at, begin)),
            _ => marked |= mark_of(begin).is_some(),
        }
    }
    let valid = |pair: &[Numbered<'_>]| matches!(pair, [one, next] if follows(one, next));
    let alone = |i: usize| {
        let before = i.checked_sub(1).and_then(|j| found.get(j..=i));
        let after = found.get(i..i + 2);
        !before.is_some_and(valid) && !after.is_some_and(valid)
    };
    let alone: Vec<bool> = (0..found.len()).map(alone).collect();
    let mut single = alone.into_iter();
    found.retain(|_| single.next() == Some(false));
    if found.is_empty() && !marked {
        return Cow::Borrowed(text);
    }
    Cow::Owned(written(text, &found))
}

/// The lines that stand outside of fences, with their index.
fn outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence = None;
    text.split('\n').enumerate().filter(move |(_, line)| {
        if fence.is_none() && line.trim_start().starts_with(['`', '~'])
            || fence.is_some_and(|(mark, _)| line.trim_start().starts_with(mark))
        {
            return !is_fence(line, &mut fence);
        }
        fence.is_none()
    })
}

/// Tells whether a line opens or closes a fence, and notes which one is open.
fn is_fence(line: &str, open: &mut Option<(char, usize)>) -> bool {
    let begin = line.trim();
    let mark = begin.chars().next().unwrap_or_default();
    let length = begin.chars().take_while(|c| *c == mark).count();
    match *open {
        None => {
            let opens =
                length >= 3 && (mark == '~' || !begin.trim_start_matches('`').contains('`'));
            if opens {
                *open = Some((mark, length));
            }
            opens
        }
        Some((_, least)) => {
            if length >= least && begin.len() == length {
                *open = None;
            }
            true
        }
    }
}

fn numbered(at: usize, begin: &str) -> Option<Numbered<'_>> {
    let (kind, rest) = if let Some(rest) = begin.strip_prefix('(') {
        (Kind::Parentheses, rest)
    } else if begin
        .get(..5)
        .is_some_and(|word| word.eq_ignore_ascii_case("step "))
    {
        (Kind::Step, begin.get(5..)?.trim_start())
    } else {
        (Kind::Dotted, begin)
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (digits, after) = (rest.get(..end)?, rest.get(end..)?);
    let digits = digits.strip_suffix('.').unwrap_or(digits);
    let number: Vec<u32> = digits
        .split('.')
        .map(|part| part.parse().ok().filter(|n| (1..100).contains(n)))
        .collect::<Option<_>>()?;
    let words = match kind {
        Kind::Dotted if number.len() >= 2 => after.strip_prefix(')').unwrap_or(after),
        Kind::Parentheses if number.len() == 1 => after.strip_prefix(')')?,
        Kind::Step => {
            let after = after.trim_start();
            let apart = after.trim_start_matches([':', ')', '-', '\u{2013}', '\u{2014}']);
            if apart.len() == after.len() && !rest.get(..end)?.ends_with('.') {
                return None;
            }
            return worded(apart).map(|words| Numbered {
                at,
                kind,
                number,
                words,
            });
        }
        _ => return None,
    };
    let spaced = words.starts_with([' ', '\t', '\u{a0}']);
    let words = worded(words).filter(|_| spaced)?;
    Some(Numbered {
        at,
        kind,
        number,
        words,
    })
}

/// Words that may begin a step: a letter, perhaps behind markup.
fn worded(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let first = text.trim_start_matches(['*', '_', '`', '[', '"', '\u{201c}', '(']);
    first.starts_with(char::is_alphabetic).then_some(text)
}

/// Tells whether a number comes right after another: `2.1` and `2.2`, `2.2` and `2.2.1`, `2.2.1` and `2.3`, `2.3` and
/// `3.1`.
fn follows(one: &Numbered<'_>, next: &Numbered<'_>) -> bool {
    let counts = || {
        let (last, above) = next.number.split_last()?;
        let same = one.number.starts_with(above);
        let before = one.number.get(above.len());
        let deeper = same && before.is_none() && *last == 1;
        let beside = same && before.is_some_and(|before| before.checked_add(1) == Some(*last));
        let chapter = *last == 1
            && above.len() == 1
            && above.first().copied() == one.number.first().and_then(|n| n.checked_add(1));
        Some(deeper || beside || chapter)
    };
    one.kind == next.kind && counts().unwrap_or(false)
}

/// What stands for a mark that Markdown does not know, and what follows it.
fn mark_of(begin: &str) -> Option<(&'static str, &str)> {
    let mut chars = begin.chars();
    let written = match chars.next()? {
        '\u{2022}' | '\u{25e6}' | '\u{25aa}' | '\u{25cf}' | '\u{25cb}' | '\u{2023}' => "- ",
        '\u{2610}' | '\u{25a1}' => "- [ ] ",
        '\u{2611}' | '\u{2612}' => "- [x] ",
        '[' => match (chars.next()?, chars.next()?) {
            (' ', ']') => "- [ ] ",
            ('x' | 'X', ']') => "- [x] ",
            _ => return None,
        },
        _ => return None,
    };
    let rest = chars.as_str();
    let words = rest.trim_start();
    let apart = words.len() < rest.len() && words.starts_with(|c: char| !c.is_whitespace());
    apart.then_some((written, words))
}

/// Where the numbers of a chapter stand.
#[derive(Clone, Copy)]
struct Root {
    chapter: u32,
    /// How many numbers those have that stand leftmost.
    depth: usize,
    indent: usize,
}

fn written(text: &str, found: &[Numbered<'_>]) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut out: Vec<Cow<'_, str>> = lines.iter().map(|line| Cow::Borrowed(*line)).collect();
    for (at, line) in outside_fences(text) {
        let begin = line.trim_start();
        if let Some((mark, words)) = mark_of(begin) {
            let indent = line.get(..line.len() - begin.len()).unwrap_or_default();
            set(&mut out, at, format!("{indent}{mark}{words}"));
        }
    }
    let mut root: Option<Root> = None;
    for (i, one) in found.iter().enumerate() {
        let chapter = one.number.first().copied().unwrap_or_default();
        let before = i.checked_sub(1).and_then(|j| found.get(j));
        let goes_on = before
            .is_some_and(|before| follows(before, one) && is_body(&lines, before.at + 1, one.at));
        let of_root = root.filter(|root| {
            goes_on
                && (root.chapter == chapter || root.depth == 1)
                && root.depth <= one.number.len()
        });
        let here = of_root.unwrap_or_else(|| match parent(&lines, one, chapter) {
            Some(indent) => Root {
                chapter,
                depth: 2,
                indent,
            },
            None => Root {
                chapter,
                depth: one.number.len(),
                indent: 0,
            },
        });
        root = Some(here);
        let indent = here.indent + INDENT * (one.number.len() - here.depth.min(one.number.len()));
        set(&mut out, one.at, format!("{:indent$}1. {}", "", one.words));
        let next = found
            .get(i + 1)
            .filter(|next| follows(one, next) && is_body(&lines, one.at + 1, next.at));
        let end = next.map_or_else(|| paragraph_end(&lines, one.at + 1), |next| next.at);
        for at in one.at + 1..end {
            if let Some(line) = out.get_mut(at).filter(|line| !line.trim().is_empty()) {
                *line = Cow::Owned(format!("{:1$}{line}", "", indent + 3));
            }
        }
    }
    out.join("\n")
}

fn set(out: &mut [Cow<'_, str>], at: usize, text: String) {
    if let Some(line) = out.get_mut(at) {
        *line = Cow::Owned(text);
    }
}

/// Tells whether the lines between two numbered lines belong to the first of them.
fn is_body(lines: &[&str], from: usize, to: usize) -> bool {
    let own = |line: &&str| !is_apart(line);
    to.saturating_sub(from) <= FARTHEST
        && lines
            .get(from..to)
            .is_some_and(|between| between.iter().all(own))
}

/// The end of the lines right below a numbered line, up to the first that is empty or stands for itself.
fn paragraph_end(lines: &[&str], from: usize) -> usize {
    let own = |line: &&&str| !line.trim().is_empty() && !is_apart(line);
    from + lines
        .iter()
        .skip(from)
        .take(FARTHEST)
        .take_while(own)
        .count()
}

/// Headings, tables, rules, bold lines and numbered items of the text itself.
fn is_apart(line: &str) -> bool {
    let begin = line.trim();
    let ordered = || {
        let words = begin.trim_start_matches(|c: char| c.is_ascii_digit());
        words.len() < begin.len() && words.starts_with([')', '.']) && !line.starts_with([' ', '\t'])
    };
    let rule = || begin.len() >= 3 && begin.chars().all(|c| "-=*_ ".contains(c));
    let bold = || begin.starts_with("**") && begin.trim_end_matches(':').ends_with("**");
    begin.starts_with(['#', '|', '>', '<']) || ordered() || bold() || rule()
}

/// Tells where the words of `2. Containment` begin when that is the line above `2.1`.
fn parent(lines: &[&str], one: &Numbered<'_>, chapter: u32) -> Option<usize> {
    if one.kind != Kind::Dotted || one.number.len() != 2 {
        return None;
    }
    let above = lines.get(..one.at)?;
    let line = above.iter().rev().find(|line| !line.trim().is_empty())?;
    let indent = line.len() - line.trim_start().len();
    let rest = line.trim_start().strip_prefix(&chapter.to_string())?;
    let words = rest.strip_prefix(['.', ')'])?;
    let spaces = words.len() - words.trim_start().len();
    let marker = line.trim_start().len() - words.len();
    (indent < INDENT && (1..=4).contains(&spaces)).then_some(indent + marker + spaces)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2.1 Isolate it\n2.2 Block it\n", "1. Isolate it\n1. Block it\n")]
    #[case("2.1 Go\n2.1.1 Now\n2.2 Stop\n", "1. Go\n    1. Now\n1. Stop\n")]
    #[case(
        "1. Find\n1.1 Ask\nthem\n1.2 Look\n2. End\n2.1 Lock\n",
        "1. Find\n   1. Ask\n      them\n   1. Look\n2. End\n   1. Lock\n"
    )]
    #[case("(1) Count\n(2) List\n", "1. Count\n1. List\n")]
    #[case(
        "Step 1: Ask\n\nWhy.\n\nStep 2 - Act\n",
        "1. Ask\n\n   Why.\n\n1. Act\n"
    )]
    #[case("2.1 Look:\n- here\n2.2 Go\n", "1. Look:\n   - here\n1. Go\n")]
    #[case("\u{2022} Call\n  \u{25e6} him\n", "- Call\n  - him\n")]
    #[case("\u{2610} Call\r\n[x] Write\r\n", "- [ ] Call\r\n- [x] Write\r\n")]
    fn lines_become_lists(#[case] text: &str, #[case] list: &str) {
        assert_eq!(with_lists(text), list);
    }

    #[rstest]
    #[case("Use TLS\n1.3 only, or\nnothing\n")]
    #[case("1.5 million\n")]
    #[case("1.1 One\n\nand\n\n3.4 Far\n")]
    #[case("```\n2.1 code\n2.2 code\n\u{2022} code\n```\n")]
    #[case("10.0.0.1 is\n10.0.0.2 too\n")]
    #[case("2024.01 a\n2024.02 b\n")]
    #[case("Step one\nSteps 1: x\nStep 1 of 2\nStep 2 of 2\n")]
    #[case("[x](y) link\n[ ](y)\n")]
    #[case("# 2.1 Heading\n\n# 2.2 Heading\n")]
    fn what_is_no_list_stays(#[case] text: &str) {
        assert!(matches!(with_lists(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn no_line_is_added_or_taken_away() {
        let text = "1.1 a\n\n```\nb\n```\n\n1.2 c\n# H\n2.1 d\n2.1.1 e\n3. f\n3.1 g\n|t|\n3.2 h";
        assert_eq!(with_lists(text).lines().count(), text.lines().count());
    }
}
