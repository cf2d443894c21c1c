//! A simulated company: vendor-compatible HTTP servers on loopback with a scripted attacker.
//!
//! Reached only through its sockets, with the console's ordinary connectors and configuration. What must not live
//! here: anything of the console itself.

mod activity;
mod assertion;
mod attacker;
mod casebook;
pub mod clock;
mod company;
mod control;
mod ecs;
mod elastic;
mod entra;
mod fault;
mod google;
mod history;
mod keycloak;
pub mod ledger;
mod limits;
mod okta;
mod remnants;
mod returned;
mod risk;
mod server;
mod thehive;
pub mod wire;
mod world;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::sync::watch;

use clock::Clock;
use ledger::Ledger;
use limits::Limits;
use server::Shared;
use wire::{Idp, Server};
use world::World;

/// When the attacker and his surroundings act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// One step after every such time.
    Every(Duration),
    /// Only on [`Drill::advance`].
    Manual,
}

/// How a drill is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The same seed, start and order of requests give the same answers.
    pub seed: u64,
    /// The source of the time; its first answer is the start, to which all times of the story relate.
    pub clock: Clock,
    /// When the attacker acts.
    pub pace: Pace,
    /// Cases beyond the story and its background, for measurements.
    pub cases: usize,
    /// Events beyond the ordinary week, for measurements.
    pub events: usize,
    /// Requests a minute and bucket that the identity provider allows.
    pub rate_limit: u32,
    /// Whose interface the identity provider speaks.
    pub idp: Idp,
    /// Whether Entra ID shows a change late and takes as few requests as it does in truth; without, at once and any number.
    pub vendor_pace: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 7,
            clock: Clock::system(),
            pace: Pace::Every(Duration::from_secs(10)),
            cases: 0,
            events: 0,
            rate_limit: 1_200,
            idp: Idp::Okta,
            vendor_pace: false,
        }
    }
}

/// Where one server is and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The vendor's name in the configuration.
    pub vendor: &'static str,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The secret, without the word that goes before it in the `Authorization` header.
    pub token: &'static str,
    /// Realm (or tenant) and client of one whose tokens are fetched; the secret is then that of the client.
    pub client: Option<(&'static str, &'static str)>,
    /// For whom a service account acts; the secret is then the file of its key.
    pub subject: Option<&'static str>,
}

impl Endpoint {
    fn to_json(&self) -> Value {
        let mut place = json!({"vendor": self.vendor, "url": self.url, "token": self.token});
        if let Some((realm, client)) = self.client {
            let word = if self.vendor == "entra" {
                "tenant"
            } else {
                "realm"
            };
            place[word] = json!(realm);
            place["client_id"] = json!(client);
        }
        if let Some(subject) = self.subject {
            place["subject"] = json!(subject);
        }
        place
    }
}

/// What is left in the account that the story is about, as it was at one time.
pub struct LeftThere(remnants::Kept);

/// A running drill; dropping it stops its servers.
pub struct Drill {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    identity: Endpoint,
    cases: Endpoint,
    siem: Endpoint,
    control: String,
}

/// How long Entra ID's replicas show what was before a change.
const LATE: TimeDelta = TimeDelta::milliseconds(2_500);

/// How far a fixed clock moves with one manual step.
const STEP: TimeDelta = TimeDelta::seconds(10);

impl Drill {
    /// Builds the company and opens its servers.
    ///
    /// Needs a running tokio runtime. Fails where no loopback port can be opened.
    pub async fn start(options: Options) -> io::Result<Self> {
        let mut world = World::new(
            options.seed,
            options.clock.now(),
            (options.cases, options.events),
            options.idp,
        );
        if options.vendor_pace && options.idp == Idp::Entra {
            world.late = LATE;
        }
        let limits = Limits::new(options.rate_limit, options.vendor_pace);
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared::new(
            options.clock,
            world,
            (options.seed, limits, options.idp),
            stopped,
        ));
        let open = |server| server::open(Arc::clone(&shared), server);
        let endpoint = |vendor, url, token| Endpoint {
            vendor,
            url,
            token,
            client: None,
            subject: None,
        };
        let mut identity = endpoint(
            options.idp.name(),
            open(Server::Identity).await?,
            okta::TOKEN,
        );
        if options.idp == Idp::Keycloak {
            identity.token = keycloak::SECRET;
            identity.client = Some((keycloak::REALM, keycloak::CLIENT));
        }
        if options.idp == Idp::Google {
            identity.token = google::key();
            identity.subject = Some(google::SUBJECT);
        }
        if options.idp == Idp::Entra {
            identity.token = entra::SECRET;
            identity.client = Some((entra::TENANT, entra::CLIENT));
        }
        let drill = Self {
            identity,
            cases: endpoint("thehive", open(Server::Cases).await?, thehive::TOKEN),
            siem: endpoint("elasticsearch", open(Server::Siem).await?, elastic::TOKEN),
            control: control::open(Arc::clone(&shared)).await?,
            shared,
            stop,
        };
        if let Pace::Every(time) = options.pace {
            drill.keep_pace(time);
        }
        Ok(drill)
    }

    fn keep_pace(&self, time: Duration) {
        let shared = Arc::clone(&self.shared);
        let mut stop = shared.stop.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = tokio::time::sleep(time) => {
                        let now = shared.clock.now();
                        attacker::step(&mut shared.lock().world, now);
                    }
                }
            }
        });
    }

    /// Answers where the identity provider is.
    pub fn identity(&self) -> &Endpoint {
        &self.identity
    }

    /// Answers the id and the private key of the service app that may ask the identity provider for tokens.
    pub fn service_app(&self) -> (&'static str, &'static str) {
        (okta::APP, assertion::KEY)
    }

    /// Answers the SHA-256 of the certificate of the console's application at Entra ID, as an assertion has it; its key is
    /// that of the service app.
    pub fn certificate(&self) -> &'static str {
        entra::THUMBPRINT
    }

    /// Answers where the case system is.
    pub fn cases(&self) -> &Endpoint {
        &self.cases
    }

    /// Answers the secret of another person's key of the case system.
    pub fn second_key(&self) -> &'static str {
        thehive::SECOND
    }

    /// Answers the secret of a key of the case system that several people share.
    pub fn shared_key(&self) -> &'static str {
        thehive::SHARED
    }

    /// Answers where the SIEM is.
    pub fn siem(&self) -> &Endpoint {
        &self.siem
    }

    /// Answers the address that faults are posted to.
    pub fn faults_url(&self) -> String {
        format!("{}/faults", self.control)
    }

    /// Answers the address that the ledger is read from.
    pub fn ledger_url(&self) -> String {
        format!("{}/ledger", self.control)
    }

    /// Answers the one object that `quell drill --servers-only` prints.
    pub fn servers(&self) -> Value {
        json!({
            "identity": self.identity.to_json(),
            "cases": self.cases.to_json(),
            "siem": self.siem.to_json(),
            "faults_url": self.faults_url(),
            "ledger_url": self.ledger_url(),
        })
    }

    /// Lets the attacker and his surroundings take `steps` steps; a fixed clock moves 10 seconds with each.
    pub fn advance(&self, steps: usize) {
        for _ in 0..steps {
            self.shared.clock.advance(STEP);
            let now = self.shared.clock.now();
            attacker::step(&mut self.shared.lock().world, now);
        }
    }

    /// Answers a copy of the ledger.
    pub fn ledger(&self) -> Ledger {
        self.shared.lock().ledger.clone()
    }

    /// Switches a fault as `POST faults_url` does; the error says what is wrong with the order.
    pub fn fault(&self, order: &Value) -> Result<(), String> {
        let order = fault::parse(order.to_string().as_bytes())?;
        self.shared.lock().order(order);
        Ok(())
    }

    /// Lets a colleague enable or disable the account that the story is about, at the provider and now.
    pub fn set_by_others(&self, enabled: bool) {
        let now = self.shared.clock.now();
        let world = &mut self.shared.lock().world;
        world.set_by_others(company::VICTIM, enabled, now);
    }

    /// Answers what is left in the account that the story is about, to be put back later.
    pub fn left(&self) -> LeftThere {
        LeftThere(self.shared.lock().world.keep_left(company::VICTIM))
    }

    /// Lets a colleague take away everything that is left in that account, at the provider and now.
    pub fn clean_by_others(&self) {
        self.shared.lock().world.take_all(company::VICTIM);
    }

    /// Lets whoever did it first leave it all there again, at the provider and now.
    pub fn leave_again(&self, left: &LeftThere) {
        let world = &mut self.shared.lock().world;
        world.put_back(company::VICTIM, &left.0);
    }

    /// Answers how many points in time are open at the SIEM.
    pub fn open_pits(&self) -> usize {
        self.shared.lock().pits.len()
    }

    /// Tells whether the attacker got anywhere at his last step.
    pub fn attacker_inside(&self) -> bool {
        self.shared.lock().world.attacker.inside
    }

    /// Answers the clock that the drill follows.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Answers the number of the case that the story is about.
    pub fn story_case(&self) -> usize {
        // It is the last one made at the start, and nothing makes one later.
        self.shared.lock().world.cases.cases.len()
    }

    /// Answers the id of the account that the story is about.
    pub fn victim_id(&self) -> String {
        self.shared.lock().world.directory.people[company::VICTIM]
            .id
            .clone()
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        // Nobody left to hear it means that the servers have ended already.
        let _ = self.stop.send(true);
    }
}
