//! The sample configuration with answers in it: addresses, sources of secrets, systems left out.

use crate::config::sample::SAMPLE;
use crate::domain::fault::Fault;

/// One system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct System {
    /// Its address.
    pub(super) url: String,
    /// Where its secret comes from; without, the sample's own.
    pub(super) secret: Option<String>,
}

/// What the configuration is to say; nothing at all is the sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) name: Option<String>,
    pub(super) thehive: Option<System>,
    pub(super) elasticsearch: Option<System>,
    pub(super) okta: Option<System>,
}

impl Answers {
    /// Tells whether nothing was answered.
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_none() && self.systems().iter().all(|(_, system)| system.is_none())
    }

    /// Tells whether a system that is there has no source of its secret yet.
    pub(super) fn lacks_secret(&self) -> bool {
        let systems = self.systems();
        let mut there = systems.iter().filter_map(|(_, system)| *system);
        there.any(|system| system.secret.is_none())
    }

    fn systems(&self) -> [(&'static str, Option<&System>); 3] {
        [
            ("thehive", self.thehive.as_ref()),
            ("elasticsearch", self.elasticsearch.as_ref()),
            ("okta", self.okta.as_ref()),
        ]
    }
}

/// Fills the sample: what was answered stands in it, systems that were not named are comments.
///
/// With a name alone every system stays, as in the sample.
pub(super) fn fill(answers: &Answers) -> Result<String, Fault> {
    let systems = answers.systems();
    let any = systems.iter().any(|(_, system)| system.is_some());
    let mut out = String::with_capacity(SAMPLE.len());
    let mut block: Vec<&str> = Vec::new();
    for line in SAMPLE.lines() {
        if !block.is_empty() && (line.starts_with("[[") || line.starts_with("# ---")) {
            flush(&block, &systems, any, &mut out)?;
            block.clear();
        }
        if line == "[[connection]]" || !block.is_empty() {
            block.push(line);
        } else if let (Some(name), true) = (&answers.name, line.starts_with("name = ")) {
            push(&mut out, &format!("name = {}", quoted(name)));
        } else {
            push(&mut out, line);
        }
    }
    flush(&block, &systems, any, &mut out)?;
    Ok(out)
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// Writes one connection: filled, as it is, or as a comment.
fn flush(
    block: &[&str],
    systems: &[(&'static str, Option<&System>); 3],
    any: bool,
    out: &mut String,
) -> Result<(), Fault> {
    let is_of = |vendor: &str| block.contains(&format!("vendor = \"{vendor}\"").as_str());
    let of = systems.iter().find(|(vendor, _)| is_of(vendor));
    match of.map(|(_, system)| system) {
        Some(Some(system)) => {
            for line in block {
                match &system.secret {
                    _ if line.starts_with("url = ") => {
                        push(out, &format!("url = {}", quoted(&system.url)));
                    }
                    Some(secret) if line.starts_with("secret = ") => {
                        push(out, &format!("secret = {}", source(secret)?));
                    }
                    _ => push(out, line),
                }
            }
        }
        Some(None) if any => {
            for line in block {
                let mark = if line.is_empty() || line.starts_with('#') {
                    ""
                } else {
                    "# "
                };
                push(out, &format!("{mark}{line}"));
            }
        }
        _ => {
            for line in block {
                push(out, line);
            }
        }
    }
    Ok(())
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

    fn system(url: &str, secret: &str) -> System {
        System {
            url: url.to_owned(),
            secret: Some(secret.to_owned()),
        }
    }

    #[test]
    fn what_was_answered_is_what_is_read_back() {
        let answers = Answers {
            name: Some("acme-lab".to_owned()),
            thehive: Some(system(
                "https://hive.acme.example",
                "command:/usr/bin/pass show hive",
            )),
            elasticsearch: None,
            okta: Some(system("https://acme.okta.com", "credential:okta")),
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
            okta: Some(system("https://acme.okta.com", text)),
            ..Answers::default()
        };
        let fault = fill(&answers).err().unwrap_or_else(|| panic!("{text}"));
        assert!(
            !fault.what.as_str().contains("SuperSecretToken"),
            "{fault:?}"
        );
    }
}
