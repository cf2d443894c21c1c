//! Whether the condition of a step holds in a case, as far as the console can know.
//!
//! The words of runbooks are free; what is not understood is *cannot know*, never a guess. What lives here: the
//! phrases that are understood and the facts they are judged by. What must not: where the facts come from.

use chrono::{DateTime, Utc};

use crate::domain::likelihood::Likelihood;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// What is known of a case, for the conditions of its runbook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What a person decided.
    pub likelihood: Option<Likelihood>,
    /// Whether an identity provider offers actions; `None` before it was asked.
    pub identity_tools: Option<bool>,
    /// Class of the asset, in the case system's word.
    pub asset_class: Option<Untrusted>,
    /// Whether the account is disabled; `None` when it was not read.
    pub disabled: Option<bool>,
    /// Whether this console disabled the account for this case.
    pub disabled_here: Option<bool>,
    /// Times of the risky sign-ins of the same user that are known, this case's own included.
    pub risky_sign_ins: Vec<DateTime<Utc>>,
    /// Whether the case is about one named user; `None` before it was read.
    pub user_known: Option<bool>,
    /// Whether the alert says that the act was blocked.
    pub blocked: Option<bool>,
    /// Whether the case names a file's hash; `None` before it was read.
    pub hash_known: Option<bool>,
    /// Whether the case names a host; `None` before it was read.
    pub host_known: Option<bool>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    DoesNotHold,
    /// The console cannot know.
    CannotKnow,
}

impl Verdict {
    /// Gives the words shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::CannotKnow => "cannot know",
        }
    }

    fn of(known: Option<bool>) -> Self {
        match known {
            Some(true) => Self::Holds,
            Some(false) => Self::DoesNotHold,
            None => Self::CannotKnow,
        }
    }
}

/// Judges a condition; the second part says why.
pub fn judge(condition: &str, facts: &Facts) -> (Verdict, Safe) {
    let text = condition.to_lowercase();
    // A negation or an alternative turns the sense of a phrase: better no answer than its opposite.
    let twisted = [" not ", " no ", "n't ", " unless ", " without ", " or "];
    if twisted
        .iter()
        .any(|word| format!(" {text} ").contains(word))
    {
        return (
            Verdict::CannotKnow,
            "its words are not simple enough to judge".into(),
        );
    }
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["second", "again within", "twice"]) && has(&["24 h", "24h", "24 hours", "day"]) {
        return second_sign_in(facts);
    }
    if has(&["identity provider", "idp", "identity tool", "okta"])
        && has(&["tool", "available", "requires", "can be", "connected"])
    {
        return identity(facts);
    }
    if has(&[
        "server",
        "workstation",
        "critical asset",
        "laptop",
        "endpoint is",
    ]) {
        return asset(&text, facts);
    }
    if has(&[
        "account was disabled",
        "it was disabled",
        "was disabled",
        "account is disabled",
    ]) {
        return disabled(&text, facts);
    }
    if has(&["was blocked", "is blocked", "was prevented"]) {
        let why = match facts.blocked {
            Some(true) => "the alert says blocked",
            Some(false) => "the alert says not blocked",
            None => "the alert does not say",
        };
        return (Verdict::of(facts.blocked), why.into());
    }
    if has(&[
        "hash is known",
        "there is a hash",
        "hash available",
        "file hash",
    ]) {
        return named(facts.hash_known, "a file hash");
    }
    if has(&["host is known", "a host is named", "hostname"]) {
        return named(facts.host_known, "a host");
    }
    likelihood(&text, facts)
}

fn named(known: Option<bool>, what: &'static str) -> (Verdict, Safe) {
    let why = match known {
        Some(true) => safe!("the case names {}", what),
        Some(false) => safe!("the case does not name {}", what),
        None => "the case is not read yet".into(),
    };
    (Verdict::of(known), why)
}

fn identity(facts: &Facts) -> (Verdict, Safe) {
    let why = match facts.identity_tools {
        Some(true) => "the identity provider offers actions",
        Some(false) => "no identity provider offers actions",
        None => "the identity provider was not asked yet",
    };
    (Verdict::of(facts.identity_tools), why.into())
}

fn second_sign_in(facts: &Facts) -> (Verdict, Safe) {
    let mut times = facts.risky_sign_ins.clone();
    times.sort();
    let within = times
        .iter()
        .zip(times.iter().skip(1))
        .any(|(a, b)| *b - *a <= chrono::Duration::hours(24));
    if within {
        let why = safe!(
            "{} risky sign-ins of the user are known, two within 24 h",
            times.len()
        );
        return (Verdict::Holds, why);
    }
    // Cases that are not in the queue any more may hold another.
    let why = safe!(
        "{} known in the queue; older cases are not seen",
        times.len()
    );
    (Verdict::CannotKnow, why)
}

/// What is not known to be a workstation counts as a server: the careful answer.
fn asset(text: &str, facts: &Facts) -> (Verdict, Safe) {
    let Some(class) = &facts.asset_class else {
        let asks_server = text.contains("server") || text.contains("critical");
        let verdict = if asks_server {
            Verdict::Holds
        } else {
            Verdict::CannotKnow
        };
        return (
            verdict,
            "the class is not known; an unknown class counts as a server".into(),
        );
    };
    let lower = class.raw().to_lowercase();
    let is_workstation = ["workstation", "laptop", "client", "desktop"]
        .iter()
        .any(|word| lower.contains(word));
    let asks_workstation = text.contains("workstation") || text.contains("laptop");
    let verdict = Verdict::of(Some(asks_workstation == is_workstation));
    (
        verdict,
        safe!("the case says asset class {}", class.field()),
    )
}

fn disabled(text: &str, facts: &Facts) -> (Verdict, Safe) {
    let known = if text.contains("was disabled") {
        match (facts.disabled_here, facts.disabled) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }
    } else {
        facts.disabled
    };
    let why = match known {
        Some(true) => "the account is or was disabled",
        Some(false) => "the account was not disabled",
        None => "the account is not read yet",
    };
    (Verdict::of(known), why.into())
}

fn likelihood(text: &str, facts: &Facts) -> (Verdict, Safe) {
    let asked = if text.contains("confirmed") && !text.contains("unconfirmed") {
        Some(Likelihood::Confirmed)
    } else if text.contains("high") && text.contains("likel") {
        Some(Likelihood::High)
    } else if text.contains("medium") && text.contains("likel") {
        Some(Likelihood::Medium)
    } else {
        None
    };
    let Some(asked) = asked else {
        return (Verdict::CannotKnow, "a person has to know".into());
    };
    match facts.likelihood {
        None => (
            Verdict::CannotKnow,
            "nobody has judged the likelihood yet".into(),
        ),
        Some(judged) => {
            let why = safe!("likelihood judged {}", judged.word());
            (Verdict::of(Some(judged >= asked)), why)
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use rstest::rstest;

    use super::*;

    fn facts() -> Facts {
        Facts {
            likelihood: Some(Likelihood::High),
            identity_tools: Some(true),
            asset_class: Some("Workstation".into()),
            disabled: Some(false),
            disabled_here: Some(false),
            blocked: Some(true),
            hash_known: Some(false),
            host_known: Some(true),
            user_known: Some(true),
            risky_sign_ins: Vec::new(),
        }
    }

    #[rstest]
    #[case("If confirmed", Verdict::DoesNotHold)]
    #[case("likelihood is High", Verdict::Holds)]
    #[case("if the likelihood is at least medium", Verdict::Holds)]
    #[case("Requires Identity Provider tools", Verdict::Holds)]
    #[case("on a workstation", Verdict::Holds)]
    #[case("on a server", Verdict::DoesNotHold)]
    #[case("if it was disabled", Verdict::DoesNotHold)]
    #[case("if it was blocked", Verdict::Holds)]
    #[case("if it was not blocked", Verdict::CannotKnow)]
    #[case("if not confirmed", Verdict::CannotKnow)]
    #[case("confirmed or likely", Verdict::CannotKnow)]
    #[case("if the file hash is known", Verdict::DoesNotHold)]
    #[case("if one can be reached safely", Verdict::CannotKnow)]
    #[case("if that was decided", Verdict::CannotKnow)]
    #[case("", Verdict::CannotKnow)]
    fn conditions(#[case] text: &str, #[case] expected: Verdict) {
        assert_eq!(judge(text, &facts()).0, expected, "{text}");
    }

    #[rstest]
    #[case("If confirmed", Verdict::CannotKnow)]
    #[case("Requires Identity Provider tools", Verdict::CannotKnow)]
    #[case("on a server", Verdict::Holds)]
    #[case("on a workstation", Verdict::CannotKnow)]
    #[case("a second risky sign-in within 24 hours", Verdict::CannotKnow)]
    fn without_facts_nothing_is_guessed(#[case] text: &str, #[case] expected: Verdict) {
        assert_eq!(judge(text, &Facts::default()).0, expected, "{text}");
    }

    #[rstest]
    #[case(&[0, 23], Verdict::Holds)]
    #[case(&[0, 25], Verdict::CannotKnow)]
    #[case(&[0, 50, 60], Verdict::Holds)]
    #[case(&[0], Verdict::CannotKnow)]
    fn the_second_sign_in(#[case] hours: &[i64], #[case] expected: Verdict) {
        let start = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
        let facts = Facts {
            risky_sign_ins: hours
                .iter()
                .map(|h| start + chrono::Duration::hours(*h))
                .collect(),
            ..Facts::default()
        };
        let said = judge("a second risky sign-in of the user within 24 h", &facts);
        assert_eq!(said.0, expected, "{}", said.1);
    }
}
