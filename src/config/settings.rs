//! What the console is told to do: the shape of the configuration after it was found good.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::terminal::TerminalSettings;
use crate::domain::case::UserSource;
use crate::domain::containment::campaign::Campaign;
use crate::domain::containment::caps::Caps;
use crate::domain::containment::hold::HoldTimes;
use crate::domain::containment::need::Rules;
use crate::domain::ids::ConnectionName;
use crate::domain::mirror::Mirror;
use crate::domain::runbook::choice::Rule;
use crate::domain::timeline::finding::Tuning;
use crate::domain::timeline::zone::Zone;

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which environment this console stands in.
    pub environment: Environment,
    /// Connections in the order of the file.
    pub connections: Vec<Connection>,
    /// Acknowledgement deadlines by severity key (`critical`, `high`, ...).
    pub sla: BTreeMap<String, Duration>,
    /// Deny and protect rules.
    pub policy: Policy,
    /// Keys by command id; a command left out keeps its own keys.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Name of the theme or path of its file; `None` chooses by the terminal.
    pub theme: Option<String>,
    /// What may be written to the terminal beyond frames.
    pub terminal: TerminalSettings,
    /// Whether only ASCII is drawn, whatever the locale says.
    pub ascii: bool,
    /// Activity window and detector tuning.
    pub timeline: Timeline,
    /// Runbooks and the rules that choose one.
    pub runbooks: RunbookSettings,
    /// What the wall shows.
    pub wall: Wall,
    /// File of the escalation path.
    pub escalation: Option<PathBuf>,
    /// SHA-256 of the text the settings were read from, in hex.
    pub sha256: String,
}

impl Settings {
    /// Gives settings without any connection, for a console that only shows files.
    pub fn of_files() -> Self {
        Self {
            environment: Environment {
                name: "exported-logs".to_owned(),
                kind: EnvironmentKind::Production,
                mode: Mode::ReadOnly,
                idle_lock: Duration::MAX,
            },
            connections: Vec::new(),
            sla: BTreeMap::new(),
            policy: Policy::default(),
            keys: BTreeMap::new(),
            theme: None,
            terminal: TerminalSettings::default(),
            ascii: false,
            timeline: Timeline::default(),
            runbooks: RunbookSettings::default(),
            wall: Wall::default(),
            escalation: None,
            sha256: String::new(),
        }
    }
}

/// Name and kind of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Shown in the status line; ASCII letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// Production or drill.
    pub kind: EnvironmentKind,
    /// Whether actions are sent.
    pub mode: Mode,
    /// After so long without a key the console is READ ONLY until a word is typed.
    pub idle_lock: Duration,
}

/// Whether the systems behind the connections are real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentKind {
    /// Real systems.
    Production,
    /// A drill: every host that is not loopback is refused.
    Drill,
}

/// Whether confirmed actions leave the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything but the send: the default of a fresh configuration.
    #[default]
    DryRun,
    /// Confirmed actions are sent.
    Live,
    /// No action can be planned.
    ReadOnly,
}

impl Mode {
    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::DryRun => "DRY RUN",
            Self::Live => "LIVE",
            Self::ReadOnly => "READ ONLY",
        }
    }
}

/// A system the console talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Own name, unique.
    pub name: ConnectionName,
    /// Which vendor's interface it speaks.
    pub vendor: Vendor,
    /// Base address; https, or http to a literal loopback address.
    pub url: Url,
    /// What it is used for.
    pub roles: BTreeSet<Role>,
    /// Where its secret comes from.
    pub secret: SecretSource,
    /// How often it is polled.
    pub poll: Duration,
    /// On a case connection: where a case names its user, in order.
    pub case_user: Vec<UserSource>,
    /// On a SIEM connection: index pattern of the activity, default `logs-*`.
    pub index: String,
    /// On a SIEM connection: index of the alerts.
    pub alerts_index: String,
    /// On a SIEM connection: names of the detection rules that must be alive, for `quell doctor`.
    pub rules: Vec<String>,
    /// After so long without an event a source counts as silent.
    pub silent: Duration,
    /// On an Okta connection: id of our own API token, to recognise our own entries in the System Log.
    pub token_id: Option<String>,
    /// Extra CA bundle in PEM.
    pub ca_file: Option<PathBuf>,
    /// Organisation header of TheHive.
    pub organisation: Option<String>,
    /// Who asks for tokens, at a vendor whose secret is no token itself.
    pub client: Option<OauthClient>,
    /// On an Okta connection: the service app whose private key the secret is; `None` where the secret is an API token.
    pub app: Option<ServiceApp>,
    /// On a Google connection: the mail address of the administrator that the service account acts for.
    pub subject: Option<String>,
    /// The application that asks for tokens at Microsoft Entra ID.
    pub entra: Option<EntraApp>,
}

/// A service app that asks for tokens with an assertion it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceApp {
    /// The app's id.
    pub client_id: String,
    /// The id of its key, where it has several.
    pub key_id: Option<String>,
    /// The scopes that are asked for; `None` for those that are needed.
    pub scopes: Option<Vec<String>>,
}

/// Who asks for tokens (OAuth 2.0): client credentials, or a user's password where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthClient {
    /// The realm whose accounts are looked after.
    pub realm: String,
    /// The realm that gives the tokens; the same unless the configuration says otherwise.
    pub token_realm: String,
    /// The client's id.
    pub client_id: String,
    /// The user of a password grant; `None` for client credentials.
    pub username: Option<String>,
}

/// An application of Microsoft Entra ID that acts for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraApp {
    /// Id or domain of the tenant.
    pub tenant: String,
    /// The application (client) id.
    pub client_id: String,
    /// Where the tokens of its cloud are given.
    pub login: Url,
    /// SHA-256 of its certificate in base64url, where the secret is the certificate's private key.
    pub certificate: Option<String>,
}

/// Vendors with a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Okta Management API.
    Okta,
    /// Keycloak Admin REST API.
    Keycloak,
    /// Google Workspace: Directory and Reports API.
    Google,
    /// Microsoft Entra ID by Microsoft Graph.
    Entra,
    /// TheHive 5.
    Thehive,
    /// Elasticsearch.
    Elasticsearch,
}

impl Vendor {
    /// Gives the vendor's name as shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Okta => "Okta",
            Self::Keycloak => "Keycloak",
            Self::Google => "Google",
            Self::Entra => "Entra",
            Self::Thehive => "TheHive",
            Self::Elasticsearch => "Elasticsearch",
        }
    }

    /// Lists the roles a connection of this vendor can have.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Okta | Self::Keycloak | Self::Entra | Self::Google => {
                &[Role::Identity, Role::Activity]
            }
            Self::Thehive => &[Role::Cases],
            Self::Elasticsearch => &[Role::Activity, Role::Alerts],
        }
    }
}

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Cases, tasks, comments.
    Cases,
    /// The user's activity.
    Activity,
    /// Alerts of the SIEM.
    Alerts,
    /// Accounts.
    Identity,
}

/// Where a secret comes from; exactly one per connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// Standard output of a program: absolute path and arguments, no shell.
    Command(Vec<String>),
    /// A file in systemd's credentials directory, by name.
    Credential(String),
    /// A file of mode 0600 or stricter.
    File(PathBuf),
    /// An environment variable, by name; warned about.
    Env(String),
}

/// Deny and protect rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Logins or ids that are never acted on.
    pub protected: Vec<String>,
    /// Groups whose members are never acted on, by name.
    pub protected_groups: Vec<String>,
    /// Own logins at the identity provider, never acted on.
    pub own: Vec<String>,
    /// Whether accounts with an administrator role may be acted on; only the policy of the host can say so.
    pub allow_administrators: bool,
    /// How many accounts may be acted on; only the policy of the host can change them.
    pub caps: Caps,
    /// Whether the host has a policy of its own.
    pub of_host: bool,
    /// When a second person is needed; only the policy of the host says so.
    pub approval: Rules,
    /// The campaign beyond the caps, if there is one; only the policy of the host can allow it.
    pub campaign: Option<Campaign>,
    /// How long a containment holds, when its end is announced, and how long an account is watched after it.
    pub hold: HoldTimes,
}

/// Where runbooks are, and which is used for which case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunbookSettings {
    /// Folders, absolute; of two runbooks with the same path inside them the first counts.
    pub folders: Vec<PathBuf>,
    /// The runbook where no rule fits; `None` for our own.
    pub default: Option<String>,
    /// The rules in their order; none for our own.
    pub rules: Vec<Rule>,
    /// What of a list becomes tasks in the case system.
    pub mirror: Mirror,
}

/// Whether a wall shows the names of users and the titles of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Names {
    /// Names as initials; no titles, which hold names too.
    #[default]
    Short,
    /// All of it.
    Full,
}

/// What `quell wall` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall {
    /// Names of users and titles of cases.
    pub names: Names,
    /// How long a page stands, where there are several.
    pub page: Duration,
}

impl Default for Wall {
    fn default() -> Self {
        Self {
            names: Names::default(),
            page: Duration::from_secs(15),
        }
    }
}

/// Window of the activity pane and tuning of the detectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Hours loaded at first: 24, 48 or 72 are usual.
    pub window_hours: u32,
    /// Most events loaded for one case.
    pub max_events: usize,
    /// What the rules are tuned by.
    pub tuning: Tuning,
    /// Local databases that say where addresses are, absolute.
    pub places: Vec<PathBuf>,
    /// The time zone of users whose provider names none.
    pub zone: Option<Zone>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            window_hours: 72,
            max_events: 100_000,
            tuning: Tuning::default(),
            places: Vec::new(),
            zone: None,
        }
    }
}
