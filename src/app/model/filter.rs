//! The filter of the queue as typed: words, and `user:`, `sev:`, `owner:`, `is:` with what they ask for.
//!
//! What must not live here: the rows themselves (`queue`).

use crate::domain::case::{Case, Subject};
use crate::domain::severity::Severity;
use crate::domain::text::Untrusted;

/// What one word of a filter asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    /// The text stands anywhere in the row.
    Word(String),
    /// The user's name holds the text.
    User(String),
    /// The severity is one of these.
    Severity(Vec<Severity>),
    /// The owner's login holds the text.
    Owner(String),
    /// Nobody owns it.
    Nobody,
    /// The operator owns it.
    Mine,
    /// It is snoozed.
    Snoozed,
    /// It is marked.
    Marked,
    /// It can never hold: the word stands for nothing.
    Never,
}

/// A filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    asks: Vec<Ask>,
    /// The word that means nothing, if there is one.
    pub wrong: Option<String>,
}

/// What is known of a row beside its case.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Whom it is about.
    pub subject: Option<&'a Subject>,
    /// Login of the operator.
    pub me: Option<&'a Untrusted>,
    /// Whether it is snoozed.
    pub snoozed: bool,
    /// Whether it is marked.
    pub marked: bool,
}

impl Filter {
    /// Reads a filter; what has no meaning lets nothing through and is kept as `wrong`.
    ///
    /// A key without a value is still being typed and asks for nothing.
    pub fn parse(text: &str) -> Self {
        let mut filter = Self::default();
        for word in text.split_whitespace().map(str::to_lowercase) {
            let ask = match word.split_once(':') {
                Some((_, "")) => continue,
                Some(("user", name)) => Ask::User(name.to_owned()),
                Some(("owner", "me")) => Ask::Mine,
                Some(("owner", "none" | "nobody" | "-")) => Ask::Nobody,
                Some(("owner", name)) => Ask::Owner(name.to_owned()),
                Some(("sev", value)) => severities(value).map_or(Ask::Never, Ask::Severity),
                Some(("is", "snoozed")) => Ask::Snoozed,
                Some(("is", "marked")) => Ask::Marked,
                Some(("is", value))
                    if "snoozed".starts_with(value) || "marked".starts_with(value) =>
                {
                    continue;
                }
                Some(("is", _)) => Ask::Never,
                _ => Ask::Word(word.clone()),
            };
            if ask == Ask::Never {
                filter.wrong.get_or_insert(word);
            }
            filter.asks.push(ask);
        }
        filter
    }

    /// Tells whether snoozed cases are asked for.
    pub fn wants_snoozed(&self) -> bool {
        self.asks.contains(&Ask::Snoozed)
    }

    /// Tells whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.asks.is_empty()
    }

    /// Tells whether a case passes.
    pub fn passes(&self, case: &Case, known: Known<'_>) -> bool {
        let mut whole: Option<String> = None;
        self.asks.iter().all(|ask| match ask {
            Ask::Word(word) => whole
                .get_or_insert_with(|| all_of(case, known.subject))
                .contains(word.as_str()),
            Ask::User(name) => users(known.subject)
                .iter()
                .any(|user| user.raw().to_lowercase().contains(name.as_str())),
            Ask::Severity(wanted) => wanted.contains(&case.severity),
            Ask::Owner(name) => {
                let owner = case.assignee.as_ref();
                owner.is_some_and(|owner| owner.raw().to_lowercase().contains(name.as_str()))
            }
            Ask::Nobody => case.assignee.is_none(),
            Ask::Mine => case.assignee.is_some() && case.assignee.as_ref() == known.me,
            Ask::Snoozed => known.snoozed,
            Ask::Marked => known.marked,
            Ask::Never => false,
        })
    }
}

/// Reads `high`, `crit,high`, `high+`: what a severity's word begins with; `+` takes those above along.
fn severities(value: &str) -> Option<Vec<Severity>> {
    let mut wanted = Vec::new();
    for part in value.split(',').filter(|part| !part.is_empty()) {
        let (part, above) = part
            .strip_suffix('+')
            .map_or((part, false), |part| (part, true));
        let named = |severity: &&Severity| severity.word().to_lowercase().starts_with(part);
        let first = Severity::ALL.iter().find(named)?;
        wanted.extend(
            Severity::ALL
                .into_iter()
                .filter(|one| one == first || (above && one > first)),
        );
    }
    Some(wanted)
}

/// Gives the names a subject holds.
pub fn users(subject: Option<&Subject>) -> &[Untrusted] {
    match subject {
        Some(Subject::User(user)) => std::slice::from_ref(user),
        Some(Subject::Several(users)) => users,
        Some(Subject::NoUser) | None => &[],
    }
}

fn all_of(case: &Case, subject: Option<&Subject>) -> String {
    let mut text = format!(
        "#{} {} {} {}",
        case.number.unwrap_or_default(),
        case.title.raw(),
        case.severity.word(),
        case.status.word(),
    );
    let more = case.assignee.iter().chain(&case.tags).chain(users(subject));
    for one in more {
        text.push(' ');
        text.push_str(one.raw());
    }
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples;
    use crate::domain::ids::CaseId;
    use crate::domain::severity::CaseStatus;

    #[rstest]
    #[case("", true)]
    #[case("travel", true)]
    #[case("travel phish", false)]
    #[case("user:mara", true)]
    #[case("user:tom", false)]
    #[case("user:", true)]
    #[case("sev:high", true)]
    #[case("sev:h", true)]
    #[case("sev:critical", false)]
    #[case("sev:med+", true)]
    #[case("sev:crit,high", true)]
    #[case("sev:purple", false)]
    #[case("owner:me", true)]
    #[case("owner:none", false)]
    #[case("owner:jo", true)]
    #[case("owner:kim", false)]
    #[case("is:snoozed", false)]
    #[case("is:marked", true)]
    #[case("user:mara sev:high owner:me travel", true)]
    fn a_row_passes(#[case] filter: &str, #[case] passes: bool) {
        let case = Case {
            id: CaseId::new(samples::connection(), "~1"),
            number: Some(1),
            title: "Impossible travel".into(),
            description: "".into(),
            severity: Severity::High,
            status: CaseStatus::New,
            vendor_status: "New".into(),
            assignee: Some("jo@acme.example".into()),
            created: DateTime::UNIX_EPOCH,
            updated: None,
            tags: Vec::new(),
            fields: Vec::new(),
        };
        let known = Known {
            subject: Some(&Subject::User("Mara.Lind".into())),
            me: Some(&"jo@acme.example".into()),
            snoozed: false,
            marked: true,
        };
        assert_eq!(Filter::parse(filter).passes(&case, known), passes);
    }

    #[test]
    fn a_word_that_means_nothing_is_named() {
        assert_eq!(
            Filter::parse("sev:purple").wrong.as_deref(),
            Some("sev:purple")
        );
        assert_eq!(Filter::parse("sev:hi travel").wrong, None);
    }
}
