//! When a step applies, in the words of the runbook.
//!
//! What must not live here: whether it applies (`condition` judges), and other marks of a step.

use super::verbs;

/// Characters of a step in which its condition may stand.
const NEAR: usize = 300;

/// Finds when the step applies: an aside in its name, at its beginning or at the end of its first sentence, the aside
/// right below it, or a beginning with *If ...,*.
///
/// `lead` is the name of the step, `text` what follows it.
pub(super) fn condition_of(lead: &str, text: &str, below: Option<&str>) -> Option<String> {
    let named = asides(lead).find(|aside| is_condition(aside));
    if let Some(aside) = named {
        return Some(conditional(aside).unwrap_or_else(|| aside.to_owned()));
    }
    let near = text
        .char_indices()
        .nth(NEAR)
        .and_then(|(end, _)| text.get(..end))
        .unwrap_or(text);
    // What follows a dash says more about the step; it does not say when.
    let explains = !lead.is_empty() && near.trim_start().starts_with(['-', '\u{2013}', '\u{2014}']);
    let near = near.trim_start_matches([':', ' ', '*']);
    let goes_on = !lead.trim_end().ends_with([':', '.']) && !text.trim_start().starts_with(':');
    beginning_aside(near)
        .or_else(|| goes_on.then(|| closing_aside(near)).flatten())
        .or(below)
        .filter(|aside| is_condition(aside))
        .map(|aside| conditional(aside).unwrap_or_else(|| aside.trim_end_matches('.').to_owned()))
        .or_else(|| conditional(lead))
        .or_else(|| (!explains).then(|| conditional(near)).flatten())
}

/// Finds the condition that a heading or a bold line puts on all below it: *If the credential is a password*.
pub(super) fn condition_of_heading(heading: &str) -> Option<String> {
    let heading = heading.trim().trim_end_matches(':');
    let begins = ["if ", "only if ", "when ", "in case of ", "unless "]
        .iter()
        .any(|word| begins_with(heading, word));
    let short = heading.chars().count() <= 160 && !heading.contains(". ");
    (begins && short).then(|| conditional(heading).unwrap_or_else(|| heading.to_owned()))
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// Words of an aside that say when, and not only that something may be missing (*if any*).
fn is_condition(aside: &str) -> bool {
    let aside = aside.trim();
    let begins = [
        "if ",
        "requires ",
        "when ",
        "only if ",
        "only when ",
        "only for ",
        "unless ",
    ]
    .iter()
    .any(|word| begins_with(aside, word));
    let empty = ["if any", "if known", "if provided", "if determined"]
        .iter()
        .any(|word| aside.eq_ignore_ascii_case(word));
    begins && !empty
}

/// `(if so) do it` gives the aside.
fn beginning_aside(text: &str) -> Option<&str> {
    text.trim_start()
        .strip_prefix('(')?
        .split_once(')')
        .map(|(aside, _)| aside.trim())
}

/// `Do it (here) (if so). And more` gives the last aside of the first sentence, when that ends with it.
fn closing_aside(text: &str) -> Option<&str> {
    let ends = |after: &str| {
        after.trim_start_matches([' ', '*']).is_empty() || after.starts_with(['.', ':', '\n'])
    };
    let (at, _) = text
        .match_indices(')')
        .find(|(at, _)| text.get(at + 1..).is_some_and(ends))?;
    let (sentence, aside) = text.get(..at)?.rsplit_once('(')?;
    let first = sentence.trim_end().trim_end_matches('.');
    (!first.contains(". ")).then(|| aside.trim())
}

/// `If confirmed, act` gives `If confirmed`; `If a, b, or c is so, act` gives `If a, b, or c is so`.
fn conditional(text: &str) -> Option<String> {
    let start = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let begins = ["if ", "only if ", "unless "]
        .iter()
        .any(|word| begins_with(start, word));
    if !begins {
        return None;
    }
    let mut depth = 0_u32;
    let mut end = start.len();
    let mut commas: Vec<usize> = Vec::new();
    for (at, c) in start.char_indices() {
        let next = start
            .get(at + c.len_utf8()..)
            .and_then(|rest| rest.chars().next());
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            ')' | ':' | '\n' | '\u{2192}' | '\u{2014}' if depth == 0 => {
                end = at;
                break;
            }
            ',' if depth == 0 => commas.push(at),
            '.' if depth == 0 && next.is_none_or(char::is_whitespace) => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let end = end_of_clause(start, &commas, end);
    let condition = start.get(..end)?.trim();
    let said = is_condition(condition) && condition.chars().count() <= 160;
    said.then(|| condition.to_owned())
}

/// Finds the comma that ends a clause: one that neither joins (*, or the host*) nor is part of a series that is
/// joined (*the alert, case, or host*); without such a comma the first one that orders follow, else `end`.
fn end_of_clause(text: &str, commas: &[usize], end: usize) -> usize {
    let after = |i: usize| {
        let from = commas.get(i).map_or(end, |at| at + 1);
        let to = commas.get(i + 1).copied().unwrap_or(end);
        text.get(from..to).unwrap_or_default().trim()
    };
    let joins = |i: usize| {
        ["or ", "and ", "nor ", "but "]
            .iter()
            .any(|word| begins_with(after(i), word))
    };
    let orders = |i: usize| {
        let words = after(i);
        let words = words
            .split_once(' ')
            .filter(|_| joins(i))
            .map_or(words, |(_, rest)| rest);
        verbs::is_order(words)
    };
    let mut closes = vec![true; commas.len()];
    for i in (0..commas.len()).rev() {
        // Short parts before a joining word are a series, unless all of them are orders (*isolate, and report*).
        let short = after(i).split_whitespace().count() <= 3 && i + 1 < commas.len();
        let series = short && closes.get(i + 1) == Some(&false) && !(orders(i) && orders(i + 1));
        if let Some(closes) = closes.get_mut(i) {
            *closes = !(joins(i) || series);
        }
    }
    let first = |fits: &dyn Fn(usize) -> bool| (0..commas.len()).find(|i| fits(*i));
    first(&|i| closes.get(i) == Some(&true))
        .or_else(|| first(&|i| !joins(i) && orders(i)))
        .or_else(|| first(&|i| !joins(i)))
        .and_then(|i| commas.get(i).copied())
        .unwrap_or(end)
}

/// Tells whether the whole text is one aside in parentheses, such as `(Requires email tools)`.
pub(super) fn whole_aside(text: &str) -> Option<&str> {
    let inner = text
        .trim()
        .trim_end_matches('.')
        .strip_prefix('(')?
        .strip_suffix(')')?;
    (!inner.contains(['(', ')'])).then_some(inner)
}

fn asides(text: &str) -> impl Iterator<Item = &str> {
    text.split('(')
        .skip(1)
        .filter_map(|part| part.split_once(')').map(|(inner, _)| inner.trim()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Re-enable Account (If Disabled):", "do it", Some("If Disabled"))]
    #[case("Re-enable:", "(Requires IDP tools) do it", Some("Requires IDP tools"))]
    #[case(
        "Disable it",
        " with `x` (if that was decided).",
        Some("if that was decided")
    )]
    #[case("", "Update the case (if applicable)", Some("if applicable"))]
    #[case("Ensure:", " threats (if any) are handled", None)]
    #[case("Look:", " at the case (if open). Then act", None)]
    #[case("", "If confirmed, act", Some("If confirmed"))]
    #[case(
        "Enrich:",
        " If it has IOCs (IPs, domains), enrich",
        Some("If it has IOCs (IPs, domains)")
    )]
    #[case(
        "",
        "If the alert, case, or host is ours, close it",
        Some("If the alert, case, or host is ours")
    )]
    #[case(
        "",
        "If it is new, or unknown, the lead decides",
        Some("If it is new, or unknown")
    )]
    #[case("", "If confirmed, isolate, and report", Some("If confirmed"))]
    #[case(
        "",
        "If confirmed, the lead decides, and reports",
        Some("If confirmed")
    )]
    #[case("If `X` is set:", " do it", Some("If `X` is set"))]
    #[case("Check it", " \u{2014} if it is bad, act", None)]
    #[case(
        "",
        "Clicks on them (links) (requires proxy logs).",
        Some("requires proxy logs")
    )]
    #[case("", "Act now (see below).", None)]
    #[case("", "Ifs and buts, all", None)]
    fn conditions(#[case] lead: &str, #[case] rest: &str, #[case] expected: Option<&str>) {
        assert_eq!(condition_of(lead, rest, None).as_deref(), expected);
    }
}
