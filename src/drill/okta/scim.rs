//! The subset of SCIM filter expressions that the vendor documents for users and for its log.

use serde_json::Value;

/// A parsed filter.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(String, Operator, String),
    Present(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    StartsWith,
    Contains,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    /// Decides for a record whose field values `values` answers.
    pub fn matches(&self, values: &dyn Fn(&str) -> Vec<Value>) -> bool {
        match self {
            Self::And(left, right) => left.matches(values) && right.matches(values),
            Self::Or(left, right) => left.matches(values) || right.matches(values),
            Self::Not(inner) => !inner.matches(values),
            Self::Present(path) => !values(path).is_empty(),
            Self::Compare(path, Operator::NotEqual, wanted) => {
                !values(path).iter().any(|value| same(value, wanted))
            }
            Self::Compare(path, operator, wanted) => values(path)
                .iter()
                .any(|value| operator.holds(value, wanted)),
        }
    }
}

impl Operator {
    fn holds(self, value: &Value, wanted: &str) -> bool {
        let text = text(value);
        match self {
            Self::Equal => same(value, wanted),
            Self::NotEqual => !same(value, wanted),
            Self::StartsWith => text.to_lowercase().starts_with(&wanted.to_lowercase()),
            Self::Contains => text.to_lowercase().contains(&wanted.to_lowercase()),
            Self::Greater => text.as_str() > wanted,
            Self::GreaterOrEqual => text.as_str() >= wanted,
            Self::Less => text.as_str() < wanted,
            Self::LessOrEqual => text.as_str() <= wanted,
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn same(value: &Value, wanted: &str) -> bool {
    text(value).eq_ignore_ascii_case(wanted)
}

/// Collects the values under a dotted path; a list on the way stands for each of its members.
pub(super) fn values(record: &Value, path: &str) -> Vec<Value> {
    let mut found = vec![record];
    for name in path.split('.') {
        found = found
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(list) => list.iter().collect(),
                other => vec![other],
            })
            .filter_map(|value| value.get(name))
            .collect();
    }
    found
        .into_iter()
        .flat_map(|value| match value {
            Value::Array(list) => list.clone(),
            Value::Null => Vec::new(),
            other => vec![other.clone()],
        })
        .collect()
}

/// Reads an expression; the error is the sentence of the vendor's error body.
pub(super) fn parse(text: &str) -> Result<Filter, String> {
    let mut tokens = tokens(text)?;
    tokens.reverse();
    let filter = either(&mut tokens, 0)?;
    match tokens.pop() {
        None => Ok(filter),
        Some(token) => Err(format!(
            "Invalid search criteria: unexpected {}",
            token.text
        )),
    }
}

struct Token {
    text: String,
    quoted: bool,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' => {}
            '(' | ')' => out.push(Token {
                text: c.to_string(),
                quoted: false,
            }),
            '"' => {
                let mut value = String::new();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => value.extend(chars.next()),
                        Some(other) => value.push(other),
                        None => return Err("Invalid search criteria: open quote".to_owned()),
                    }
                }
                out.push(Token {
                    text: value,
                    quoted: true,
                });
            }
            other => {
                let mut word = String::from(other);
                while let Some(next) = chars.next_if(|c| !matches!(c, ' ' | '(' | ')' | '"')) {
                    word.push(next);
                }
                out.push(Token {
                    text: word,
                    quoted: false,
                });
            }
        }
    }
    Ok(out)
}

fn keyword(tokens: &mut Vec<Token>, word: &str) -> bool {
    let found = tokens
        .last()
        .is_some_and(|t| !t.quoted && t.text.eq_ignore_ascii_case(word));
    if found {
        tokens.pop();
    }
    found
}

fn either(tokens: &mut Vec<Token>, depth: usize) -> Result<Filter, String> {
    let mut left = both(tokens, depth)?;
    while keyword(tokens, "or") {
        left = Filter::Or(Box::new(left), Box::new(both(tokens, depth)?));
    }
    Ok(left)
}

fn both(tokens: &mut Vec<Token>, depth: usize) -> Result<Filter, String> {
    let mut left = single(tokens, depth)?;
    while keyword(tokens, "and") {
        left = Filter::And(Box::new(left), Box::new(single(tokens, depth)?));
    }
    Ok(left)
}

fn single(tokens: &mut Vec<Token>, depth: usize) -> Result<Filter, String> {
    if depth > 20 {
        return Err("Invalid search criteria: too deep".to_owned());
    }
    if keyword(tokens, "not") {
        return Ok(Filter::Not(Box::new(single(tokens, depth + 1)?)));
    }
    if keyword(tokens, "(") {
        let inner = either(tokens, depth + 1)?;
        return if keyword(tokens, ")") {
            Ok(inner)
        } else {
            Err("Invalid search criteria: open parenthesis".to_owned())
        };
    }
    let mut word = || {
        tokens
            .pop()
            .ok_or("Invalid search criteria: it ends too early".to_owned())
    };
    let path = word()?;
    let operator = word()?;
    if path.quoted || operator.quoted {
        return Err(format!("Invalid search criteria: {}", path.text));
    }
    let operator = match operator.text.to_ascii_lowercase().as_str() {
        "pr" => return Ok(Filter::Present(path.text)),
        "eq" => Operator::Equal,
        "ne" => Operator::NotEqual,
        "sw" => Operator::StartsWith,
        "co" => Operator::Contains,
        "gt" => Operator::Greater,
        "ge" => Operator::GreaterOrEqual,
        "lt" => Operator::Less,
        "le" => Operator::LessOrEqual,
        other => {
            return Err(format!(
                "Invalid search criteria: unrecognized operator {other}"
            ));
        }
    };
    if path.text == "published" {
        return Err("Invalid search criteria: published may not be used in a filter".to_owned());
    }
    Ok(Filter::Compare(path.text, operator, word()?.text))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(r#"eventType eq "a""#, true)]
    #[case(r#"eventType eq "b""#, false)]
    #[case(r#"eventType eq "a" and target.id eq "t2""#, true)]
    #[case(r#"target.id eq "t3" or (eventType eq "a" and not (x pr))"#, true)]
    #[case(r#"eventType sw "A""#, true)]
    #[case(r#"a.b ne "x""#, true)]
    fn decides(#[case] text: &str, #[case] expected: bool) {
        let record = json!({"eventType": "a", "target": [{"id": "t1"}, {"id": "t2"}]});
        let filter = parse(text).unwrap();
        assert_eq!(filter.matches(&|path| values(&record, path)), expected);
    }

    #[rstest]
    #[case("eventType eq")]
    #[case(r#"eventType eq "a"#)]
    #[case(r#"(eventType eq "a""#)]
    #[case(r#"eventType is "a""#)]
    #[case(r#"published gt "2020""#)]
    #[case(r#"eventType eq "a" garbage"#)]
    fn refuses(#[case] text: &str) {
        assert!(parse(text).is_err());
    }
}
