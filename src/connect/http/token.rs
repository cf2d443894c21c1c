//! Bearer tokens that are fetched at need (OAuth 2.0, RFC 6749): one request for each, kept no longer than it lives.
//!
//! A token is fetched anew when what is left of it would not outlast the request, and after a 401 to a read. A write is
//! never sent a second time for a 401: the next one has another token. What must not live here: a vendor's endpoints.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::assertion::{Assertion, KeyFault, Signer};
use super::message::Payload;
use super::{Answer, Class, HttpClient, Limits, Origin, OriginError, Request, failure};
use crate::config::settings::EnvironmentKind;
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::connect::secret::Secret;
use crate::domain::text::Safe;

/// Longest time that a token is kept, whatever its server says.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Life of a token whose server does not say.
const UNSAID: u64 = 60;
/// What must be left of a token for a read, and beyond the longest wait for a write.
const SPARE: Duration = Duration::from_secs(5);

/// How the secret of the connection stands for it.
#[derive(Clone, Debug)]
pub enum Credential {
    /// It is sent in this field of the form, such as `client_secret`.
    Field(&'static str),
    /// It is a private key, and what it signs is sent.
    Signed(Assertion),
}

/// How far two clocks may differ without harm to an assertion.
const CLOSE: TimeDelta = TimeDelta::seconds(20);

/// How a token is asked for; the secret is that of the connection.
#[derive(Clone, Debug)]
pub struct TokenGrant {
    /// Server of the token endpoint.
    pub base: Url,
    /// Path of the token endpoint, with `{..}` for the ids.
    pub template: &'static str,
    /// The ids of the path, such as a realm.
    pub ids: Vec<String>,
    /// The fields of the form, without the secret.
    pub form: Vec<(&'static str, String)>,
    /// How the secret is shown to be known.
    pub credential: Credential,
}

/// Where the tokens of one connection come from, and the one that lives.
pub(super) struct Tokens {
    pub(super) origin: Origin,
    request: Request,
    form: Vec<(&'static str, String)>,
    proof: Proof,
    kept: Arc<Mutex<Option<Kept>>>,
    /// Held while one is fetched: several requests at once need one token.
    turn: tokio::sync::Mutex<u64>,
}

enum Proof {
    Field(&'static str),
    Signed(Box<Signer>),
}

/// Why tokens cannot be asked for.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum TokenFault {
    #[error("the token endpoint: {0}")]
    Endpoint(#[from] OriginError),
    #[error("{0}")]
    Key(#[from] KeyFault),
}

struct Kept {
    number: u64,
    token: Secret,
    life: Duration,
    dies: Instant,
}

/// The token of one request.
pub(super) struct Bearer {
    number: u64,
    pub(super) header: HeaderValue,
}

fn locked(kept: &Mutex<Option<Kept>>) -> MutexGuard<'_, Option<Kept>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells whether an error of a token endpoint (RFC 6749, 5.2) is about what was asked for, not about who asked.
fn refuses_scope(words: &str) -> bool {
    ["invalid_scope", "unauthorized_client", "access_denied"]
        .iter()
        .any(|code| words.contains(code))
}

impl Tokens {
    /// Checks the address as that of the connection is checked.
    pub(super) fn new(
        grant: TokenGrant,
        secret: &Secret,
        kind: EnvironmentKind,
    ) -> Result<Self, TokenFault> {
        let origin = Origin::new(&grant.base, kind)?;
        let ids: Vec<&str> = grant.ids.iter().map(String::as_str).collect();
        let request = Request::new(Class::Read, Method::POST, grant.template, &ids)
            .map_err(|_said| OriginError::Segment)?;
        Ok(Self {
            origin,
            request: request.urgent().bare(),
            form: grant.form,
            proof: match grant.credential {
                Credential::Field(field) => Proof::Field(field),
                Credential::Signed(says) => Proof::Signed(Box::new(secret.signer(says)?)),
            },
            kept: Arc::default(),
            turn: tokio::sync::Mutex::new(0),
        })
    }

    /// Writes the form, with the secret in it or with what it signed; `None` when it cannot sign.
    ///
    /// `scope` takes the place of the configured ones.
    fn form(&self, secret: &Secret, now: DateTime<Utc>, scope: Option<&str>) -> Option<Vec<u8>> {
        let mut form = self.form.clone();
        for (name, text) in &mut form {
            if let ("scope", Some(scope)) = (*name, scope) {
                scope.clone_into(text);
            }
        }
        let signer = match &self.proof {
            Proof::Field(field) => return Some(secret.form(&form, field)),
            Proof::Signed(signer) => signer,
        };
        let endpoint = self.origin.address(&self.request.path).ok()?;
        let assertion = Secret::new(signer.sign(endpoint.as_str(), now, scope)?);
        Some(assertion.form(&form, signer.field()))
    }

    /// Tells whether a text carries the token that lives, or what it was asked for with.
    pub(super) fn appears_in(&self, text: &str) -> bool {
        let signed = match &self.proof {
            Proof::Field(_) => false,
            Proof::Signed(signer) => signer.appears_in(text),
        };
        signed
            || locked(&self.kept)
                .as_ref()
                .is_some_and(|kept| kept.token.appears_in(text))
    }

    /// Gives the token where enough of its life is left; a dead one is dropped.
    fn living(&self, class: Class, limits: &Limits) -> Option<Bearer> {
        let mut slot = locked(&self.kept);
        let kept = slot.as_ref()?;
        let left = kept.dies.saturating_duration_since(Instant::now());
        let wanted = match class {
            Class::Read => SPARE,
            Class::Write => limits.write_total + SPARE,
        };
        // Of one that lives shorter than that, half a life is enough.
        if left.is_zero() {
            *slot = None;
            return None;
        }
        if left < wanted.min(kept.life / 2) {
            return None;
        }
        let header = kept.token.authorization("Bearer").ok()?;
        Some(Bearer {
            number: kept.number,
            header,
        })
    }

    /// Drops a token that was refused.
    fn forget(&self, bearer: &Bearer) {
        let mut slot = locked(&self.kept);
        if slot
            .as_ref()
            .is_some_and(|kept| kept.number == bearer.number)
        {
            *slot = None;
        }
    }

    /// Keeps what came for as long as it lives.
    fn keep(&self, number: u64, asked: Instant, answer: &Answer) -> Result<Bearer, ConnectError> {
        let body: Value = answer.json()?;
        let token = body.get("access_token").and_then(Value::as_str);
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or_else(|| answer.unusable(&"the answer holds no access_token".into()))?;
        let is_bearer = body
            .get("token_type")
            .and_then(Value::as_str)
            .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        if !is_bearer {
            return Err(answer.unusable(&"the token is of another type than Bearer".into()));
        }
        let token = Secret::new(token.to_owned());
        let header = token.authorization("Bearer").map_err(|_said| {
            answer.unusable(&"the token holds characters a header cannot carry".into())
        })?;
        let seconds = body.get("expires_in").map_or(Some(UNSAID), Value::as_u64);
        let life = Duration::from_secs(seconds.unwrap_or(0)).min(LONGEST);
        // Counted from before it was asked for: it lives no longer than its server thinks.
        let dies = asked + life;
        *locked(&self.kept) = Some(Kept {
            number,
            token,
            life,
            dies,
        });
        let slot = Arc::downgrade(&self.kept);
        tokio::spawn(async move {
            tokio::time::sleep_until(dies).await;
            if let Some(slot) = slot.upgrade() {
                let mut slot = locked(&slot);
                if slot.as_ref().is_some_and(|kept| kept.number == number) {
                    *slot = None;
                }
            }
        });
        Ok(Bearer { number, header })
    }
}

impl HttpClient {
    /// Makes a client of the same connection for another server of the vendor, or for a token of its own.
    ///
    /// # Errors
    /// [`ConnectErrorKind::NotSent`] when an address cannot be used.
    pub(in crate::connect) fn beside(
        &self,
        base: &Url,
        grant: TokenGrant,
        kind: EnvironmentKind,
    ) -> Result<Self, ConnectError> {
        let unusable = |error: TokenFault| {
            let why = crate::domain::text::Untrusted::new(error.to_string()).line();
            let host = crate::domain::text::Untrusted::new(self.host()).field();
            ConnectError::unsent(crate::safe!("cannot connect beside {}: {}", host, why))
        };
        let origin = Origin::new(base, kind).map_err(|error| unusable(error.into()))?;
        let tokens = Tokens::new(grant, &self.secret, kind).map_err(unusable)?;
        Ok(Self {
            origin,
            reads: self.reads.clone(),
            writes: self.writes.clone(),
            headers: self.headers.clone(),
            secret: self.secret.again(),
            tokens: Some(tokens),
            error_words: self.error_words,
            slow_down: self.slow_down,
            request_id: self.request_id,
            limits: self.limits.clone(),
            pacer: Mutex::new(super::Pacer::new(None)),
            // The vendor's clock is the same everywhere.
            clock: Mutex::new(self.server_clock()),
        })
    }

    /// Writes the form of a request for a token.
    ///
    /// What is signed has the vendor's time, as far as an answer told it: a clock that is wrong here does no harm.
    pub(super) fn token_form(
        &self,
        tokens: &Tokens,
        scope: Option<&str>,
    ) -> Result<Vec<u8>, ConnectError> {
        let now = self.told_time().unwrap_or_else(Utc::now);
        let form = tokens.form(&self.secret, now, scope);
        form.ok_or_else(|| {
            let target = self.target(&tokens.request);
            ConnectError::unsent(crate::safe!("{}: the key could not sign", target))
        })
    }

    /// Gives the vendor's time, as its newest answer told it.
    fn told_time(&self) -> Option<DateTime<Utc>> {
        let (at, read) = self.server_clock()?;
        at.checked_add_signed(TimeDelta::from_std(read.elapsed()).ok()?)
    }

    /// Asks for a token, once more where the first assertion had the time of a wrong clock.
    async fn fetch(
        &self,
        tokens: &Tokens,
        scope: Option<&str>,
        deadline: Instant,
    ) -> Result<Answer, ConnectError> {
        let guessed = self.told_time().is_none();
        let first = self.fetch_once(tokens, scope, deadline).await;
        let status = first.as_ref().err().and_then(|error| error.status);
        let is_signed = matches!(tokens.proof, Proof::Signed(_));
        let is_off = self
            .told_time()
            .is_some_and(|told| (told - Utc::now()).abs() > CLOSE);
        if is_signed && guessed && is_off && matches!(status, Some(400 | 401)) {
            return self.fetch_once(tokens, scope, deadline).await;
        }
        first
    }

    async fn fetch_once(
        &self,
        tokens: &Tokens,
        scope: Option<&str>,
        deadline: Instant,
    ) -> Result<Answer, ConnectError> {
        let mut request = tokens.request.clone();
        if scope.is_some() {
            request.body = Some(Payload(self.token_form(tokens, scope)?));
        }
        self.ask(&request, deadline).await
    }

    /// Asks whether a token of this one scope would be given; what is given is dropped.
    ///
    /// # Errors
    /// Any other failure than a refusal of the scope, and a connection that fetches no tokens.
    pub async fn grants_scope(&self, scope: &str) -> Result<bool, ConnectError> {
        let Some(tokens) = &self.tokens else {
            let what = "this connection asks for no tokens".into();
            return Err(ConnectError::unsent(what));
        };
        let deadline = Instant::now() + self.limits.read_total;
        match self.fetch(tokens, Some(scope), deadline).await {
            Ok(answer) => {
                // RFC 6749, 5.1: a scope that differs from what was asked is said.
                let body: Value = answer.json()?;
                let said = body.get("scope").and_then(Value::as_str);
                Ok(said.is_none_or(|said| said.split(' ').any(|one| one == scope)))
            }
            Err(error) if error.status.is_some() && refuses_scope(error.what.as_str()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives what a token that is fetched says of itself, where it is a JWT; a vendor may change its form at any time.
    ///
    /// # Errors
    /// When no token was given.
    pub(crate) async fn claims(&self) -> Result<Option<Value>, ConnectError> {
        let deadline = Instant::now() + self.limits.read_total;
        self.bearer(Class::Read, deadline).await?;
        let kept = self.tokens.as_ref().map(|tokens| locked(&tokens.kept));
        Ok(kept.and_then(|kept| kept.as_ref()?.token.claims()))
    }

    /// Gives where a request goes.
    pub(super) fn origin_of(&self, request: &Request) -> &Origin {
        match &self.tokens {
            Some(tokens) if request.bare => &tokens.origin,
            _ => &self.origin,
        }
    }

    /// Names a request for a message.
    pub(super) fn target(&self, request: &Request) -> Safe {
        failure::target(request, self.origin_of(request).host())
    }

    /// Gives the token for a request, fetched where there is none that lasts; none where the connection has a fixed one.
    ///
    /// Boxed, because fetching one is a request itself.
    pub(super) fn bearer(
        &self,
        class: Class,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Option<Bearer>, ConnectError>> {
        async move {
            let Some(tokens) = &self.tokens else {
                return Ok(None);
            };
            let turn = timeout_at(deadline, tokens.turn.lock()).await;
            let mut number = turn.map_err(|_elapsed| {
                ConnectError::unsent("a token is being fetched, and does not come".into())
            })?;
            if let Some(bearer) = tokens.living(class, &self.limits) {
                return Ok(Some(bearer));
            }
            *number += 1;
            let asked = Instant::now();
            let answer = self.fetch(tokens, None, deadline).await?;
            tokens.keep(*number, asked, &answer).map(Some)
        }
        .boxed()
    }

    /// Fetches a token where the one that is there would not last for a write that follows in a moment.
    ///
    /// # Errors
    /// When no token was given.
    pub(crate) async fn ready(&self) -> Result<(), ConnectError> {
        let deadline = Instant::now() + self.limits.read_total;
        self.bearer(Class::Write, deadline).await.map(drop)
    }

    /// Waits for what a write needs before it can leave, not longer than for a connection: whoever asked for the write looked
    /// at the account right before.
    ///
    /// # Errors
    /// [`ConnectErrorKind::NotSent`] when it takes longer.
    pub(crate) async fn soon<T>(&self, needed: impl Future<Output = T>) -> Result<T, ConnectError> {
        let waited = timeout(self.limits.connect, needed).await;
        waited.map_err(|_elapsed| {
            ConnectError::unsent("it took too long to get ready; nothing was sent".into())
        })
    }

    /// Gives the token for a write, if it is there soon; without one nothing of the write left.
    pub(super) async fn bearer_for_write(
        &self,
        deadline: Instant,
    ) -> Result<Option<Bearer>, ConnectError> {
        let bearer = self.soon(self.bearer(Class::Write, deadline)).await?;
        bearer.map_err(|error| ConnectError {
            kind: ConnectErrorKind::NotSent,
            hint: Some("no token was given, so nothing was sent".into()),
            ..error
        })
    }

    /// Tells whether a token was refused, and drops it then.
    pub(super) fn refused(&self, bearer: Option<&Bearer>, status: Option<u16>) -> bool {
        let (Some(tokens), Some(bearer), Some(401)) = (&self.tokens, bearer, status) else {
            return false;
        };
        tokens.forget(bearer);
        true
    }

    /// Tells whether a text carries a secret of this connection.
    pub(super) fn gives_away(&self, text: &str) -> bool {
        self.secret.appears_in(text)
            || self
                .tokens
                .as_ref()
                .is_some_and(|tokens| tokens.appears_in(text))
    }
}
