//! Where a secret comes from: exactly one source, and never the secret itself.
//!
//! What must not live here: reading a secret (`store`), and values of these fields in any fault text.

use std::ops::Range;
use std::path::PathBuf;

use super::fault::Faults;
use super::section::{Entry, Section, words};
use super::settings::SecretSource;
use crate::domain::text::Safe;
use crate::safe;

const SOURCES: [&str; 4] = ["command", "credential", "file", "env"];
const CHOOSE: &str = "secret = { file = \"/etc/quell/okta.token\" }, or command = [...], credential = \"name\", env = \"NAME\"";

/// Tells whether a field of this name would hold a secret.
pub(super) fn is_secret_name(key: &str) -> bool {
    const NAMES: [&str; 13] = [
        "secret",
        "token",
        "password",
        "passwd",
        "passphrase",
        "api_key",
        "apikey",
        "access_key",
        "private_key",
        "credential",
        "credentials",
        "authorization",
        "bearer",
    ];
    let key = key.to_lowercase().replace(['-', '.', ' '], "_");
    NAMES.iter().any(|name| {
        key.strip_suffix(name)
            .is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

/// Notes that a secret was written out; says nothing of its value.
pub(super) fn refuse_inline(faults: &mut Faults<'_>, span: &Range<usize>, field: &Safe) {
    let hint = safe!(
        "say where it comes from: {}; and renew the one written here",
        CHOOSE
    );
    faults.fault(
        span,
        field,
        "a secret is not written into the configuration".into(),
        Some(hint),
    );
}

/// Reads the source of a connection's secret.
pub(super) fn parse_source(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<SecretSource> {
    if entry.is_text() {
        refuse_inline(faults, &entry.span, &entry.field);
        return None;
    }
    let section = entry.section(faults)?;
    let mut sources = Vec::new();
    for (key, span, part) in section.entries() {
        match SOURCES.iter().find(|known| **known == key) {
            Some(known) => sources.push((*known, part)),
            // Whatever else stands in here is most likely the secret itself.
            None => refuse_inline(faults, &span, &part.field),
        }
    }
    if sources.len() > 1 {
        let named: Vec<&'static str> = sources.iter().map(|(name, _)| *name).collect();
        let what = safe!("has {} sources: {}", sources.len(), words(&named));
        entry.fault(faults, what, Some("keep exactly one".into()));
        return None;
    }
    let Some((name, part)) = sources.pop() else {
        if section.entries().is_empty() {
            entry.fault(faults, "names no source".into(), Some(CHOOSE.into()));
        }
        return None;
    };
    match name {
        "command" => parse_command(faults, &part),
        "credential" => parse_credential(faults, &part),
        "file" => parse_path(faults, &part).map(SecretSource::File),
        _ => parse_env(faults, &part, &section),
    }
}

/// Reads an absolute path.
pub(super) fn parse_path(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<PathBuf> {
    let path = entry.text(faults)?;
    if path.starts_with('/') && !path.ends_with('/') {
        return Some(PathBuf::from(path));
    }
    let hint = "write it from the root on: no ~, no variables, no relative path";
    entry.fault(
        faults,
        "is not the absolute path of a file".into(),
        Some(hint.into()),
    );
    None
}

fn parse_command(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<SecretSource> {
    let hint = "command = [\"/usr/bin/pass\", \"show\", \"quell/okta\"]: an absolute path, then its arguments; there is no shell";
    if entry.is_text() {
        entry.fault(
            faults,
            "is text, not a list in square brackets".into(),
            Some(hint.into()),
        );
        return None;
    }
    let parts = entry.list(faults)?;
    let Some(program) = parts.first() else {
        entry.fault(faults, "names no program".into(), Some(hint.into()));
        return None;
    };
    let path = program.text(faults)?;
    if !path.starts_with('/') || path.ends_with('/') {
        program.fault(
            faults,
            "is not the absolute path of a program".into(),
            Some(hint.into()),
        );
        return None;
    }
    entry
        .texts(faults)
        .filter(|texts| texts.len() == parts.len())
        .map(SecretSource::Command)
}

fn parse_credential(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<SecretSource> {
    let name = entry.text(faults)?;
    let fits = name.len() <= 255
        && !matches!(name, "." | "..")
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if fits {
        return Some(SecretSource::Credential(name.to_owned()));
    }
    let what = "is not a name out of A-Z a-z 0-9 . _ -";
    let hint =
        "the name of a file in $CREDENTIALS_DIRECTORY, as in LoadCredential=NAME:PATH of the unit";
    entry.fault(faults, what.into(), Some(hint.into()));
    None
}

fn parse_env(
    faults: &mut Faults<'_>,
    entry: &Entry<'_>,
    section: &Section<'_>,
) -> Option<SecretSource> {
    let name = entry.text(faults)?;
    let fits = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !fits {
        let hint =
            "the name of an environment variable, such as QUELL_OKTA; never the secret itself";
        entry.fault(
            faults,
            "is not a name out of A-Z a-z 0-9 _".into(),
            Some(hint.into()),
        );
        return None;
    }
    let hint = "prefer command, credential or file";
    let what = "a secret in the environment can be read by every process of the same user";
    faults.warn(&entry.span, &section.field, what.into(), Some(hint.into()));
    Some(SecretSource::Env(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("secret", true)]
    #[case("Token", true)]
    #[case("api-key", true)]
    #[case("client_secret", true)]
    #[case("okta_api_token", true)]
    #[case("x.authorization", true)]
    #[case("token_id", false)]
    #[case("tokenizer", false)]
    #[case("secretary", false)]
    #[case("poll", false)]
    fn names_that_would_hold_a_secret(#[case] key: &str, #[case] holds: bool) {
        assert_eq!(is_secret_name(key), holds);
    }
}
