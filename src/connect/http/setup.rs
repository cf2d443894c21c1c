//! What a connection's client is made of: address, secret, certificates, and the library's own switches.
//!
//! What must not live here: sending.

use std::path::{Path, PathBuf};

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::failure;
use super::limits::Limits;
use super::origin::{CarefulResolver, Origin};
use super::token::{TokenGrant, Tokens};
use crate::config::settings::EnvironmentKind;
use crate::connect::capability::ConnectError;
use crate::connect::secret::Secret;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// What a connection's client is made of.
#[derive(Debug)]
pub struct HttpOptions {
    /// Base address; https, or http to a literal loopback address.
    pub base: Url,
    /// Production or drill: a drill reaches only loopback.
    pub kind: EnvironmentKind,
    /// Word before the secret in `Authorization`, such as `Bearer`.
    pub scheme: &'static str,
    /// The token, or what a token is asked for with.
    pub secret: Secret,
    /// How a token is asked for; `None` where the secret is one itself.
    pub grant: Option<TokenGrant>,
    /// Further headers of every request.
    pub headers: Vec<(&'static str, String)>,
    /// Further certification authorities in PEM, beside the platform's.
    pub ca_file: Option<PathBuf>,
    /// JSON pointers to the vendor's words in an error body.
    pub error_words: &'static [&'static str],
    /// Reasons in the body of a 403 that ask to slow down, where the vendor says it so.
    pub slow_down: &'static [&'static str],
    /// Header that carries the vendor's id of a request.
    pub request_id: Option<&'static str>,
    /// Whether there is no client for writes at all: for a wall and for READ ONLY.
    pub reads_only: bool,
    /// Limits; the default is the policy.
    pub limits: Limits,
    /// Seed of the jitter; `None` takes chance.
    pub seed: Option<u64>,
}

fn setup(host: &str, why: &Safe) -> ConnectError {
    ConnectError::unsent(safe!(
        "cannot connect to {}: {}",
        Untrusted::new(host).field(),
        why.clone()
    ))
}

/// Makes the headers of every request.
pub(super) fn common_headers(
    options: &HttpOptions,
    host: &str,
    is_token: bool,
) -> Result<HeaderMap, ConnectError> {
    let mut headers = HeaderMap::new();
    if options.secret.is_empty() {
        return Err(setup(host, &"the secret is empty".into()));
    }
    if is_token {
        let authorization = options
            .secret
            .authorization(options.scheme)
            .map_err(|_cause| {
                setup(
                    host,
                    &"the secret holds characters a header cannot carry".into(),
                )
            })?;
        headers.insert(header::AUTHORIZATION, authorization);
    }
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    for (name, text) in &options.headers {
        let value = HeaderValue::from_str(text).map_err(|_cause| {
            setup(
                host,
                &safe!("header {} holds characters it cannot carry", *name),
            )
        })?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn authorities(path: &Path, host: &str) -> Result<Vec<reqwest::Certificate>, ConnectError> {
    let named = Untrusted::new(path.to_string_lossy()).ident();
    let bytes = std::fs::read(path).map_err(|error| {
        let why = Untrusted::new(error.to_string()).line();
        setup(
            host,
            &safe!("cannot read the CA file {}: {}", named.clone(), why),
        )
    })?;
    let found = reqwest::Certificate::from_pem_bundle(&bytes).map_err(|error| {
        let why = Untrusted::new(error.to_string()).line();
        setup(
            host,
            &safe!("cannot use the CA file {}: {}", named.clone(), why),
        )
    })?;
    if found.is_empty() {
        return Err(setup(
            host,
            &safe!("the CA file {} holds no certificate", named),
        ));
    }
    Ok(found)
}

fn builder(
    origin: &Origin,
    limits: &Limits,
    extra: &[reqwest::Certificate],
) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .tls_backend_rustls()
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .https_only(origin.is_https())
        .user_agent(concat!("quell/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(limits.connect)
        .pool_idle_timeout(limits.pool_idle)
        .http2_max_header_list_size(u32::try_from(limits.headers).unwrap_or(u32::MAX))
        .dns_resolver(CarefulResolver);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let builder = builder.tcp_user_timeout(limits.tcp_user_timeout);
    if origin.is_https() {
        builder.tls_certs_merge(extra.iter().cloned())
    } else {
        // Plain loopback needs no certificates; the platform's are not even loaded.
        builder.tls_certs_only([])
    }
}

/// Makes the address of a connection, checked against the policy of its environment.
pub(super) fn origin(options: &HttpOptions) -> Result<Origin, ConnectError> {
    let named = options.base.host_str().unwrap_or("(no host)");
    Origin::new(&options.base, options.kind)
        .map_err(|error| setup(named, &Untrusted::new(error.to_string()).line()))
}

/// Makes the source of tokens, where they are fetched.
pub(super) fn tokens(
    options: &mut HttpOptions,
    host: &str,
) -> Result<Option<Tokens>, ConnectError> {
    let Some(grant) = options.grant.take() else {
        return Ok(None);
    };
    Tokens::new(grant, &options.secret, options.kind)
        .map(Some)
        .map_err(|error| setup(host, &Untrusted::new(error.to_string()).line()))
}

/// Makes the client for reads, which keeps connections, and the one for writes, if any, which opens one for each.
pub(super) fn clients(
    options: &HttpOptions,
    origin: &Origin,
) -> Result<(reqwest::Client, Option<reqwest::Client>), ConnectError> {
    // The first one in the process wins, and every one of ours is ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let extra = match &options.ca_file {
        Some(path) => authorities(path, origin.host())?,
        None => Vec::new(),
    };
    let built = |builder: reqwest::ClientBuilder| {
        builder
            .build()
            .map_err(|error| setup(origin.host(), &failure::deepest(&error)))
    };
    let reads = built(builder(origin, &options.limits, &extra))?;
    if options.reads_only {
        return Ok((reads, None));
    }
    let own = builder(origin, &options.limits, &extra)
        .pool_max_idle_per_host(0)
        .http1_only();
    Ok((reads, Some(built(own)?)))
}
