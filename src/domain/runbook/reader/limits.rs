//! How soon a step must be done: *within 10 minutes*, *in the first hour*, *< 15 min*.
//!
//! What must not live here: other marks of a step.

use crate::domain::runbook::TimeLimit;
use crate::domain::text::Untrusted;

/// Finds *within 10 minutes*, *within the first 24-48 hours*, *in the first hour*, *(Lead, < 15 min)*; of a range its
/// end counts.
pub(super) fn time_limit_of(text: &str) -> Option<TimeLimit> {
    let may = ["ithin", "ITHIN", "irst", "ext", "<", "\u{2264}"];
    if !may.iter().any(|part| text.contains(part)) {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    (0..words.len()).find_map(|at| limit_at(words.get(at..)?))
}

/// Tells whether a name is that of a time: *First 15 minutes*, *Within an hour*, *Next day*.
pub(super) fn begins_with_time(name: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().collect();
    let begins = words.first().is_some_and(|first| {
        ["first", "within", "next", "after"]
            .iter()
            .any(|known| first.eq_ignore_ascii_case(known))
    });
    let skipped = 1 + usize::from(words.get(1).is_some_and(|word| {
        ["the", "first", "next"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
    }));
    begins
        && words
            .get(skipped..)
            .is_some_and(|rest| amount(rest).is_some())
}

fn limit_at(words: &[&str]) -> Option<TimeLimit> {
    let (begin, rest) = words.split_first()?;
    let word = begin.trim_start_matches(['(', '*', '[']);
    let is = |what: &str| word.eq_ignore_ascii_case(what);
    let below = ["<", "\u{2264}", "<="].contains(&word);
    if !(below || is("within") || is("in")) {
        return None;
    }
    let filler = rest
        .iter()
        .take_while(|word| {
            ["the", "first", "next"]
                .iter()
                .any(|filler| word.eq_ignore_ascii_case(filler))
        })
        .count();
    if is("in") && filler < 2 {
        return None;
    }
    let (number, used) = amount(rest.get(filler..)?)?;
    let shown: Vec<&str> = words.iter().take(1 + filler + used).copied().collect();
    let shown = shown.join(" ");
    let ends = |c: char| !(c.is_alphanumeric() || below && "<=\u{2264}".contains(c));
    Some(TimeLimit {
        text: Untrusted::new(shown.trim_matches(ends)),
        minutes: number,
    })
}

/// Reads `10 minutes`, `15-30 min`, `30min`, `an hour`, `hour` as minutes and the words it took; *within hours* and
/// *within business days* say no number of minutes.
fn amount(words: &[&str]) -> Option<(u32, usize)> {
    let bare = |at: usize| {
        let word = words.get(at)?;
        Some(
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase(),
        )
    };
    let first = bare(0)?;
    let last = first
        .rsplit(['-', '\u{2013}', '\u{2014}'])
        .next()
        .unwrap_or_default();
    if let Ok(number) = last.parse::<u32>() {
        return Some((number.checked_mul(unit_of(&bare(1)?)?)?, 2));
    }
    let digits = last.trim_end_matches(char::is_alphabetic);
    if let Ok(number) = digits.parse::<u32>() {
        let unit = unit_of(last.strip_prefix(digits)?)?;
        return Some((number.checked_mul(unit)?, 1));
    }
    match last {
        "a" | "an" | "one" => Some((unit_of(&bare(1)?)?, 2)),
        "minute" | "hour" | "day" => Some((unit_of(last)?, 1)),
        _ => None,
    }
}

fn unit_of(word: &str) -> Option<u32> {
    match word {
        "min" | "mins" | "minute" | "minutes" => Some(1),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(60),
        "day" | "days" => Some(24 * 60),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Do it within 10 minutes.", Some(10))]
    #[case("Tell them within 2 hours", Some(120))]
    #[case("Immediate actions (within the first 15\u{2013}30 minutes)", Some(30))]
    #[case("In the first hour, act", Some(60))]
    #[case("within an hour of it", Some(60))]
    #[case("within 30min", Some(30))]
    #[case("Triage (Lead, < 15 min)", Some(15))]
    #[case("in 10 minutes", None)]
    #[case("within minutes", None)]
    #[case("responded within hours or days", None)]
    #[case("within 2 business days", None)]
    #[case("within reason", None)]
    #[case("within", None)]
    #[case("<", None)]
    #[case("within 99999999999 hours", None)]
    #[case("within 4294967295 hours", None)]
    fn limits(#[case] text: &str, #[case] minutes: Option<u32>) {
        assert_eq!(time_limit_of(text).map(|limit| limit.minutes), minutes);
    }

    #[test]
    fn a_limit_has_the_words_of_the_text() {
        let said = |text: &str| time_limit_of(text).map(|limit| limit.text.raw().to_owned());
        assert_eq!(
            said("(within 10 minutes)"),
            Some("within 10 minutes".into())
        );
        assert_eq!(said("Triage (< 15 min)"), Some("< 15 min".into()));
    }
}
