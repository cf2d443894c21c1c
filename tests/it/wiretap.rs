//! The drill's servers with a wire-tap before each, and the console's own connectors on top: what is sent is what is seen.

mod batch;
mod mock;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use quell::config::settings::{
    Connection, EntraApp, Environment, EnvironmentKind, Mode, OauthClient, Policy, Role,
    SecretSource, ServiceApp, Settings, Timeline, Vendor,
};
use quell::connect::capability::{ActivitySource, Cases, Identity};
use quell::connect::http::Limits;
use quell::connect::registry::Connections;
use quell::connect::secret::Secret;
use quell::domain::account::Account;
use quell::domain::containment::confirm::{Confirmation, ConfirmedAction, DialogKey, Step};
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::plan::{Plan, PlannedStep};
use quell::domain::containment::remnant::Remnant;
use quell::domain::freshness::Moment;
use quell::domain::ids::{ActionId, CaseId, ConnectionName, PlanId};
use quell::domain::text::Untrusted;
use quell::drill::clock::Clock;
use quell::drill::{Drill, Endpoint, Options, Pace};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::raw_http::{Raw, read_request};

/// One request as it passed the wire.
#[derive(Clone, Debug)]
pub struct Seen {
    pub vendor: &'static str,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Status and body of the answer, once it has come.
    pub answer: Option<(u16, Vec<u8>)>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// What a test answers in place of a server: lines for the head, and the body; nothing where the server answers. It gets the
/// request and the address of the tap.
pub type Say = Arc<dyn Fn(&Raw, &str) -> Option<(String, Value)> + Send + Sync>;

type Said = Arc<Mutex<Vec<Say>>>;

#[derive(Clone)]
struct Tap {
    vendor: &'static str,
    upstream: String,
    own: String,
    log: Log,
    said: Said,
    http: reqwest::Client,
}

impl Tap {
    /// Gives what a test answers to a request, by the first one that does.
    fn instead(&self, raw: &Raw) -> Option<(String, Value)> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().find_map(|say| say(raw, &self.own))
    }

    /// Notes what was answered to the request at a place of the log.
    fn answered(&self, place: usize, status: u16, body: Vec<u8>) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        // The log may have been taken meanwhile.
        if let Some(seen) = log.get_mut(place) {
            seen.answer = Some((status, body));
        }
    }

    /// Passes one request on and its answer back; a server that hangs up is passed on too.
    async fn pass(&self, stream: &mut TcpStream) -> Option<()> {
        let raw = read_request(stream).await?;
        mock::show(&self.http, self.vendor, &raw).await;
        for part in batch::requests(&raw) {
            mock::show(&self.http, self.vendor, &part).await;
        }
        let seen = Seen {
            vendor: self.vendor,
            method: raw.method.clone(),
            path: raw.path.clone(),
            headers: raw.headers.clone(),
            body: raw.body.clone(),
            answer: None,
        };
        let place = {
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(seen);
            log.len() - 1
        };
        if let Some((lines, body)) = self.instead(&raw) {
            let body = body.to_string().into_bytes();
            let head = format!(
                "HTTP/1.1 200 x\r\nconnection: close\r\ncontent-length: {}\r\n{lines}\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()?;
            self.answered(place, 200, body);
            return Some(());
        }
        let method = reqwest::Method::from_bytes(raw.method.as_bytes()).unwrap();
        let mut forwarded = self
            .http
            .request(method, format!("{}{}", self.upstream, raw.path));
        // With its `host`: links in a body lead to the tap too.
        for (name, value) in &raw.headers {
            forwarded = forwarded.header(name, value);
        }
        let answer = forwarded.body(raw.body).send().await.ok()?;
        let mut head = format!(
            "HTTP/1.1 {} x\r\nconnection: close\r\n",
            answer.status().as_u16()
        );
        for (name, value) in answer.headers() {
            if !["transfer-encoding", "connection"].contains(&name.as_str()) {
                let text =
                    String::from_utf8_lossy(value.as_bytes()).replace(&self.upstream, &self.own);
                head.extend([name.as_str(), ": ", &text, "\r\n"]);
            }
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        let (mut answer, mut body) = (answer, Vec::new());
        let status = answer.status().as_u16();
        while let Some(piece) = answer.chunk().await.ok()? {
            stream.write_all(&piece).await.ok()?;
            body.extend_from_slice(&piece);
        }
        self.answered(place, status, body);
        Some(())
    }
}

async fn tap(endpoint: &Endpoint, log: &Log, said: &Said) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let tap = Tap {
        vendor: endpoint.vendor,
        upstream: endpoint.url.clone(),
        own: own.clone(),
        log: Arc::clone(log),
        said: Arc::clone(said),
        http: reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap(),
    };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tap = tap.clone();
            tokio::spawn(async move { tap.pass(&mut stream).await });
        }
    });
    Url::parse(&own).unwrap()
}

/// Opens a port that leads to a server, at which a test answers what it wants, and gives its address.
pub async fn in_front(endpoint: &Endpoint, say: Say) -> String {
    // Only the first test of the process finds no provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let said = Arc::new(Mutex::new(vec![say]));
    let url = tap(endpoint, &Log::default(), &said).await;
    url.as_str().trim_end_matches('/').to_owned()
}

/// When the drill of these tests starts.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

/// Makes a name.
pub fn name(text: &str) -> ConnectionName {
    ConnectionName::parse(text).unwrap()
}

/// Makes a connection's settings with everything that is not asked for left empty.
pub fn connection(vendor: Vendor, url: Url) -> Connection {
    Connection {
        name: name(vendor.word()),
        vendor,
        url,
        roles: vendor.roles().iter().copied().collect::<BTreeSet<Role>>(),
        secret: SecretSource::Env("UNUSED".to_owned()),
        poll: Duration::from_secs(10),
        case_user: Vec::new(),
        index: "logs-*".to_owned(),
        alerts_index: ".alerts-security.alerts-default".to_owned(),
        rules: Vec::new(),
        silent: Duration::from_secs(86_400),
        token_id: Some("00Tdrill0console0001".to_owned()),
        ca_file: None,
        organisation: Some("acme".to_owned()),
        client: None,
        app: None,
        subject: None,
        entra: None,
    }
}

/// Makes settings of a drill.
pub fn settings(connections: Vec<Connection>) -> Settings {
    Settings {
        environment: Environment {
            name: "test".to_owned(),
            kind: EnvironmentKind::Drill,
            mode: Mode::Live,
            idle_lock: std::time::Duration::from_secs(900),
        },
        connections,
        sla: BTreeMap::new(),
        policy: Policy::default(),
        keys: BTreeMap::new(),
        theme: None,
        terminal: quell::config::terminal::TerminalSettings::default(),
        ascii: false,
        timeline: Timeline::default(),
        runbooks: quell::config::settings::RunbookSettings::default(),
        wall: quell::config::settings::Wall::default(),
        escalation: None,
        sha256: String::new(),
    }
}

/// A drill, its taps, and connectors that talk through them.
pub struct Tapped {
    pub drill: Drill,
    pub connections: Connections,
    log: Log,
    said: Said,
}

impl Tapped {
    /// Starts all of it; the policy's own limits, but a short back-off.
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    /// Starts all of it with a drill of one's own.
    pub async fn with(options: Options) -> Self {
        Self::at(start(), options).await
    }

    /// Starts a company of another shape at another time.
    pub async fn at(start: DateTime<Utc>, options: Options) -> Self {
        Self::made(start, options, None, Limits::default()).await
    }

    /// Starts one whose identity provider is reached through the service app, with this key.
    pub async fn by_app(key: &str, limits: Limits) -> Self {
        Self::made(start(), Options::default(), Some(key), limits).await
    }

    /// Starts one of another shape, with this key in place of a secret.
    pub async fn by_key(options: Options, key: &str) -> Self {
        Self::made(start(), options, Some(key), Limits::default()).await
    }

    async fn made(
        start: DateTime<Utc>,
        options: Options,
        key: Option<&str>,
        limits: Limits,
    ) -> Self {
        // Only the first test of the process finds no provider installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let drill = Drill::start(Options {
            clock: Clock::fixed(start),
            pace: Pace::Manual,
            ..options
        })
        .await
        .unwrap();
        let (log, said) = (Log::default(), Said::default());
        let mut all = Vec::new();
        let mut secrets = BTreeMap::new();
        let provider = match drill.identity().vendor {
            "keycloak" => Vendor::Keycloak,
            "google" => Vendor::Google,
            "entra" => Vendor::Entra,
            _ => Vendor::Okta,
        };
        for (vendor, endpoint) in [
            (provider, drill.identity()),
            (Vendor::Thehive, drill.cases()),
            (Vendor::Elasticsearch, drill.siem()),
        ] {
            let mut one = connection(vendor, tap(endpoint, &log, &said).await);
            if vendor == Vendor::Entra {
                one.entra = endpoint.client.map(|(tenant, client)| EntraApp {
                    tenant: tenant.to_owned(),
                    client_id: client.to_owned(),
                    login: one.url.clone(),
                    certificate: key.map(|_| drill.certificate().to_owned()),
                });
            }
            let client = endpoint.client.filter(|_| vendor == Vendor::Keycloak);
            one.client = client.map(|(realm, client)| OauthClient {
                realm: realm.to_owned(),
                token_realm: realm.to_owned(),
                client_id: client.to_owned(),
                username: None,
            });
            let mut secret = endpoint.token;
            if let (Some(key), Vendor::Okta) = (key, vendor) {
                one.token_id = None;
                one.app = Some(ServiceApp {
                    client_id: drill.service_app().0.to_owned(),
                    key_id: Some("k1".to_owned()),
                    scopes: None,
                });
                secret = key;
            }
            one.subject = endpoint.subject.map(str::to_owned);
            if let (Some(key), Vendor::Entra) = (key, vendor) {
                secret = key;
            }
            all.push(one);
            secrets.insert(name(vendor.word()), Secret::new(secret.to_owned()));
        }
        let limits = Limits {
            back_off: Duration::from_millis(1),
            ..limits
        };
        let connections = Connections::build_with(&settings(all), secrets, &limits);
        assert_eq!(connections.faults, []);
        Self {
            drill,
            connections,
            log,
            said,
        }
    }

    pub fn identity(&self) -> &dyn Identity {
        &*self.connections.identity[0]
    }

    pub fn identity_log(&self) -> &dyn ActivitySource {
        &*self.connections.identity_logs[0]
    }

    pub fn cases(&self) -> &dyn Cases {
        &*self.connections.cases[0]
    }

    pub fn siem(&self) -> &dyn ActivitySource {
        self.connections.alerts[0].as_ref()
    }

    /// Takes the requests seen so far; behind a request of several stands each of these as if it had come by itself.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner));
        let with_parts = seen.into_iter().flat_map(|one| {
            let parts = batch::seen(&one);
            std::iter::once(one).chain(parts)
        });
        with_parts.collect()
    }

    /// Takes the requests seen so far as they passed the wire.
    pub fn sent(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers from now on, with 200 and a body in place of the server, each request whose path holds `part` and that nothing
    /// said before answers; `next` is the path of a next page.
    pub fn say(&self, part: &'static str, next: Option<&'static str>, body: &Value) {
        let body = body.clone();
        let say = move |raw: &Raw, own: &str| {
            let link = next.map(|path| format!("link: <{own}{path}>; rel=\"next\"\r\n"));
            let is_it = raw.path.contains(part);
            is_it.then(|| (link.unwrap_or_default(), body.clone()))
        };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push(Arc::new(say));
    }

    /// Lets the servers answer everything again.
    pub fn say_nothing(&self) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clear();
    }

    /// Switches a fault of the drill.
    pub fn fault(&self, order: &Value) {
        self.drill.fault(order).unwrap();
    }

    /// Reads the account that the story is about.
    pub async fn victim(&self) -> Account {
        let id = self.drill.victim_id();
        let found = self.identity().find(&Untrusted::new(id)).await.unwrap();
        self.identity().account(&found[0].id).await.unwrap()
    }

    /// Confirms a plan of the given kinds as a person does and gives the actions in their order.
    pub fn confirm(&self, account: &Account, kinds: &[ActionKind]) -> Vec<ConfirmedAction> {
        let identity = self.identity();
        let steps = identity
            .steps(kinds, account)
            .unwrap()
            .into_iter()
            .zip(0u128..)
            .map(|(step, index)| PlannedStep {
                aid: ActionId::from_parts(start(), index),
                kind: step.kind,
                call: step.call,
                facts: step.facts,
                item: None,
            });
        confirmed(account, steps.collect())
    }

    /// Confirms the removal of one thing as a person does.
    pub fn confirm_removal(&self, account: &Account, remnant: &Remnant) -> ConfirmedAction {
        let step = self.identity().removal(&remnant.item, account).unwrap();
        let step = PlannedStep {
            aid: ActionId::from_parts(start(), 0),
            kind: step.kind,
            call: step.call,
            facts: step.facts,
            item: Some(Box::new(remnant.clone())),
        };
        confirmed(account, vec![step]).remove(0)
    }
}

fn confirmed(account: &Account, steps: Vec<PlannedStep>) -> Vec<ConfirmedAction> {
    let plan = Plan {
        pid: PlanId::from_parts(start(), 7),
        case: CaseId::new(name("hive"), "~1"),
        account: account.clone(),
        steps,
        guards: Vec::new(),
        warnings: Vec::new(),
        made: Moment {
            utc: start(),
            boot: Duration::ZERO,
        },
        hash: String::new(),
        dry_run: false,
        need: None,
        campaign: None,
    };
    let mut dialog = Confirmation::open(plan);
    dialog.drawn(Duration::ZERO);
    let boot = Duration::from_secs(1);
    for letter in dialog.wanted().to_owned().chars() {
        dialog.key(DialogKey::Char(letter), boot);
    }
    dialog.key(DialogKey::Tab, boot);
    match dialog.key(DialogKey::Char('y'), boot) {
        Step::Confirmed(plan) => plan.actions().to_vec(),
        other => panic!("not confirmed: {other:?}"),
    }
}
