//! One `[[connection]]`: a system the console talks to.
//!
//! What must not live here: talking to it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::{Host, Url};

use super::entra;
use super::fault::Faults;
use super::oauth_client;
use super::secret;
use super::section::{Entry, Section};
use super::service_app;
use super::settings::{Connection, EnvironmentKind, Role, Vendor};
use crate::domain::case::UserSource;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

pub(super) const FIELDS: &[&str] = &[
    "name",
    "vendor",
    "url",
    "roles",
    "secret",
    "poll",
    "case_user",
    "index",
    "alerts_index",
    "rules",
    "silent",
    "token_id",
    "ca_file",
    "organisation",
    "realm",
    "client_id",
    "username",
    "token_realm",
    "key_id",
    "scopes",
    "subject",
    "tenant",
    "login",
    "certificate_thumbprint",
];
const VENDORS: [(&str, Vendor); 6] = [
    ("okta", Vendor::Okta),
    ("keycloak", Vendor::Keycloak),
    ("google", Vendor::Google),
    ("entra", Vendor::Entra),
    ("thehive", Vendor::Thehive),
    ("elasticsearch", Vendor::Elasticsearch),
];
const ROLES: [(&str, Role); 4] = [
    ("cases", Role::Cases),
    ("activity", Role::Activity),
    ("alerts", Role::Alerts),
    ("identity", Role::Identity),
];
/// A user source that is a single word.
const SINGLE: [(&str, UserSource); 2] = [
    ("alert_user_id", UserSource::AlertUserId),
    ("alert_user_name", UserSource::AlertUserName),
];
const CASE_USER: &str = "case_user = [{ observable = \"mail\" }, { field = \"user\" }, { tag_prefix = \"user:\" }, \"alert_user_id\", \"alert_user_name\"]";

/// The fields that mean something for some vendors only.
const OWNERS: &[(&str, &[Vendor])] = &[
    ("case_user", &[Vendor::Thehive]),
    ("organisation", &[Vendor::Thehive]),
    ("index", &[Vendor::Elasticsearch]),
    ("alerts_index", &[Vendor::Elasticsearch]),
    ("rules", &[Vendor::Elasticsearch]),
    ("token_id", &[Vendor::Okta]),
    ("key_id", &[Vendor::Okta]),
    ("scopes", &[Vendor::Okta]),
    (
        "client_id",
        &[Vendor::Keycloak, Vendor::Okta, Vendor::Entra],
    ),
    ("tenant", &[Vendor::Entra]),
    ("login", &[Vendor::Entra]),
    ("certificate_thumbprint", &[Vendor::Entra]),
    ("subject", &[Vendor::Google]),
    ("realm", &[Vendor::Keycloak]),
    ("username", &[Vendor::Keycloak]),
    ("token_realm", &[Vendor::Keycloak]),
];

/// How long a source may be silent where the configuration says nothing, and what it may say.
const SILENT: Duration = Duration::from_secs(24 * 3_600);
const SILENT_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3_600);
/// Most detection rules that are named.
const RULES_MAX: usize = 100;

/// Shortest and longest time between two polls; a drill's servers are our own and bear more.
fn poll_range(kind: Option<EnvironmentKind>) -> RangeInclusive<Duration> {
    let shortest = if kind == Some(EnvironmentKind::Drill) {
        1
    } else {
        5
    };
    Duration::from_secs(shortest)..=Duration::from_secs(3_600)
}

/// Names the section by the connection's own name where it has a good one, else by its place in the file.
pub(super) fn name_of(section: &Section<'_>, place: usize) -> Safe {
    // Asked again with faults when the fields are read.
    let mut unheard = Faults::new("", "");
    let name = section
        .get("name")
        .and_then(|entry| entry.text(&mut unheard));
    let good = name.and_then(|name| ConnectionName::parse(name).ok());
    good.map_or_else(
        || safe!("connection[{}]", place),
        |name| safe!("connection.{}", Untrusted::new(name.as_str()).ident()),
    )
}

/// Reads one connection; `None` when a field that it cannot do without is missing or wrong.
pub(super) fn parse_connection(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    kind: Option<EnvironmentKind>,
) -> Option<Connection> {
    section.refuse_unknown(faults, FIELDS);
    let name = section
        .need(faults, "name", "name = \"okta-prod\"".into())
        .and_then(|entry| parse_name(faults, &entry));
    let vendor = section
        .need(
            faults,
            "vendor",
            "vendor = \"okta\", \"keycloak\", \"entra\", \"google\", \"thehive\" or \"elasticsearch\""
                .into(),
        )
        .and_then(|entry| entry.one_of(faults, &VENDORS));
    let url = section
        .need(faults, "url", "url = \"https://...\"".into())
        .and_then(|entry| parse_url(faults, &entry, kind));
    let secret = section
        .need(
            faults,
            "secret",
            "secret = { file = \"/etc/quell/okta.token\" }".into(),
        )
        .and_then(|entry| secret::parse_source(faults, &entry));
    let poll = section
        .get("poll")
        .map(|entry| entry.duration(faults, &poll_range(kind)));
    let ca_file = section
        .get("ca_file")
        .map(|entry| secret::parse_path(faults, &entry));
    let roles = section
        .get("roles")
        .map(|entry| parse_roles(faults, &entry, vendor));
    let case_user = section
        .get("case_user")
        .map(|entry| parse_case_user(faults, &entry));
    if let Some(vendor) = vendor {
        refuse_foreign(faults, section, vendor);
    }
    let index = text_or(faults, section, "index", "logs-*");
    let alerts_index = text_or(faults, section, "alerts_index", ".alerts-security.alerts-*");
    let rules = section
        .get("rules")
        .map(|entry| parse_rules(faults, &entry));
    let silent = section
        .get("silent")
        .map(|entry| entry.duration(faults, &SILENT_RANGE));
    let token_id = optional(faults, section, "token_id");
    let organisation = optional(faults, section, "organisation");
    let vendor = vendor?;
    let client = oauth_client::parse(faults, section, vendor);
    let app = service_app::parse(faults, section, vendor);
    let subject = parse_subject(faults, section, vendor);
    let entra = match vendor {
        Vendor::Entra => entra::parse(faults, section, url.as_ref(), kind).map(Some),
        _ => Some(None),
    };
    let roles = match roles {
        Some(roles) => roles?,
        None => vendor.roles().iter().copied().collect(),
    };
    if roles.contains(&Role::Cases) && case_user.is_none() {
        let what = "no case will name its user: case_user is not set";
        faults.warn(
            &section.span,
            &section.field,
            what.into(),
            Some(CASE_USER.into()),
        );
    }
    Some(Connection {
        name: name?,
        vendor,
        url: url?,
        roles,
        secret: secret?,
        poll: poll.unwrap_or(Some(default_poll(vendor)))?,
        case_user: case_user.unwrap_or(Some(Vec::new()))?,
        index: index?,
        alerts_index: alerts_index?,
        rules: rules.unwrap_or(Some(Vec::new()))?,
        silent: silent.unwrap_or(Some(SILENT))?,
        token_id: token_id?,
        ca_file: ca_file.map_or(Some(None), |path| path.map(Some))?,
        organisation: organisation?,
        client: client?,
        app: app?,
        subject: subject?,
        entra: entra?,
    })
}

fn default_poll(vendor: Vendor) -> Duration {
    Duration::from_secs(match vendor {
        Vendor::Thehive => 10,
        Vendor::Elasticsearch => 15,
        Vendor::Okta | Vendor::Keycloak | Vendor::Entra | Vendor::Google => 30,
    })
}

/// Reads for whom a service account acts; the outer `None` means that it is missing or wrong.
#[expect(
    clippy::option_option,
    reason = "not wanted and wrong are two different things here"
)]
fn parse_subject(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    vendor: Vendor,
) -> Option<Option<String>> {
    if vendor != Vendor::Google {
        return Some(None);
    }
    let example = "subject = \"quell@example.com\"";
    let entry = section.need(faults, "subject", example.into())?;
    let text = entry.text(faults)?;
    if text.contains('@') {
        return Some(Some(text.to_owned()));
    }
    entry.fault(
        faults,
        "is not the mail address of an administrator".into(),
        Some(example.into()),
    );
    None
}

fn parse_name(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<ConnectionName> {
    let name = ConnectionName::parse(entry.text(faults)?).ok();
    if name.is_none() {
        entry.fault(
            faults,
            "is not 1 to 64 characters out of A-Z a-z 0-9 . _ -".into(),
            None,
        );
    }
    name
}

pub(super) fn parse_url(
    faults: &mut Faults<'_>,
    entry: &Entry<'_>,
    kind: Option<EnvironmentKind>,
) -> Option<Url> {
    let text = entry.text(faults)?;
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(cause) => {
            // The cause is one of the url crate's own sentences; the text itself may hold a password.
            let what = safe!(
                "is not an address: {}",
                Untrusted::new(cause.to_string()).line()
            );
            entry.fault(
                faults,
                what,
                Some("write it with its scheme: https://example.okta.com".into()),
            );
            return None;
        }
    };
    let loopback = is_loopback(&url);
    let (what, hint): (Safe, Option<Safe>) = if !url.username().is_empty()
        || url.password().is_some()
    {
        let hint = "take user and password out of it, and use the field secret";
        ("contains a user or a password".into(), Some(hint.into()))
    } else if url.query().is_some() || url.fragment().is_some() {
        (
            "contains a query or a fragment".into(),
            Some("end it before ? or #".into()),
        )
    } else if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        ("is not an https address".into(), None)
    } else if kind == Some(EnvironmentKind::Drill) && !loopback {
        let hint = "a drill reaches 127.0.0.1 or [::1] only; for real systems set environment.kind = \"production\"";
        (
            "is not on this machine, and this is a drill".into(),
            Some(hint.into()),
        )
    } else if url.scheme() == "http" && !loopback {
        let hint = "use https; http goes to a literal 127.0.0.1 or [::1] only, not to a name";
        (
            "is http to another machine: the secret would travel in the clear".into(),
            Some(hint.into()),
        )
    } else {
        return Some(url);
    };
    entry.fault(faults, what, hint);
    None
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

fn parse_roles(
    faults: &mut Faults<'_>,
    entry: &Entry<'_>,
    vendor: Option<Vendor>,
) -> Option<BTreeSet<Role>> {
    let list = entry.list(faults)?;
    if list.is_empty() {
        entry.fault(
            faults,
            "is empty".into(),
            Some("leave it out to use all the vendor has".into()),
        );
        return None;
    }
    let mut roles = BTreeSet::new();
    for part in &list {
        let Some(role) = part.one_of(faults, &ROLES) else {
            continue;
        };
        roles.insert(role);
        if let Some(vendor) = vendor
            && !vendor.roles().contains(&role)
        {
            let has = Safe::join(
                vendor.roles().iter().map(|role| word_of(*role).into()),
                &", ".into(),
            );
            let what = safe!("{} has no role {}", vendor.word(), word_of(role));
            part.fault(
                faults,
                what,
                Some(safe!("roles of {}: {}", vendor.word(), has)),
            );
        }
    }
    Some(roles)
}

fn parse_rules(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<Vec<String>> {
    let list = entry.list(faults)?;
    if list.len() > RULES_MAX {
        entry.fault(faults, safe!("is more than {} rules", RULES_MAX), None);
        return None;
    }
    let names: Vec<String> = list
        .iter()
        .filter_map(|part| part.text(faults).map(str::to_owned))
        .collect();
    (names.len() == list.len()).then_some(names)
}

fn word_of(role: Role) -> &'static str {
    ROLES
        .iter()
        .find(|(_, known)| *known == role)
        .map_or("", |(word, _)| word)
}

fn parse_case_user(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<Vec<UserSource>> {
    let list = entry.list(faults)?;
    let mut sources = Vec::new();
    for part in &list {
        let source = if part.is_text() {
            let names = SINGLE.each_ref().map(|(word, source)| (*word, source));
            part.one_of(faults, &names).cloned()
        } else {
            parse_named_source(faults, part)
        };
        if let Some(source) = source {
            if sources.contains(&source) {
                part.fault(faults, "stands in the list twice".into(), None);
            }
            sources.push(source);
        }
    }
    (sources.len() == list.len()).then_some(sources)
}

fn parse_named_source(faults: &mut Faults<'_>, part: &Entry<'_>) -> Option<UserSource> {
    let section = part.section(faults)?;
    section.refuse_unknown(faults, &["observable", "field", "tag_prefix"]);
    let [(key, _, value)] = &section.entries()[..] else {
        part.fault(
            faults,
            "is not exactly one source".into(),
            Some(CASE_USER.into()),
        );
        return None;
    };
    let name = value.text(faults)?.to_owned();
    match *key {
        "observable" => Some(UserSource::Observable(name)),
        "field" => Some(UserSource::Field(name)),
        "tag_prefix" => Some(UserSource::TagPrefix(name)),
        _ => None,
    }
}

/// Refuses fields that mean something for another vendor only: somebody expects an effect that there is not.
fn refuse_foreign(faults: &mut Faults<'_>, section: &Section<'_>, vendor: Vendor) {
    for (key, owners) in OWNERS {
        if !owners.contains(&vendor)
            && let Some(entry) = section.get(key)
        {
            let what = safe!("has no meaning for {}", vendor.word());
            let names = owners.iter().map(|owner| owner.word().into());
            let names = Safe::join(names, &Safe::fixed(" or "));
            let hint = safe!("it belongs to a connection to {}", names);
            entry.fault(faults, what, Some(hint));
        }
    }
}

fn text_or(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    key: &'static str,
    default: &str,
) -> Option<String> {
    optional(faults, section, key).map(|text| text.unwrap_or_else(|| default.to_owned()))
}

/// Gives a text that may be left out; the outer `None` means it is there and wrong.
#[expect(
    clippy::option_option,
    reason = "left out and wrong are two different things here"
)]
fn optional(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    key: &'static str,
) -> Option<Option<String>> {
    match section.get(key) {
        None => Some(None),
        Some(entry) => entry.text(faults).map(|text| Some(text.to_owned())),
    }
}
