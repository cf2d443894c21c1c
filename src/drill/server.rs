//! One loopback server: sockets in, the vendor's code in the middle, faults around it.
//!
//! What must not live here: a vendor's paths or bodies.

mod line;
mod reply;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Query, State as Extract};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::line::{Cut, Door};
use super::clock::Clock;
use super::company::token;
use super::elastic::{self, Pits};
use super::fault::{self, Faults, Kind, Met};
use super::ledger::Ledger;
use super::limits::Limits;
use super::wire::{Answer, Idp, Notes, Request, Server, percent_decode};
use super::world::World;
use super::{entra, google, keycloak, okta, thehive};

/// The longest request body that is read.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// What the four servers share.
pub(crate) struct Shared {
    pub clock: Clock,
    idp: Idp,
    state: Mutex<State>,
    /// Turns true when the drill ends.
    pub stop: watch::Receiver<bool>,
}

/// A request in another one: its id there, itself, and what it meets.
type Inner = (String, Request, Met);

/// Everything that changes.
pub(crate) struct State {
    pub world: World,
    pub ledger: Ledger,
    pub faults: Faults,
    pub pits: Pits,
    /// The world as it was when `stale_reads` was armed, by server.
    past: Vec<(Server, World)>,
    limits: Limits,
    dice: fastrand::Rng,
}

impl Shared {
    pub fn new(
        clock: Clock,
        world: World,
        (seed, limits, idp): (u64, Limits, Idp),
        stop: watch::Receiver<bool>,
    ) -> Self {
        let state = State {
            world,
            ledger: Ledger::default(),
            faults: Faults::new(seed),
            pits: Pits::new(seed),
            past: Vec::new(),
            limits,
            dice: fastrand::Rng::with_seed(seed ^ 0x0009_e57a),
        };
        Self {
            clock,
            idp,
            state: Mutex::new(state),
            stop,
        }
    }

    /// Locks the state; a panic of another holder does not end the drill.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Carries out an order of the control interface.
    pub fn order(&mut self, order: fault::Order) {
        match order {
            fault::Order::Arm(rule) => {
                if rule.kind == Kind::StaleReads
                    && !self.past.iter().any(|(s, _)| *s == rule.server)
                {
                    self.past.push((rule.server, self.world.clone()));
                }
                self.faults.arm(rule);
            }
            fault::Order::Twist(twist) => self.world.twist(twist),
            fault::Order::Clear(server) => {
                self.faults.clear(server);
                self.world.twists.clear();
            }
        }
        self.drop_past();
    }

    fn drop_past(&mut self) {
        let faults = &self.faults;
        self.past.retain(|(server, _)| faults.keeps_past(*server));
    }

    fn reads(request: &Request) -> bool {
        match request.server {
            Server::Identity => match request.idp {
                Idp::Okta => okta::reads(request),
                Idp::Keycloak => keycloak::reads(request),
                Idp::Google => google::reads(request),
                Idp::Entra => entra::reads(request),
            },
            Server::Cases => thehive::reads(request),
            Server::Siem => elastic::reads(request),
        }
    }

    /// Gives the requests in a request of several, and what each meets; what breaks the line breaks it for all of them.
    fn inner(&mut self, request: &Request, met: &mut Met) -> Vec<Inner> {
        if request.server != Server::Identity || request.idp != Idp::Entra {
            return Vec::new();
        }
        let dice = &mut self.dice;
        let parts = entra::parts(request, || token(dice, 27)).unwrap_or_default();
        let mut all = Vec::with_capacity(parts.len());
        for (id, part) in parts {
            let own = self.faults.meet(&part, Self::reads(&part));
            met.delay_ms = met.delay_ms.max(own.delay_ms);
            if own.kind().is_some_and(Kind::breaks_line) && met.rule.is_none() {
                met.rule.clone_from(&own.rule);
            }
            all.push((id, part, own));
        }
        all
    }

    /// Carries the requests in a request out and puts their answers into its answer.
    fn with_inner(&mut self, mut answer: Answer, inner: Vec<Inner>) -> Answer {
        if inner.is_empty() || answer.status != 200 {
            return answer;
        }
        let mut answers = Vec::with_capacity(inner.len());
        for (id, part, met) in inner {
            if let Some(mut own) = self.perform(&part, &met) {
                reply::spoil(&part, &mut own, &met);
                answers.push((id, own));
            }
        }
        entra::batched(&mut answer, answers);
        answer
    }

    /// Carries the request out as the fault allows; `None` means that nothing is answered.
    fn perform(&mut self, request: &Request, met: &Met) -> Option<Answer> {
        let mut notes = Notes::default();
        let limited = self.limits.take(request);
        let answer = match met.kind() {
            Some(Kind::Hang | Kind::ResetBeforeEffect) => None,
            Some(Kind::TooMany) => Some(vendor_error(request, 429)),
            Some(Kind::Broken) => Some(vendor_error(request, 500)),
            Some(Kind::Forbidden) => Some(vendor_error(request, 403)),
            Some(Kind::NotFound) => Some(vendor_error(request, 404)),
            Some(Kind::Conflict) => Some(vendor_error(request, 409)),
            Some(
                kind @ (Kind::BrokenAfterEffect
                | Kind::TooManyAfterEffect
                | Kind::ForbiddenAfterEffect
                | Kind::NotFoundAfterEffect),
            ) => {
                ask(&mut self.world, &mut self.pits, request, &mut notes);
                Some(vendor_error(
                    request,
                    match kind {
                        Kind::TooManyAfterEffect => 429,
                        Kind::ForbiddenAfterEffect => 403,
                        Kind::NotFoundAfterEffect => 404,
                        _ => 500,
                    },
                ))
            }
            Some(Kind::Redirect) => Some(Answer::empty(302)),
            _ if limited => Some(vendor_error(request, 429)),
            Some(Kind::AcceptedWithoutEffect) => {
                let mut lie = self.world.clone();
                Some(ask(
                    &mut lie,
                    &mut self.pits,
                    request,
                    &mut Notes::default(),
                ))
            }
            Some(Kind::DeliveredTwice) => {
                ask(&mut self.world, &mut self.pits, request, &mut notes);
                Some(ask(&mut self.world, &mut self.pits, request, &mut notes))
            }
            Some(Kind::StaleReads) => {
                let place = self
                    .past
                    .iter()
                    .position(|(server, _)| *server == request.server);
                match place {
                    Some(place) => {
                        let past = &mut self.past[place].1;
                        // Who may ask is known everywhere at once.
                        past.tokens.clone_from(&self.world.tokens);
                        Some(ask(past, &mut self.pits, request, &mut notes))
                    }
                    None => Some(ask(&mut self.world, &mut self.pits, request, &mut notes)),
                }
            }
            _ => Some(ask(&mut self.world, &mut self.pits, request, &mut notes)),
        };
        self.ledger.write(request, notes);
        let sent = answer
            .as_ref()
            .filter(|_| met.kind() != Some(Kind::ReplyLostAfterEffect));
        self.ledger
            .count_request(request, template(request), sent, met.kind().map(Kind::word));
        self.drop_past();
        answer.map(|answer| self.limits.headers(request, answer))
    }
}

/// Names the path as the vendor's specification does.
fn template(request: &Request) -> &'static str {
    match request.server {
        Server::Identity => match request.idp {
            Idp::Okta => okta::template(request),
            Idp::Keycloak => keycloak::template(request),
            Idp::Google => google::template(request),
            Idp::Entra => entra::template(request),
        },
        Server::Cases => thehive::template(request),
        Server::Siem => elastic::template(request),
    }
}

fn ask(world: &mut World, pits: &mut Pits, request: &Request, notes: &mut Notes) -> Answer {
    match request.server {
        Server::Identity => match request.idp {
            Idp::Okta => okta::answer(world, request, notes),
            Idp::Keycloak => keycloak::answer(world, request, notes),
            Idp::Google => google::answer(world, request, notes),
            Idp::Entra => entra::answer(world, request, notes),
        },
        Server::Cases => thehive::answer(world, request, notes),
        Server::Siem => elastic::answer(world, pits, request),
    }
}

/// Builds the vendor's own form of a general failure.
fn vendor_error(request: &Request, status: u16) -> Answer {
    let (okta, hive, elastic) = words_of(status);
    let mut answer = match request.server {
        Server::Identity => match request.idp {
            Idp::Okta => okta::error(status, okta.0, okta.1),
            Idp::Keycloak => keycloak::error(status, keycloak_words(status)),
            Idp::Google => google::failure(status),
            Idp::Entra => entra::error(request, status),
        },
        Server::Cases => thehive::error(status, hive.0, hive.1),
        Server::Siem => elastic::error(status, elastic.0, elastic.1),
    };
    let names_wait = match (request.server, request.idp) {
        (Server::Cases, _) | (Server::Identity, Idp::Keycloak) => true,
        (Server::Identity, Idp::Entra) => entra::names_wait(request),
        _ => false,
    };
    if status == 429 && names_wait {
        answer.headers.push(("retry-after", "1".to_owned()));
    }
    answer
}

/// Gives what Keycloak says with a status; 429 is a reverse proxy's.
fn keycloak_words(status: u16) -> &'static str {
    match status {
        429 => "Too Many Requests",
        403 => "HTTP 403 Forbidden",
        404 => "User not found",
        409 => "Conflict",
        _ => "unknown_error",
    }
}

/// A code or type of error and its sentence.
type Said = (&'static str, &'static str);

/// Gives what Okta, TheHive and Elasticsearch say with a status.
fn words_of(status: u16) -> (Said, Said, Said) {
    match status {
        429 => (
            (
                "E0000047",
                "API call exceeded rate limit due to too many requests.",
            ),
            ("TooManyRequests", "Too many requests"),
            (
                "es_rejected_execution_exception",
                "rejected execution of search",
            ),
        ),
        403 => (
            (
                "E0000006",
                "You do not have permission to perform the requested action",
            ),
            (
                "AuthorizationError",
                "You are not authorized to perform this action",
            ),
            ("security_exception", "action is unauthorized"),
        ),
        404 => (
            ("E0000007", "Not found: Resource not found: (User)"),
            ("NotFoundError", "Not found"),
            ("index_not_found_exception", "no such index"),
        ),
        409 => (
            (
                "E0000038",
                "This operation is not allowed in the user's current status.",
            ),
            ("ConflictError", "Conflict"),
            ("version_conflict_engine_exception", "version conflict"),
        ),
        _ => (
            ("E0000009", "Internal Server Error"),
            ("InternalError", "Internal server error"),
            ("exception", "internal error"),
        ),
    }
}

#[derive(Clone)]
struct Place {
    shared: Arc<Shared>,
    server: Server,
    base: Arc<str>,
}

/// Opens a vendor's server on a free loopback port and answers its address.
pub(crate) async fn open(shared: Arc<Shared>, server: Server) -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let mut stop = shared.stop.clone();
    let place = Place {
        shared,
        server,
        base: Arc::from(base.as_str()),
    };
    let service = Router::new()
        .fallback(handle)
        .with_state(place)
        .into_make_service_with_connect_info::<Cut>();
    let ended = async move {
        // An error means that the drill is gone, which ends the server too.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    tokio::spawn(async move {
        // Accepting retries by itself; an end without an error is the ordinary one.
        let _ = axum::serve(Door { listener }, service)
            .with_graceful_shutdown(ended)
            .await;
    });
    Ok(base)
}

async fn handle(
    Extract(place): Extract<Place>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let (request, met, inner) = {
        let mut state = place.shared.lock();
        let id = token(&mut state.dice, 27);
        let request = read(&place, &parts, &body, id);
        let mut met = state.faults.meet(&request, State::reads(&request));
        let inner = state.inner(&request, &mut met);
        (request, met, inner)
    };
    if met.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(met.delay_ms)).await;
    }
    let answer = {
        let mut state = place.shared.lock();
        let answer = state.perform(&request, &met);
        answer.map(|answer| state.with_inner(answer, inner))
    };
    match met.kind() {
        Some(Kind::Hang) => {
            let mut stop = place.shared.stop.clone();
            let _ = stop.wait_for(|stop| *stop).await;
            cut.now();
        }
        Some(Kind::ResetBeforeEffect | Kind::ReplyLostAfterEffect) => cut.now(),
        _ => {}
    }
    match answer {
        Some(answer) => reply::send(&request, answer, &met),
        None => plain(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn read(place: &Place, parts: &axum::http::request::Parts, body: &Bytes, id: String) -> Request {
    let header = |name: HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let path = parts.uri.path().to_owned();
    Request {
        server: place.server,
        idp: place.shared.idp,
        method: parts.method.as_str().to_owned(),
        segments: path
            .trim_start_matches('/')
            .split('/')
            .map(percent_decode)
            .collect(),
        path,
        query: query.map(|Query(pairs)| pairs).unwrap_or_default(),
        authorization: header(header::AUTHORIZATION),
        content_length: header(header::CONTENT_LENGTH).parse().ok(),
        chunked: !header(header::TRANSFER_ENCODING).is_empty(),
        body: body.to_vec(),
        id,
        own_id: header(HeaderName::from_static("client-request-id")),
        at: place.shared.clock.now(),
        // Links lead to where the caller believes the server is, as a vendor's do behind its front door.
        base: match header(header::HOST) {
            host if host.is_empty() => place.base.to_string(),
            host => format!("http://{host}"),
        },
    }
}
