//! A service app in place of an API token: it signs for its tokens, and each of its scopes is granted by itself.
//!
//! Source: Okta's guide to OAuth for service apps: the token endpoint takes a signed assertion, no secret; a token lives an
//! hour. The app needs an administrator role beside its scopes, which nothing here can read.
//!
//! What must not live here: signing (`connect::http`).

use super::{Okta, USERS, risk};
use crate::config::settings::{Connection, ServiceApp};
use crate::connect::capability::{ConnectError, Right};
use crate::connect::http::{Assertion, Credential, Request, TokenGrant};
use crate::domain::containment::kind::ActionKind;
use crate::domain::ids::AccountId;
use crate::domain::text::Untrusted;
use crate::safe;

const TOKEN: &str = "/oauth2/v1/token";
const MANAGE: &str = "okta.users.manage";

/// A scope that is needed, and for what.
const NEEDED: [(&str, &str); 4] = [
    ("okta.users.read", "look accounts up and prove actions"),
    (MANAGE, "act on accounts"),
    ("okta.roles.read", "tell administrators from others"),
    (
        "okta.logs.read",
        "read the System Log, which proves revoking",
    ),
];

/// Scopes that only what is said of a risk needs; an organisation without it has none to grant, so they are asked for where
/// the configuration names them.
const OF_RISK: [(&str, &str); 2] = [
    (risk::READ, "read the risk of users"),
    (risk::MANAGE, "mark as compromised and dismiss the risk"),
];

/// Scopes that could do harm and that nothing here needs.
const BEYOND: [&str; 7] = [
    "okta.apps.manage",
    "okta.clients.manage",
    "okta.groups.manage",
    "okta.idps.manage",
    "okta.policies.manage",
    "okta.roles.manage",
    "okta.authenticators.manage",
];

/// Says how a connection gets its tokens; `None` where its secret is an API token.
pub(crate) fn grant(connection: &Connection) -> Option<TokenGrant> {
    let app = connection.app.as_ref()?;
    let needed = || NEEDED.map(|(scope, _)| scope.to_owned()).to_vec();
    let scopes = app.scopes.clone().unwrap_or_else(needed);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    Some(TokenGrant {
        base: connection.url.clone(),
        template: TOKEN,
        ids: Vec::new(),
        form: vec![
            ("grant_type", "client_credentials".to_owned()),
            ("scope", scopes.join(" ")),
            ("client_assertion_type", kind.to_owned()),
        ],
        credential: Credential::Signed(Assertion {
            field: "client_assertion",
            issuer: Some(app.client_id.clone()),
            subject: Some(app.client_id.clone()),
            key_id: app.key_id.clone(),
            ..Assertion::default()
        }),
    })
}

impl Okta {
    /// Asks for anything: an app is no user, so nothing tells whose token it is but our own configuration.
    pub(super) async fn answers_app(
        &self,
        app: &ServiceApp,
    ) -> Result<(AccountId, Untrusted), ConnectError> {
        let request = Request::get(USERS, &[])?.query("limit", "1").urgent();
        self.http.read(&request).await?;
        let id = AccountId::new(self.connection.clone(), app.client_id.clone());
        Ok((id, Untrusted::new(app.client_id.clone())))
    }

    /// Asks for a token of each scope alone, those beyond need among them.
    pub(super) async fn scopes(&self, app: &ServiceApp) -> Result<Vec<Right>, ConnectError> {
        let mut rights = Vec::new();
        for (scope, what) in NEEDED {
            let kinds = match scope {
                "okta.logs.read" => vec![ActionKind::RevokeSessions],
                _ => ActionKind::ALL.to_vec(),
            };
            rights.push(Right {
                name: safe!("scope {}", scope),
                needed_for: Some(what),
                is_exact: true,
                kinds,
                granted: Some(self.http.grants_scope(scope).await?),
            });
        }
        for (scope, what) in OF_RISK {
            let named = risk::names(app, scope);
            // Who does not ask for it has no need of it, and may have none to grant.
            let is_needed = named || risk::names(app, risk::MANAGE);
            let name = if is_needed {
                safe!("scope {}, granted and named in `scopes`", scope)
            } else {
                safe!("scope {}, which `scopes` does not name", scope)
            };
            let granted = if named {
                Some(self.http.grants_scope(scope).await?)
            } else {
                is_needed.then_some(false)
            };
            rights.push(Right {
                name,
                needed_for: Some(what),
                is_exact: true,
                kinds: vec![ActionKind::ConfirmCompromised, ActionKind::DismissRisk],
                granted,
            });
        }
        rights.push(Right {
            name: "an administrator role of the app, which this interface does not tell".into(),
            needed_for: Some("use its scopes"),
            is_exact: false,
            kinds: Vec::new(),
            granted: None,
        });
        let asked = app.scopes.iter().flatten().map(String::as_str);
        let mut more: Vec<&str> = BEYOND.into_iter().chain(asked).collect();
        more.sort_unstable();
        more.dedup();
        let needed = NEEDED.iter().chain(&OF_RISK).map(|(scope, _)| *scope);
        more.retain(|scope| !needed.clone().any(|one| one == *scope));
        for scope in more {
            if self.http.grants_scope(scope).await? {
                rights.push(Right {
                    name: safe!("scope {}", Untrusted::new(scope).field()),
                    needed_for: None,
                    is_exact: true,
                    kinds: Vec::new(),
                    granted: Some(true),
                });
            }
        }
        Ok(rights)
    }
}
