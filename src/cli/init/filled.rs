//! The sample configuration with answers in it: addresses, sources of secrets, systems left out.

use crate::config::sample::SAMPLE;
use crate::domain::fault::Fault;

/// Begins the lines of a connection, and of one that stands in the sample as a comment.
const CONNECTION: &str = "[[connection]]";

/// One system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct System {
    /// Vendor, as the configuration names it.
    pub(super) vendor: &'static str,
    /// What else is known of it, by the field's name; what is missing is the sample's own.
    pub(super) fields: Vec<(&'static str, String)>,
    /// Where its secret comes from; without, the sample's own.
    pub(super) secret: Option<String>,
}

/// What the configuration is to say; nothing at all is the sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) name: Option<String>,
    pub(super) systems: Vec<System>,
}

impl Answers {
    /// Tells whether nothing was answered.
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_none() && self.systems.is_empty()
    }

    /// Tells whether a system that is there has no source of its secret yet.
    pub(super) fn lacks_secret(&self) -> bool {
        self.systems.iter().any(|system| system.secret.is_none())
    }
}

/// Fills the sample: what was answered stands in it, systems that were not named are comments.
///
/// With a name alone every system stays, as in the sample.
pub(super) fn fill(answers: &Answers) -> Result<String, Fault> {
    let mut out = String::with_capacity(SAMPLE.len());
    let mut block: Vec<&str> = Vec::new();
    for line in SAMPLE.lines() {
        let is_comment = block.first().is_some_and(|first| first.starts_with('#'));
        let over = bare(line) == CONNECTION
            || line.starts_with("# ---")
            || (is_comment && line.is_empty());
        if !block.is_empty() && over {
            flush(&block, &answers.systems, &mut out)?;
            block.clear();
        }
        if bare(line) == CONNECTION || !block.is_empty() {
            block.push(line);
        } else if let (Some(name), true) = (&answers.name, line.starts_with("name = ")) {
            push(&mut out, &format!("name = {}", quoted(name)));
        } else {
            push(&mut out, line);
        }
    }
    flush(&block, &answers.systems, &mut out)?;
    Ok(out)
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// Gives a line without the mark of a comment.
fn bare(line: &str) -> &str {
    line.strip_prefix("# ").unwrap_or(line)
}

/// Writes one connection: filled, as it is, or as a comment.
fn flush(block: &[&str], systems: &[System], out: &mut String) -> Result<(), Fault> {
    let mut vendors = block
        .iter()
        .filter_map(|line| bare(line).strip_prefix("vendor = "));
    let vendor = vendors.next().map_or("", |name| name.trim_matches('"'));
    if let Some(system) = systems.iter().find(|system| system.vendor == vendor) {
        for line in block {
            push(out, &filled(line, system)?);
        }
        return Ok(());
    }
    // Whose block is a comment stays one: it is for whoever wants it in place of another.
    for line in block {
        let mark = if systems.is_empty() || line.is_empty() || line.starts_with('#') {
            ""
        } else {
            "# "
        };
        push(out, &format!("{mark}{line}"));
    }
    Ok(())
}

/// Gives a line of a system that is there, with what was answered in it.
fn filled(line: &str, system: &System) -> Result<String, Fault> {
    let text = bare(line);
    if text == CONNECTION {
        return Ok(text.to_owned());
    }
    let key = text.split_once(" = ").map_or("", |(key, _)| key);
    let answer = system.fields.iter().find(|(field, _)| *field == key);
    Ok(match (key, answer, &system.secret) {
        (_, Some((_, value)), _) => format!("{key} = {}", quoted(value)),
        ("secret", _, Some(secret)) => format!("secret = {}", source(secret)?),
        ("name" | "vendor" | "url" | "secret", ..) => text.to_owned(),
        _ => line.to_owned(),
    })
}

/// Gives a text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Reads where a secret comes from, and writes it as the configuration does.
fn source(text: &str) -> Result<String, Fault> {
    let refused = || {
        // The text is not repeated: somebody may have pasted the secret itself.
        Fault::new(
            "the source of a secret is none of file:PATH, credential:NAME, env:NAME, command:PATH ARGUMENT...",
        )
        .hint("the secret itself never stands in the configuration")
    };
    let (kind, rest) = text.split_once(':').ok_or_else(refused)?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Err(refused());
    }
    Ok(match kind {
        "file" | "credential" | "env" => format!("{{ {kind} = {} }}", quoted(rest)),
        "command" => {
            let words: Vec<String> = rest.split_whitespace().map(quoted).collect();
            format!("{{ command = [{}] }}", words.join(", "))
        }
        _ => return Err(refused()),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::config::parse::parse;
    use crate::config::settings::{Mode, SecretSource, Vendor};

    fn system(vendor: &'static str, fields: &[(&'static str, &str)], secret: &str) -> System {
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        System {
            vendor,
            fields: fields.collect(),
            secret: Some(secret.to_owned()),
        }
    }

    #[test]
    fn what_was_answered_is_what_is_read_back() {
        let answers = Answers {
            name: Some("acme-lab".to_owned()),
            systems: vec![
                system(
                    "thehive",
                    &[("url", "https://hive.acme.example")],
                    "command:/usr/bin/pass show hive",
                ),
                system(
                    "okta",
                    &[("url", "https://acme.okta.com")],
                    "credential:okta",
                ),
            ],
        };
        let text = fill(&answers).unwrap_or_else(|fault| panic!("{fault:?}"));
        let parsed = parse(&text, "x", &[]).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        let settings = parsed.settings;
        assert_eq!(settings.environment.name, "acme-lab");
        assert_eq!(settings.environment.mode, Mode::DryRun);
        let vendors: Vec<Vendor> = settings.connections.iter().map(|one| one.vendor).collect();
        assert_eq!(vendors, [Vendor::Thehive, Vendor::Okta]);
        assert_eq!(
            settings.connections[0].secret,
            SecretSource::Command(
                ["/usr/bin/pass", "show", "hive"]
                    .map(str::to_owned)
                    .to_vec()
            )
        );
        assert_eq!(
            settings.connections[1].secret,
            SecretSource::Credential("okta".to_owned())
        );
        assert!(
            text.contains("# url = \"https://elastic.example.com:9200\""),
            "{text}"
        );
        assert!(
            text.contains("# Where a case names its user."),
            "comments stay"
        );
    }

    #[rstest]
    #[case(
        "keycloak",
        &[("url", "https://sso.acme.example"), ("realm", "acme"), ("client_id", "quell")],
        Vendor::Keycloak
    )]
    #[case(
        "entra",
        &[
            ("tenant", "0a0a0a0a-2222-3333-4444-555555555555"),
            ("client_id", "0b0b0b0b-7777-8888-9999-000000000000"),
        ],
        Vendor::Entra
    )]
    #[case("google", &[("subject", "quell@acme.example")], Vendor::Google)]
    fn a_provider_that_is_a_comment_in_the_sample_takes_the_place_of_the_first(
        #[case] vendor: &'static str,
        #[case] fields: &[(&'static str, &str)],
        #[case] expected: Vendor,
    ) {
        let answers = Answers {
            name: None,
            systems: vec![system(vendor, fields, "file:/etc/quell/idp.key")],
        };
        let text = fill(&answers).unwrap_or_else(|fault| panic!("{fault:?}"));
        let parsed = parse(&text, "x", &[]).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        let all = parsed.settings.connections;
        let one = all.first().unwrap_or_else(|| panic!("{text}"));
        assert_eq!((all.len(), one.vendor), (1, expected));
        assert_eq!(one.secret, SecretSource::File("/etc/quell/idp.key".into()));
        for (name, value) in fields {
            assert!(
                text.contains(&format!("\n{name} = \"{value}\"\n")),
                "{text}"
            );
        }
        // Every comment that was there is there.
        let comments = SAMPLE
            .lines()
            .filter(|line| line.starts_with("# ") && !line.contains(" = "));
        for comment in comments.filter(|line| bare(line) != CONNECTION) {
            assert!(text.contains(comment), "{comment}");
        }
    }

    #[test]
    fn nothing_answered_is_the_sample() {
        assert_eq!(fill(&Answers::default()), Ok(SAMPLE.to_owned()));
    }

    #[rstest]
    #[case("00SuperSecretToken-that-was-pasted")]
    #[case("https://x")]
    #[case("file:")]
    #[case("")]
    fn what_is_no_source_is_refused_and_not_repeated(#[case] text: &str) {
        let answers = Answers {
            name: None,
            systems: vec![system("okta", &[("url", "https://acme.okta.com")], text)],
        };
        let fault = fill(&answers).err().unwrap_or_else(|| panic!("{text}"));
        assert!(
            !fault.what.as_str().contains("SuperSecretToken"),
            "{fault:?}"
        );
    }
}
