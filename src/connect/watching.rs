//! Connections for those who only look: the wall, and whatever prints.
//!
//! Three things keep a wall from writing: nothing in these traits writes, the clients behind them have no client for
//! writes (`reads_only`), and the secrets of identity providers are never asked for. What must not live here: any trait
//! with a call that changes something.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::capability::{ConnectError, Page};
use super::elasticsearch::Elasticsearch;
use super::http::Limits;
use super::registry::{client, no_secret};
use super::secret::Secret;
use super::thehive::TheHive;
use crate::config::settings::{Connection, Mode, Role, Settings, Vendor};
use crate::domain::case::{Case, Comment};
use crate::domain::ids::{CaseId, ConnectionName};

/// A case system as a wall sees it.
#[async_trait]
pub trait WatchedCases: Send + Sync {
    /// Name of the connection.
    fn connection(&self) -> &ConnectionName;
    /// Lists the open cases, newest first; at most `limit`.
    async fn open_cases(&self, limit: usize) -> Result<Page<Case>, ConnectError>;
    /// Lists the comments of all cases written at or after a time, with their cases, newest first; at most `limit`.
    async fn comments_since(
        &self,
        since: DateTime<Utc>,
        limit: usize,
    ) -> Result<Page<(CaseId, Comment)>, ConnectError>;
}

/// A source of which a wall only wants to know whether it answers.
#[async_trait]
pub trait WatchedSource: Send + Sync {
    /// Name of the connection.
    fn connection(&self) -> &ConnectionName;
    /// Asks for as little as there is.
    async fn answers(&self) -> Result<(), ConnectError>;
}

/// Everything a wall has of the outside world.
#[derive(Default)]
pub struct Watching {
    /// Case systems.
    pub cases: Vec<Arc<dyn WatchedCases>>,
    /// Other sources.
    pub sources: Vec<Arc<dyn WatchedSource>>,
    /// Connections that could not be made, with the reason.
    pub faults: Vec<(ConnectionName, ConnectError)>,
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watching")
            .field("cases", &self.cases.len())
            .field("sources", &self.sources.len())
            .field("faults", &self.faults)
            .finish()
    }
}

/// Leaves of the settings what a wall may use: no identity provider, no mode but READ ONLY.
///
/// Secrets are read by what is left, so a wall's process need not have those of identity providers.
#[must_use]
pub fn watched(settings: &Settings) -> Settings {
    let mut watched = settings.clone();
    watched.environment.mode = Mode::ReadOnly;
    for connection in &mut watched.connections {
        connection.roles.remove(&Role::Identity);
        let of_identity = [
            Vendor::Okta,
            Vendor::Keycloak,
            Vendor::Entra,
            Vendor::Google,
        ];
        if of_identity.contains(&connection.vendor) {
            connection.roles.clear();
        }
    }
    watched
        .connections
        .retain(|connection| !connection.roles.is_empty());
    watched
}

impl Watching {
    /// Makes the connections of a wall; nothing is sent.
    ///
    /// A connection whose secret is missing or whose address cannot be used becomes a fault, the others are made.
    pub fn build(
        settings: &Settings,
        mut secrets: BTreeMap<ConnectionName, Secret>,
        limits: &Limits,
    ) -> Self {
        let settings = watched(settings);
        let mut all = Self::default();
        for connection in &settings.connections {
            let made = match secrets.remove(&connection.name) {
                Some(secret) => client(&settings, connection, secret, limits.clone()),
                None => Err(no_secret(&connection.name)),
            };
            match made {
                Ok(http) => all.add(connection, http),
                Err(error) => all.faults.push((connection.name.clone(), error)),
            }
        }
        all
    }

    fn add(&mut self, connection: &Connection, http: super::http::HttpClient) {
        let name = connection.name.clone();
        match connection.vendor {
            Vendor::Thehive => self.cases.push(Arc::new(TheHive::new(name, http))),
            Vendor::Elasticsearch => {
                let (index, alerts) = (connection.index.clone(), connection.alerts_index.clone());
                let made = Elasticsearch::new(name, http, index, alerts);
                self.sources.push(Arc::new(made));
            }
            // Left out by `watched`: their keys open accounts.
            Vendor::Okta | Vendor::Keycloak | Vendor::Entra | Vendor::Google => {}
        }
    }
}
