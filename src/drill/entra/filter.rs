//! `$filter`, as far as a responder asks with it: comparisons of one field, of any value of a list, joined by `and`.

use chrono::DateTime;
use serde_json::Value;

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Equal,
    NotBefore,
    NotAfter,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Clause {
    /// The field, or the list.
    path: Vec<String>,
    /// The field of each value of the list; empty for the value itself.
    any: Option<Vec<String>>,
    how: How,
    value: String,
}

/// A whole filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter(Vec<Clause>);

/// Cuts a text at the words ` and ` outside of quotes.
fn parts(text: &str) -> Vec<String> {
    let mut quoted = false;
    let mut all = vec![String::new()];
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        if !quoted && let Some(more) = rest.strip_prefix(" and ") {
            all.push(String::new());
            rest = more;
            continue;
        }
        quoted ^= sign == '\'';
        if let Some(last) = all.last_mut() {
            last.push(sign);
        }
        rest = rest.get(sign.len_utf8()..).unwrap_or_default();
    }
    all
}

fn path(text: &str) -> Option<Vec<String>> {
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let all: Vec<&str> = text.split('/').collect();
    all.iter()
        .all(|part| is_name(part))
        .then(|| all.into_iter().map(str::to_owned).collect())
}

fn value(text: &str) -> Option<String> {
    match text.strip_prefix('\'') {
        Some(rest) => {
            let inner = rest.strip_suffix('\'')?;
            let plain = inner.replace("''", "\u{0}");
            (!plain.contains('\'')).then(|| plain.replace('\u{0}', "'"))
        }
        None => DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|_| text.to_owned()),
    }
}

fn clause(text: &str) -> Option<Clause> {
    if let Some((list, inside)) = text.split_once("/any(") {
        let (name, inner) = inside.strip_suffix(')')?.split_once(':')?;
        let inner = clause(inner)?;
        let (first, sub) = inner.path.split_first()?;
        return (first == name && inner.any.is_none()).then_some(Clause {
            path: path(list)?,
            any: Some(sub.to_vec()),
            how: inner.how,
            value: inner.value,
        });
    }
    let (field, rest) = text.split_once(' ')?;
    let (how, operand) = rest.split_once(' ')?;
    let how = match how {
        "eq" => How::Equal,
        "ge" => How::NotBefore,
        "le" => How::NotAfter,
        _ => return None,
    };
    Some(Clause {
        path: path(field)?,
        any: None,
        how,
        value: value(operand)?,
    })
}

/// Reads a filter; `None` for what the vendor would not take here.
pub(super) fn parse(text: &str) -> Option<Filter> {
    parts(text)
        .iter()
        .map(|part| clause(part))
        .collect::<Option<_>>()
        .map(Filter)
}

fn at<'a>(record: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter()
        .try_fold(record, |record, part| record.get(part))
}

impl Clause {
    fn fits(&self, record: &Value) -> bool {
        let Some(found) = at(record, &self.path) else {
            return false;
        };
        match &self.any {
            None => self.compare(found),
            Some(sub) => found.as_array().is_some_and(|all| {
                all.iter()
                    .any(|one| at(one, sub).is_some_and(|one| self.compare(one)))
            }),
        }
    }

    fn compare(&self, found: &Value) -> bool {
        let Some(text) = found.as_str() else {
            return false;
        };
        if self.how == How::Equal {
            return text.to_lowercase() == self.value.to_lowercase();
        }
        let time = |text: &str| DateTime::parse_from_rfc3339(text).ok();
        match (time(text), time(&self.value), self.how) {
            (Some(found), Some(wanted), How::NotBefore) => found >= wanted,
            (Some(found), Some(wanted), _) => found <= wanted,
            _ => false,
        }
    }
}

impl Filter {
    /// Tells whether a record fits.
    pub(super) fn fits(&self, record: &Value) -> bool {
        self.0.iter().all(|clause| clause.fits(record))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("mail eq 'Mara@x.org'", true)]
    #[case("mail eq 'o''neill'", false)]
    #[case("otherMails/any(one:one eq 'b@x.org')", true)]
    #[case("otherMails/any(one:one eq 'c@x.org')", false)]
    #[case("targets/any(t:t/id eq '7')", true)]
    #[case("by/user/id eq '9' and at ge 2026-11-21T03:00:00Z", true)]
    #[case("by/user/id eq '9' and at ge 2026-11-21T03:00:01Z", false)]
    #[case("at le 2026-11-21T03:00:00.000Z", true)]
    fn records_are_compared(#[case] text: &str, #[case] fits: bool) {
        let record = json!({
            "mail": "mara@x.org", "otherMails": ["a@x.org", "b@x.org"], "targets": [{"id": "7"}],
            "by": {"user": {"id": "9"}}, "at": "2026-11-21T03:00:00Z",
        });
        assert_eq!(parse(text).map(|filter| filter.fits(&record)), Some(fits));
    }

    #[rstest]
    #[case("mail eq 'x' or mail eq 'y'")]
    #[case("mail eq 'x''")]
    #[case("mail eq x")]
    #[case("mail like 'x'")]
    #[case("otherMails/any(one:two eq 'x')")]
    #[case("")]
    fn what_is_no_filter_is_refused(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }
}
