//! Where requests may go: one origin per connection, paths built from templates, links checked, names resolved with care.
//!
//! What must not live here: sending.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use url::{Host, Url};

use crate::config::settings::EnvironmentKind;

/// Why an address or a path is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// The scheme is not https (or http to loopback).
    #[error("address must be https, or http to a literal loopback address")]
    Scheme,
    /// A drill must not reach a real host.
    #[error("a drill reaches only literal loopback addresses such as 127.0.0.1")]
    NotLoopback,
    /// User, password, query or fragment in the base address.
    #[error("address must hold nothing but scheme, host, port and path")]
    Extra,
    /// An id that would change the path.
    #[error("an id is empty or would change the path")]
    Segment,
    /// A link that leads elsewhere.
    #[error("a link in the answer leads to another origin")]
    Foreign,
}

/// The one origin a connection talks to.
#[derive(Clone, Debug)]
pub struct Origin {
    base: Url,
    host: String,
}

fn is_loopback(base: &Url) -> bool {
    match base.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

impl Origin {
    /// Checks a configured base address against the policy of its environment.
    pub fn new(base: &Url, kind: EnvironmentKind) -> Result<Self, OriginError> {
        let loopback = is_loopback(base);
        if !(base.scheme() == "https" || base.scheme() == "http" && loopback) {
            return Err(OriginError::Scheme);
        }
        if kind == EnvironmentKind::Drill && !loopback {
            return Err(OriginError::NotLoopback);
        }
        let extra = !base.username().is_empty()
            || base.password().is_some()
            || base.query().is_some()
            || base.fragment().is_some();
        if extra {
            return Err(OriginError::Extra);
        }
        let name = base.host_str().unwrap_or_default();
        let host = base
            .port()
            .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self {
            base: base.clone(),
            host,
        })
    }

    /// Gives host and port as they are connected to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Tells whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Gives the full address of a path and query that were built here.
    pub(crate) fn address(&self, path_and_query: &str) -> Result<Url, OriginError> {
        let prefix = self.base.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{prefix}{path_and_query}"))
            .map_err(|_cause| OriginError::Segment)?;
        if url.origin() == self.base.origin() {
            Ok(url)
        } else {
            Err(OriginError::Foreign)
        }
    }

    /// Finds the `rel="next"` link of an answer (RFC 8288) and gives its path and query, relative to the base.
    ///
    /// A link to another origin would carry the token away and is an error.
    pub(crate) fn next_link(&self, headers: &HeaderMap) -> Result<Option<String>, OriginError> {
        let links = headers
            .get_all("link")
            .iter()
            .filter_map(|value| value.to_str().ok());
        let Some(target) = links.flat_map(split_links).find_map(next_target) else {
            return Ok(None);
        };
        self.within(target).map(Some)
    }

    /// Gives path and query of a link that an answer names, relative to the base.
    ///
    /// A link to another origin would carry the token away and is an error.
    pub(crate) fn within(&self, link: &str) -> Result<String, OriginError> {
        let url = self
            .base
            .join(link)
            .map_err(|_cause| OriginError::Foreign)?;
        if url.origin() != self.base.origin() || !url.username().is_empty() {
            return Err(OriginError::Foreign);
        }
        let path = url
            .path()
            .strip_prefix(self.base.path().trim_end_matches('/'));
        let path = path.ok_or(OriginError::Foreign)?;
        Ok(url
            .query()
            .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
    }
}

/// Splits a `Link` header at the commas between links, not those inside `<>` or quotes.
fn split_links(header: &str) -> Vec<&str> {
    let (mut in_target, mut in_quotes) = (false, false);
    header
        .split(|c| {
            match c {
                '<' if !in_quotes => in_target = true,
                '>' if !in_quotes => in_target = false,
                '"' if !in_target => in_quotes = !in_quotes,
                _ => {}
            }
            c == ',' && !in_target && !in_quotes
        })
        .collect()
}

fn next_target(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.split(';').any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split_ascii_whitespace()
                    .any(|rel| rel == "next")
        })
    });
    is_next.then_some(target)
}

/// Encodes everything but unreserved characters (RFC 3986).
pub(crate) fn percent(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Fills the `{}` parts of a path template with encoded ids, in order.
///
/// `.` and `..` are refused: every URL library folds them away, whatever their encoding.
pub(crate) fn fill(template: &str, ids: &[&str]) -> Result<String, OriginError> {
    let mut ids = ids.iter();
    let mut path = String::with_capacity(template.len() + 32);
    for segment in template.split('/').skip(1) {
        path.push('/');
        if segment.starts_with('{') {
            let id = ids.next().ok_or(OriginError::Segment)?;
            if matches!(*id, "" | "." | "..") {
                return Err(OriginError::Segment);
            }
            percent(id, &mut path);
        } else {
            path.push_str(segment);
        }
    }
    if ids.next().is_some() {
        return Err(OriginError::Segment);
    }
    Ok(path)
}

/// Resolves names by the system and drops addresses that a public name must not have.
///
/// Loopback and link-local addresses (metadata services among them) are used only where the configuration names them
/// literally; this is asked for each new connection, so a name that changes its mind gains nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CarefulResolver;

fn is_forbidden(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_broadcast()
        }
        IpAddr::V6(ip) => {
            // fd00:ec2::254 is the metadata service of one large cloud.
            let metadata = ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
            ip.is_loopback()
                || ip.is_unicast_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || metadata
        }
    }
}

impl Resolve for CarefulResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let all: Vec<SocketAddr> = found.collect();
            let fit: Vec<SocketAddr> = all
                .iter()
                .filter(|at| !is_forbidden(at.ip()))
                .copied()
                .collect();
            if fit.is_empty() {
                let why = "the name resolves to loopback or link-local addresses only";
                return Err(std::io::Error::other(why).into());
            }
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;
    use rstest::rstest;

    fn origin(base: &str, kind: EnvironmentKind) -> Result<Origin, OriginError> {
        Origin::new(
            &Url::parse(base).map_err(|_cause| OriginError::Scheme)?,
            kind,
        )
    }

    #[rstest]
    #[case("https://acme.okta.com", EnvironmentKind::Production, None)]
    #[case("http://127.0.0.1:9200/es", EnvironmentKind::Production, None)]
    #[case("http://[::1]:9200", EnvironmentKind::Drill, None)]
    #[case(
        "http://acme.okta.com",
        EnvironmentKind::Production,
        Some(OriginError::Scheme)
    )]
    #[case(
        "http://localhost:9200",
        EnvironmentKind::Production,
        Some(OriginError::Scheme)
    )]
    #[case(
        "http://10.0.0.1",
        EnvironmentKind::Production,
        Some(OriginError::Scheme)
    )]
    #[case("ftp://127.0.0.1", EnvironmentKind::Drill, Some(OriginError::Scheme))]
    #[case(
        "https://acme.okta.com",
        EnvironmentKind::Drill,
        Some(OriginError::NotLoopback)
    )]
    #[case(
        "https://localhost",
        EnvironmentKind::Drill,
        Some(OriginError::NotLoopback)
    )]
    #[case(
        "https://u:p@acme.okta.com",
        EnvironmentKind::Production,
        Some(OriginError::Extra)
    )]
    #[case(
        "https://acme.okta.com/?a=1",
        EnvironmentKind::Production,
        Some(OriginError::Extra)
    )]
    fn bases(
        #[case] base: &str,
        #[case] kind: EnvironmentKind,
        #[case] fault: Option<OriginError>,
    ) {
        assert_eq!(origin(base, kind).err(), fault);
    }

    #[rstest]
    #[case("/api/v1/users/{id}", &["00u1"], Ok("/api/v1/users/00u1"))]
    #[case("/api/v1/users/{id}", &["mara.lind@x.org"], Ok("/api/v1/users/mara.lind%40x.org"))]
    #[case("/api/v1/users/{id}", &["a/b?c#d%2e"], Ok("/api/v1/users/a%2Fb%3Fc%23d%252e"))]
    #[case("/api/v1/users/{id}", &[".."], Err(OriginError::Segment))]
    #[case("/api/v1/users/{id}", &[""], Err(OriginError::Segment))]
    #[case("/api/v1/users/{id}", &[], Err(OriginError::Segment))]
    #[case("/{index}/_pit", &["logs-*,.alerts"], Ok("/logs-%2A%2C.alerts/_pit"))]
    fn paths(
        #[case] template: &str,
        #[case] ids: &[&str],
        #[case] path: Result<&str, OriginError>,
    ) {
        assert_eq!(fill(template, ids), path.map(str::to_owned));
    }

    #[rstest]
    #[case(
        "<https://h.example/p/api/v1/logs?after=1,2&limit=3>; rel=\"next\"",
        Ok(Some("/api/v1/logs?after=1,2&limit=3"))
    )]
    #[case(
        "<https://h.example/p/a>; rel=\"self\", </p/b?x=1>; title=\"a,b\"; rel=next",
        Ok(Some("/b?x=1"))
    )]
    #[case("<https://h.example/p/a>; rel=\"self\"", Ok(None))]
    #[case("<https://evil.example/p/a>; rel=\"next\"", Err(OriginError::Foreign))]
    #[case("<http://h.example/p/a>; rel=\"next\"", Err(OriginError::Foreign))]
    #[case("<https://h.example:444/p/a>; rel=\"next\"", Err(OriginError::Foreign))]
    #[case("<//evil.example/p/a>; rel=\"next\"", Err(OriginError::Foreign))]
    #[case(
        "<https://h.example/elsewhere>; rel=\"next\"",
        Err(OriginError::Foreign)
    )]
    #[case("no link at all", Ok(None))]
    fn links(#[case] header: &str, #[case] next: Result<Option<&str>, OriginError>) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(header) {
            headers.insert("link", value);
        }
        let got = origin("https://h.example/p/", EnvironmentKind::Production)
            .and_then(|o| o.next_link(&headers));
        assert_eq!(got, next.map(|path| path.map(str::to_owned)));
    }

    #[rstest]
    #[case("127.0.0.1", true)]
    #[case("169.254.169.254", true)]
    #[case("::ffff:169.254.169.254", true)]
    #[case("fd00:ec2::254", true)]
    #[case("::1", true)]
    #[case("fe80::1", true)]
    #[case("0.0.0.0", true)]
    #[case("10.1.2.3", false)]
    #[case("192.0.2.7", false)]
    #[case("2001:db8::7", false)]
    fn addresses_of_names(#[case] ip: IpAddr, #[case] forbidden: bool) {
        assert_eq!(is_forbidden(ip), forbidden);
    }

    proptest! {
        #[test]
        fn no_id_leaves_its_segment(id in "\\PC{1,40}") {
            prop_assume!(id != "." && id != "..");
            let path = fill("/users/{id}/sessions", &[&id]).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let base = origin("https://h.example", EnvironmentKind::Production).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let url = base.address(&path).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
            prop_assert_eq!(segments.len(), 3);
            prop_assert_eq!(segments[2], "sessions");
            prop_assert_eq!(url.query(), None);
        }
    }
}
