//! The fields of a connection to Microsoft Entra ID: tenant, client, where tokens are given, certificate.
//!
//! What must not live here: fetching a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::{Host, Url};

use super::connection;
use super::fault::Faults;
use super::section::{Entry, Section};
use super::settings::{EntraApp, EnvironmentKind};

/// The hosts of Microsoft Graph, and of the token endpoint of the same cloud.
const CLOUDS: [(&str, &str); 4] = [
    ("graph.microsoft.com", "https://login.microsoftonline.com"),
    ("graph.microsoft.us", "https://login.microsoftonline.us"),
    ("dod-graph.microsoft.us", "https://login.microsoftonline.us"),
    (
        "microsoftgraph.chinacloudapi.cn",
        "https://login.partner.microsoftonline.cn",
    ),
];

/// Words in the place of a tenant under which no application gets a token of its own.
const NO_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

/// Reads them; `None` means that one is missing or wrong.
pub(super) fn parse(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    url: Option<&Url>,
    kind: Option<EnvironmentKind>,
) -> Option<EntraApp> {
    let tenant = section
        .need(
            faults,
            "tenant",
            "tenant = \"11111111-2222-3333-4444-555555555555\"".into(),
        )
        .and_then(|entry| tenant(faults, &entry));
    let client_id = section
        .need(
            faults,
            "client_id",
            "client_id = \"the application (client) id\"".into(),
        )
        .and_then(|entry| entry.text(faults).map(str::to_owned));
    if let (Some(url), Some(entry)) = (url, section.get("url"))
        && url.path() != "/"
    {
        entry.fault(
            faults,
            "contains a path".into(),
            Some("end it after the host; the version of the interface is added".into()),
        );
    }
    let login = match section.get("login") {
        Some(entry) => connection::parse_url(faults, &entry, kind),
        None => url.and_then(|url| login_of(faults, section, url)),
    };
    let certificate = match section.get("certificate_thumbprint") {
        None => Some(None),
        Some(entry) => thumbprint(faults, &entry).map(Some),
    };
    Some(EntraApp {
        tenant: tenant?,
        client_id: client_id?,
        login: login?,
        certificate: certificate?,
    })
}

fn tenant(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<String> {
    let text = entry.text(faults)?;
    let fits = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if fits && text.contains(['.', '-']) && !NO_TENANT.contains(&text) {
        return Some(text.to_owned());
    }
    entry.fault(
        faults,
        "is not the id or the domain of one tenant".into(),
        Some("write the directory (tenant) id of the app registration".into()),
    );
    None
}

/// Gives where the cloud behind an address gives its tokens.
fn login_of(faults: &mut Faults<'_>, section: &Section<'_>, url: &Url) -> Option<Url> {
    let host = match url.host() {
        Some(Host::Domain(host)) => host,
        _ => "",
    };
    let known = CLOUDS.iter().find(|(graph, _)| *graph == host);
    let login = known.and_then(|(_, login)| Url::parse(login).ok());
    if login.is_none() {
        faults.missing(
            &section.span,
            &section.path("login".into()),
            "the address is none of Microsoft Graph's; say where its tokens come from".into(),
        );
    }
    login
}

/// Reads a SHA-256 in hex, with or without colons, and gives it as a token has it.
fn thumbprint(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<String> {
    let digits: String = entry
        .text(faults)?
        .chars()
        .filter(|sign| !matches!(sign, ':' | ' '))
        .collect();
    let bytes = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    match bytes.collect::<Option<Vec<u8>>>() {
        Some(bytes) if digits.len() == 64 => Some(URL_SAFE_NO_PAD.encode(bytes)),
        _ => {
            entry.fault(
                faults,
                "is not a SHA-256 of 64 hexadecimal digits".into(),
                Some("openssl x509 -in FILE -noout -fingerprint -sha256".into()),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::config::parse::parse;

    fn read(kind: &str, url: &str, more: &str) -> Result<EntraApp, Vec<String>> {
        let text = format!(
            "[environment]\nname = \"t\"\nkind = \"{kind}\"\n[[connection]]\nname = \"entra\"\nvendor = \"entra\"\n\
             url = \"{url}\"\nsecret = {{ file = \"/k\" }}\n{more}"
        );
        match parse(&text, "q.toml", &[]) {
            Ok(mut parsed) => Ok(parsed
                .settings
                .connections
                .remove(0)
                .entra
                .ok_or_else(Vec::new)?),
            Err(faults) => Err(faults
                .iter()
                .map(|fault| fault.line_shown().to_string())
                .collect()),
        }
    }

    const APP: &str = "tenant = \"acme.example\"\nclient_id = \"c1\"\n";

    #[rstest]
    #[case("https://graph.microsoft.com", "https://login.microsoftonline.com/")]
    #[case("https://graph.microsoft.com/", "https://login.microsoftonline.com/")]
    #[case("https://graph.microsoft.us", "https://login.microsoftonline.us/")]
    #[case("https://dod-graph.microsoft.us", "https://login.microsoftonline.us/")]
    #[case(
        "https://microsoftgraph.chinacloudapi.cn",
        "https://login.partner.microsoftonline.cn/"
    )]
    fn each_cloud_has_a_login_of_its_own(#[case] url: &str, #[case] login: &str) {
        let app = read("production", url, APP);
        assert_eq!(app.map(|app| app.login.to_string()), Ok(login.to_owned()));
    }

    #[test]
    fn a_certificate_is_known_by_its_sha_256() {
        let hex = ["11"; 32].join(":");
        let more = format!("{APP}certificate_thumbprint = \"{hex}\"\n");
        let app = read("production", "https://graph.microsoft.com", &more);
        let print = "ERERERERERERERERERERERERERERERERERERERERERE".to_owned();
        assert_eq!(app.map(|app| app.certificate), Ok(Some(print)));
    }

    #[rstest]
    #[case(
        "https://graph.example.com",
        APP,
        "q.toml:4: connection.entra.login: is missing"
    )]
    #[case(
        "https://graph.microsoft.com/v1.0",
        APP,
        "q.toml:7: connection.entra.url: contains a path"
    )]
    #[case(
        "https://graph.microsoft.com",
        "client_id = \"c\"",
        "q.toml:4: connection.entra.tenant: is missing"
    )]
    #[case(
        "https://graph.microsoft.com",
        "tenant = \"acme.example\"",
        "q.toml:4: connection.entra.client_id: is missing"
    )]
    #[case(
        "https://graph.microsoft.com",
        "client_id = \"c\"\ntenant = \"common\"",
        "q.toml:10: connection.entra.tenant: is not the id or the domain of one tenant"
    )]
    #[case(
        "https://graph.microsoft.com",
        "client_id = \"c\"\ntenant = \"a/b.c\"",
        "q.toml:10: connection.entra.tenant: is not the id or the domain of one tenant"
    )]
    #[case(
        "https://graph.microsoft.com",
        "client_id = \"c\"\ntenant = \"a.b\"\ncertificate_thumbprint = \"1111111111111111111111111111111111111111\"",
        "q.toml:11: connection.entra.certificate_thumbprint: is not a SHA-256 of 64 hexadecimal digits"
    )]
    #[case(
        "https://graph.microsoft.com",
        "client_id = \"c\"\ntenant = \"a.b\"\nrealm = \"x\"",
        "q.toml:11: connection.entra.realm: has no meaning for Entra"
    )]
    #[case(
        "https://graph.microsoft.com",
        "client_id = \"c\"\ntenant = \"a.b\"\nlogin = \"http://login.example.com\"",
        "q.toml:11: connection.entra.login: is http to another machine: the secret would travel in the clear"
    )]
    fn faults_are_named(#[case] url: &str, #[case] more: &str, #[case] fault: &str) {
        assert_eq!(read("production", url, more), Err(vec![fault.to_owned()]));
    }

    #[test]
    fn a_drill_gets_its_tokens_on_this_machine() {
        let login = format!("{APP}login = \"http://127.0.0.1:2\"\n");
        assert!(read("drill", "http://127.0.0.1:1", &login).is_ok());
        let login = format!("{APP}login = \"https://login.microsoftonline.com\"\n");
        assert!(read("drill", "http://127.0.0.1:1", &login).is_err());
    }
}
