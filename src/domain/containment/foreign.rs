//! Which comments of a case tell of actions that are in the log of another host or user.
//!
//! A comment can be written by anybody, so what is counted here informs and decides nothing. What must not live here: what
//! such a comment says of an account (`told`), the warning before the same is done again (`note`).

use crate::domain::case::Comment;
use crate::domain::ids::ActionId;

/// Stands before the id of an action in records and reports.
const ACTION: &str = "[action ";

/// Counts the comments with our mark that name actions, where not one of them is known.
pub fn count(comments: &[Comment], is_known: impl Fn(&ActionId) -> bool) -> usize {
    let is_foreign = |comment: &&Comment| {
        let actions = named(comment.message.raw());
        !actions.is_empty() && !actions.iter().any(&is_known)
    };
    comments.iter().filter(is_foreign).count()
}

/// Lists the actions that a comment of a console names: in brackets, and in the mark of what a watch saw after one.
fn named(text: &str) -> Vec<ActionId> {
    let is_mark = |line: &&str| line.trim().starts_with("quell:");
    let Some(mark) = text.lines().find(is_mark) else {
        return Vec::new();
    };
    let written = text.split(ACTION).skip(1).chain(mark.split('-').skip(1));
    let ids = written.map(|rest| {
        rest.chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
    });
    ids.filter_map(|id| ActionId::parse(&id).ok()).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::hold::drift_marker;
    use crate::domain::containment::samples::{aid, at};

    fn comment(message: &str) -> Comment {
        Comment {
            id: "~1".into(),
            author: "jo@acme.example".into(),
            at: at(0),
            edited: false,
            message: message.into(),
        }
    }

    #[rstest]
    #[case::a_record("- disable account: **proven** [action {A}]\n\nquell:01J", 1)]
    #[case::a_report("- disable account of x: proven \\[action {A}\\]\n\nquell:01J", 1)]
    #[case::one_is_ours("[action {A}]\n[action {B}]\nquell:01J", 0)]
    #[case::ours("[action {B}]\nquell:01J", 0)]
    #[case::a_note("enabled it again by hand\n\nquell:01J", 0)]
    #[case::without_a_mark("[action {A}]", 0)]
    #[case::the_mark_is_quoted("as quell:01J said: [action {A}]", 0)]
    #[case::no_id("[action of mine]\nquell:01J", 0)]
    fn what_another_log_has_on_record_is_counted(#[case] text: &str, #[case] expected: usize) {
        let text = text
            .replace("{A}", &aid(1).to_string())
            .replace("{B}", &aid(2).to_string());
        assert_eq!(count(&[comment(&text)], |one| *one == aid(2)), expected);
    }

    #[test]
    fn what_a_watch_of_another_host_saw_is_counted() {
        let told = |number| {
            comment(&format!(
                "undone by others\n\n{}",
                drift_marker(&aid(number))
            ))
        };
        let all = [told(1), told(2), told(3)];
        assert_eq!(count(&all, |one| *one == aid(2)), 2);
    }
}
