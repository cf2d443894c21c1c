//! From settings and secrets to connections, sorted by what they can do.
//!
//! What must not live here: reading secrets, polling.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::capability::{ActivitySource, Cases, ConnectError, Examined, Identity};
use super::elasticsearch::{self, Elasticsearch};
use super::entra::{self, Entra};
use super::google::{self, Google};
use super::http::{HttpClient, HttpOptions, Limits};
use super::keycloak::{self, Keycloak};
use super::okta::{self, Okta};
use super::secret::Secret;
use super::thehive::{self, TheHive};
use crate::config::settings::{Connection, EnvironmentKind, Mode, Role, Settings, Vendor};
use crate::domain::ids::ConnectionName;
use crate::domain::text::Untrusted;
use crate::safe;

/// All connections that could be made, each under every role it was given.
#[derive(Default)]
pub struct Connections {
    /// Case systems.
    pub cases: Vec<Arc<dyn Cases>>,
    /// Sources of a user's activity.
    pub activity: Vec<Arc<dyn ActivitySource>>,
    /// Sources of alerts.
    pub alerts: Vec<Arc<dyn ActivitySource>>,
    /// Identity providers.
    pub identity: Vec<Arc<dyn Identity>>,
    /// The identity providers' own logs, in the order of [`Self::identity`]: what an account still does is seen there
    /// first, whether or not it is a source of activity.
    pub identity_logs: Vec<Arc<dyn ActivitySource>>,
    /// Every connection that was made, to be examined.
    pub examined: Vec<Arc<dyn Examined>>,
    /// Connections that could not be made, with the reason.
    pub faults: Vec<(ConnectionName, ConnectError)>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections")
            .field("cases", &self.cases.len())
            .field("activity", &self.activity.len())
            .field("alerts", &self.alerts.len())
            .field("identity", &self.identity.len())
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Connections {
    /// Makes every connection of the settings; nothing is sent.
    ///
    /// In READ ONLY no connection has a client for writes.
    /// A connection whose secret is missing or whose address cannot be used becomes a fault, the others are made.
    pub fn build(settings: &Settings, secrets: BTreeMap<ConnectionName, Secret>) -> Self {
        Self::build_with(settings, secrets, &Limits::default())
    }

    /// Makes the connections of a wall: no identity provider, and no client for writes anywhere.
    ///
    /// Secrets of identity providers are not asked for, so a wall's process need not have them.
    pub fn build_watching(settings: &Settings, secrets: BTreeMap<ConnectionName, Secret>) -> Self {
        let mut watched = settings.clone();
        watched.environment.mode = Mode::ReadOnly;
        for connection in &mut watched.connections {
            connection.roles.remove(&Role::Identity);
        }
        watched
            .connections
            .retain(|connection| !connection.roles.is_empty());
        Self::build(&watched, secrets)
    }

    /// Makes every connection with other limits, for tests.
    pub fn build_with(
        settings: &Settings,
        mut secrets: BTreeMap<ConnectionName, Secret>,
        limits: &Limits,
    ) -> Self {
        let mut all = Self::default();
        for connection in &settings.connections {
            let made = match secrets.remove(&connection.name) {
                Some(secret) => client(settings, connection, secret, limits.clone()),
                None => Err(no_secret(&connection.name)),
            };
            match made {
                Ok(http) => all.add(connection, http, settings.environment.kind),
                Err(error) => all.faults.push((connection.name.clone(), error)),
            }
        }
        all
    }

    fn add(&mut self, connection: &Connection, http: HttpClient, kind: EnvironmentKind) {
        let name = connection.name.clone();
        let has = |role| connection.roles.contains(&role);
        match connection.vendor {
            Vendor::Okta => {
                let made = Arc::new(Okta::new(
                    name,
                    http,
                    connection.token_id.clone(),
                    connection.app.clone(),
                ));
                self.examined.push(made.clone());
                if has(Role::Identity) {
                    self.identity.push(made.clone());
                    self.identity_logs.push(made.clone());
                }
                if has(Role::Activity) {
                    self.activity.push(made);
                }
            }
            Vendor::Keycloak => {
                let Some(client) = connection.client.clone() else {
                    let what = "its realm and client are not configured";
                    let error = ConnectError::unsent(what.into());
                    self.faults.push((name, error));
                    return;
                };
                let made = Arc::new(Keycloak::new(name, http, client));
                self.examined.push(made.clone());
                if has(Role::Identity) {
                    self.identity.push(made.clone());
                    self.identity_logs.push(made.clone());
                }
                if has(Role::Activity) {
                    self.activity.push(made);
                }
            }
            Vendor::Google => match Google::new(http, connection, kind) {
                Ok(made) => {
                    let made = Arc::new(made);
                    self.examined.push(made.clone());
                    if has(Role::Identity) {
                        self.identity.push(made.clone());
                        self.identity_logs.push(made.clone());
                    }
                    if has(Role::Activity) {
                        self.activity.push(made);
                    }
                }
                Err(error) => self.faults.push((name, error)),
            },
            Vendor::Entra => {
                let Some(app) = connection.entra.clone() else {
                    let what = "its tenant and application are not configured";
                    self.faults.push((name, ConnectError::unsent(what.into())));
                    return;
                };
                let made = Arc::new(Entra::new(name, http, app));
                self.examined.push(made.clone());
                if has(Role::Identity) {
                    self.identity.push(made.clone());
                    self.identity_logs.push(made.clone());
                }
                if has(Role::Activity) {
                    self.activity.push(made);
                }
            }
            Vendor::Thehive => {
                let made = Arc::new(TheHive::new(name, http));
                self.examined.push(made.clone());
                if has(Role::Cases) {
                    self.cases.push(made);
                }
            }
            Vendor::Elasticsearch => {
                let (index, alerts) = (connection.index.clone(), connection.alerts_index.clone());
                let made = Arc::new(Elasticsearch::new(name, http, index, alerts));
                self.examined.push(made.clone());
                if has(Role::Activity) {
                    self.activity.push(made.clone());
                }
                if has(Role::Alerts) {
                    self.alerts.push(made);
                }
            }
        }
    }
}

pub(super) fn no_secret(name: &ConnectionName) -> ConnectError {
    let shown = Untrusted::new(name.as_str()).ident();
    ConnectError::unsent(safe!(
        "cannot connect to {}: its secret could not be read",
        shown
    ))
}

pub(super) fn client(
    settings: &Settings,
    connection: &Connection,
    secret: Secret,
    limits: Limits,
) -> Result<HttpClient, ConnectError> {
    let (scheme, error_words, request_id) = match connection.vendor {
        // The word of an API token; that of a fetched one is always the same.
        Vendor::Okta => (okta::SCHEME, okta::ERROR_WORDS, Some(okta::REQUEST_ID)),
        Vendor::Keycloak => ("Bearer", keycloak::ERROR_WORDS, None),
        Vendor::Google => ("Bearer", google::ERROR_WORDS, None),
        Vendor::Entra => ("Bearer", entra::ERROR_WORDS, Some(entra::REQUEST_ID)),
        Vendor::Thehive => (thehive::SCHEME, thehive::ERROR_WORDS, None),
        Vendor::Elasticsearch => (elasticsearch::SCHEME, elasticsearch::ERROR_WORDS, None),
    };
    let organisation = connection
        .organisation
        .clone()
        .filter(|_| connection.vendor == Vendor::Thehive);
    HttpClient::new(HttpOptions {
        base: connection.url.clone(),
        kind: settings.environment.kind,
        scheme,
        secret,
        grant: keycloak::grant(connection)
            .or_else(|| okta::grant(connection))
            .or_else(|| entra::grant(connection))
            .or_else(|| google::scope::grant(connection)),
        headers: organisation
            .map(|name| (thehive::ORGANISATION, name))
            .into_iter()
            .collect(),
        ca_file: connection.ca_file.clone(),
        error_words,
        slow_down: match connection.vendor {
            Vendor::Google => google::SLOW_DOWN,
            _ => &[],
        },
        request_id,
        reads_only: settings.environment.mode == Mode::ReadOnly,
        limits,
        seed: None,
    })
}
