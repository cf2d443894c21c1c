//! What the service account may be allowed to do: one scope, one token, one client each.
//!
//! A token request that names one scope too many is refused as a whole, so each is asked for by itself: what is not granted
//! is then missing by itself too, and known by its name. Source: OAuth 2.0 for service accounts (JWT bearer grant, RFC 7523)
//! and the scopes of each method in the Discovery documents.
//!
//! What must not live here: what is asked with them.

use url::{Host, Url};

use crate::config::settings::{Connection, EnvironmentKind};
use crate::connect::capability::ConnectError;
use crate::connect::http::{Answer, Assertion, Credential, HttpClient, Request, TokenGrant};
use crate::domain::text::Safe;
use crate::safe;

const TOKEN_HOST: &str = "https://oauth2.googleapis.com";
const MAIL_HOST: &str = "https://gmail.googleapis.com";
const ALERTS_HOST: &str = "https://alertcenter.googleapis.com";
const TOKEN: &str = "/token";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// One scope that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Users: read, suspend, restore, password.
    Users,
    /// Sign-out, tokens of apps, app passwords. There is no narrower one for reading.
    Security,
    /// Groups, read only.
    Groups,
    /// Administrator roles and who has them, read only.
    Roles,
    /// Activities, read only.
    Reports,
    /// Alerts of the Alert Center. There is none for reading alone.
    Alerts,
    /// Mobile devices, read only.
    Mobile,
}

impl Scope {
    /// Lists all of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Users,
        Self::Security,
        Self::Groups,
        Self::Roles,
        Self::Reports,
        Self::Alerts,
        Self::Mobile,
    ];

    /// Gives its name at Google.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Users => "https://www.googleapis.com/auth/admin.directory.user",
            Self::Security => "https://www.googleapis.com/auth/admin.directory.user.security",
            Self::Groups => "https://www.googleapis.com/auth/admin.directory.group.readonly",
            Self::Roles => {
                "https://www.googleapis.com/auth/admin.directory.rolemanagement.readonly"
            }
            Self::Reports => "https://www.googleapis.com/auth/admin.reports.audit.readonly",
            Self::Alerts => "https://www.googleapis.com/auth/apps.alerts",
            Self::Mobile => {
                "https://www.googleapis.com/auth/admin.directory.device.mobile.readonly"
            }
        }
    }

    /// Gives the server that it is for, where that is not the connection's.
    fn host(self) -> Option<&'static str> {
        match self {
            Self::Alerts => Some(ALERTS_HOST),
            Self::Users
            | Self::Security
            | Self::Groups
            | Self::Roles
            | Self::Reports
            | Self::Mobile => None,
        }
    }

    /// Gives the last part of its name.
    pub(crate) fn word(self) -> &'static str {
        let name = self.name();
        name.rsplit_once('/').map_or(name, |(_, word)| word)
    }
}

/// A scope that is used on behalf of the owner of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MailScope {
    /// Settings, read; filters.
    Basic,
    /// What shares the mailbox: forwarding, delegates.
    Sharing,
}

impl MailScope {
    /// Lists both.
    pub(super) const ALL: [Self; 2] = [Self::Basic, Self::Sharing];

    /// Gives its name at Google.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Basic => "https://www.googleapis.com/auth/gmail.settings.basic",
            Self::Sharing => "https://www.googleapis.com/auth/gmail.settings.sharing",
        }
    }

    /// Gives the last part of its name.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Basic => "gmail.settings.basic",
            Self::Sharing => "gmail.settings.sharing",
        }
    }
}

/// Gives the address of another server of Google's; at a drill, and behind a test's server, it is the same one.
fn server(url: &Url, of_google: &str) -> Url {
    let here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    // What is written above is an address.
    Url::parse(of_google)
        .ok()
        .filter(|_| !here)
        .unwrap_or_else(|| url.clone())
}

/// Says how a token for one scope is asked for, on behalf of the administrator.
pub(crate) fn grant_of(url: &Url, subject: &str, scope: &str) -> TokenGrant {
    TokenGrant {
        base: server(url, TOKEN_HOST),
        template: TOKEN,
        ids: Vec::new(),
        form: vec![("grant_type", GRANT.to_owned())],
        credential: Credential::Signed(Assertion {
            field: "assertion",
            subject: Some(subject.to_owned()),
            scope: Some(scope.to_owned()),
            ..Assertion::default()
        }),
    }
}

/// Says how a connection gets its first token; `None` where it is configured for another vendor.
pub(crate) fn grant(connection: &Connection) -> Option<TokenGrant> {
    let subject = connection.subject.as_deref()?;
    Some(grant_of(&connection.url, subject, Scope::Users.name()))
}

/// One client for each scope.
#[derive(Debug)]
pub(super) struct Clients {
    url: Url,
    kind: EnvironmentKind,
    subject: String,
    users: HttpClient,
    /// In the order of [`Scope::ALL`], without the first.
    others: Vec<HttpClient>,
}

impl Clients {
    /// Makes them out of the one for users.
    pub(super) fn new(
        users: HttpClient,
        connection: &Connection,
        kind: EnvironmentKind,
    ) -> Result<Self, ConnectError> {
        let subject = connection.subject.clone().unwrap_or_default();
        let url = &connection.url;
        let others = Scope::ALL.iter().skip(1).map(|scope| {
            let grant = grant_of(url, &subject, scope.name());
            let base = scope.host().map(|host| server(url, host));
            users.beside(base.as_ref().unwrap_or(url), grant, kind)
        });
        let others = others.collect::<Result<_, _>>()?;
        Ok(Self {
            url: url.clone(),
            kind,
            subject,
            users,
            others,
        })
    }

    /// Gives the administrator's mail address.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Gives the client of a scope.
    pub(super) fn of(&self, scope: Scope) -> &HttpClient {
        let place = Scope::ALL.iter().position(|one| *one == scope);
        let other = place.and_then(|place| self.others.get(place.checked_sub(1)?));
        other.unwrap_or(&self.users)
    }

    /// Makes a client for one mailbox, on behalf of its owner; it lives no longer than what it is made for.
    pub(super) fn mailbox(
        &self,
        owner: &str,
        scope: MailScope,
    ) -> Result<HttpClient, ConnectError> {
        let grant = grant_of(&self.url, owner, scope.name());
        self.users
            .beside(&server(&self.url, MAIL_HOST), grant, self.kind)
    }

    /// Lists all clients.
    pub(super) fn all(&self) -> impl Iterator<Item = &HttpClient> {
        std::iter::once(&self.users).chain(&self.others)
    }

    /// Sends a read with the token of a scope.
    ///
    /// # Errors
    /// What the last try gave; a scope that is not granted is named.
    pub(super) async fn read(
        &self,
        scope: Scope,
        request: &Request,
    ) -> Result<Answer, ConnectError> {
        let answer = self.of(scope).read(request).await;
        answer.map_err(|error| explained(error, scope.word()))
    }
}

fn says(error: &ConnectError, word: &str) -> bool {
    error.what.as_str().contains(word)
}

/// Tells whether an assertion was refused for the time it says.
fn is_out_of_time(error: &ConnectError) -> bool {
    says(error, "invalid_grant") && says(error, "JWT")
}

/// Tells whether a scope is not granted to the service account.
pub(super) fn is_not_granted(error: &ConnectError) -> bool {
    says(error, "unauthorized_client") || says(error, "access_denied")
}

/// Says in words what a refused assertion means.
pub(super) fn explained(error: ConnectError, scope: &'static str) -> ConnectError {
    let hint: Safe = if is_not_granted(&error) {
        let what = safe!("the scope {} is not granted: {}", scope, error.what);
        return ConnectError {
            what,
            hint: Some(
                "grant it to the service account's client id under domain-wide delegation; it may take minutes, at most a day".into(),
            ),
            ..error
        };
    } else if is_out_of_time(&error) {
        "Google found the time in the signed request wrong: look at the clock of this host".into()
    } else if says(&error, "invalid_grant") {
        "the administrator that subject names is not there, or the key was deleted".into()
    } else {
        return error;
    };
    ConnectError {
        hint: Some(hint),
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://admin.googleapis.com", "https://oauth2.googleapis.com/")]
    #[case("http://127.0.0.1:8080", "http://127.0.0.1:8080/")]
    #[case("http://[::1]:8080", "http://[::1]:8080/")]
    fn tokens_come_from_google_or_from_this_machine(#[case] url: &str, #[case] expected: &str) {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{error}"));
        let grant = grant_of(&url, "quell@acme.example", Scope::Users.name());
        assert_eq!(grant.base.as_str(), expected);
    }

    #[test]
    fn alerts_have_a_server_of_their_own() {
        let url = Url::parse("https://admin.googleapis.com");
        let url = url.unwrap_or_else(|error| panic!("{error}"));
        let of = |scope: Scope| scope.host().map(|host| server(&url, host).to_string());
        assert_eq!(
            Scope::ALL.map(of),
            [
                None,
                None,
                None,
                None,
                None,
                Some("https://alertcenter.googleapis.com/".to_owned()),
                None,
            ]
        );
    }

    #[rstest]
    #[case(
        "unauthorized_client: Client is unauthorized",
        "is not granted",
        "domain-wide delegation"
    )]
    #[case(
        "invalid_grant: Invalid JWT: Token must be a short-lived token",
        "invalid_grant",
        "clock of this host"
    )]
    #[case(
        "invalid_grant: Invalid email or User ID",
        "invalid_grant",
        "subject names"
    )]
    fn a_refusal_is_explained(#[case] said: &'static str, #[case] what: &str, #[case] hint: &str) {
        let told = explained(ConnectError::unsent(said.into()), "admin.directory.user");
        assert!(told.what.as_str().contains(what), "{}", told.what);
        assert!(told.hint.is_some_and(|told| told.as_str().contains(hint)));
    }
}
