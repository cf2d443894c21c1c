//! Switchable faults: which request they hit, and what is left of the answer.
//!
//! The dice are seeded: the same seed and the same order of requests give the same faults.

use serde_json::Value;

use super::google::scope_named;
use super::wire::{Request, Server};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Latency,
    Hang,
    TooMany,
    TooManyAfterEffect,
    Broken,
    BrokenAfterEffect,
    Forbidden,
    /// A gateway carries it through and refuses it all the same.
    ForbiddenAfterEffect,
    NotFound,
    NotFoundAfterEffect,
    Conflict,
    ResetBeforeEffect,
    ReplyLostAfterEffect,
    AcceptedWithoutEffect,
    /// The network delivers it twice, and the answer to the second copy comes back.
    DeliveredTwice,
    StaleReads,
    HalfBody,
    HugeBody,
    BadJson,
    Redirect,
    ForeignNext,
    EndlessNext,
    BadRecord,
}

/// Words of the control interface.
const WORDS: [(&str, Kind); 23] = [
    ("latency", Kind::Latency),
    ("hang", Kind::Hang),
    ("429", Kind::TooMany),
    ("429_after_effect", Kind::TooManyAfterEffect),
    ("500", Kind::Broken),
    ("500_after_effect", Kind::BrokenAfterEffect),
    ("403", Kind::Forbidden),
    ("403_after_effect", Kind::ForbiddenAfterEffect),
    ("404", Kind::NotFound),
    ("404_after_effect", Kind::NotFoundAfterEffect),
    ("409", Kind::Conflict),
    ("reset_before_effect", Kind::ResetBeforeEffect),
    ("reply_lost_after_effect", Kind::ReplyLostAfterEffect),
    ("accepted_without_effect", Kind::AcceptedWithoutEffect),
    ("delivered_twice", Kind::DeliveredTwice),
    ("stale_reads", Kind::StaleReads),
    ("half_body", Kind::HalfBody),
    ("huge_body", Kind::HugeBody),
    ("bad_json", Kind::BadJson),
    ("redirect", Kind::Redirect),
    ("foreign_next", Kind::ForeignNext),
    ("endless_next", Kind::EndlessNext),
    ("bad_record", Kind::BadRecord),
];

impl Kind {
    /// Answers the word of the control interface.
    pub fn word(self) -> &'static str {
        WORDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("none", |(word, _)| word)
    }

    /// Tells whether the fault is one of the line, and not of what is said on it.
    pub fn breaks_line(self) -> bool {
        matches!(
            self,
            Self::Hang
                | Self::ResetBeforeEffect
                | Self::ReplyLostAfterEffect
                | Self::HalfBody
                | Self::HugeBody
                | Self::BadJson
        )
    }

    /// Tells whether the fault only has a meaning for requests that read, only for those that write, or for both.
    fn fits(self, reads: bool) -> bool {
        match self {
            Self::StaleReads | Self::BadRecord | Self::ForeignNext | Self::EndlessNext => reads,
            Self::AcceptedWithoutEffect
            | Self::DeliveredTwice
            | Self::TooManyAfterEffect
            | Self::ForbiddenAfterEffect
            | Self::NotFoundAfterEffect => !reads,
            _ => true,
        }
    }
}

/// What goes wrong in the company itself, not in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    /// Clearing sessions says yes and is logged, but the attacker's session lives on.
    SessionSurvives,
    /// A colleague lifts the suspension at the next step.
    UndoneByOthers,
    /// The victim gets an administrator role now.
    MadeAdministrator,
    /// A group above the victim's gets an administrator role now.
    InheritsAdministrator,
    /// The victim gets into the group of emergency accounts now.
    JoinsBreakGlass,
    /// The victim gets another login now.
    Renamed,
    /// Every token that was fetched so far is refused from now on.
    TokensEnd,
    /// The console's service app is granted no scope that changes anything.
    LosesScopes,
    /// A scope is not granted to Google's service account any more.
    NotGranted(&'static str),
    /// A further scope is granted to it.
    Granted(&'static str),
    /// The victim is another tenant's user from now on.
    BecomesGuest,
    /// The victim is mastered on premises from now on.
    BecomesSynced,
    /// The console's application loses a permission that it needs and gets one that it does not.
    OtherPermissions,
    /// A colleague has the victim's address beside an own one from now on.
    SharesMail,
    /// The application that holds on to the account got many more grants.
    ManyGrants,
    /// The filter in the mailbox looks for so many words that its record is long.
    LongRule,
    /// It has more characters than are kept of a record.
    EndlessRule,
    /// The organisation has no licence for the risk of users.
    NoRiskLicence,
    /// The victim signs in as always at the next step.
    UserReturns,
    /// A colleague gives the victim a new password at the next step.
    PasswordByOthers,
    /// An MFA method is in the victim's account from the next step on, which no log tells of.
    MethodAppears,
}

/// Words of the control interface for what goes wrong in the company.
const TWISTS: [(&str, Twist); 19] = [
    ("session_survives", Twist::SessionSurvives),
    ("undone_by_others", Twist::UndoneByOthers),
    ("made_administrator", Twist::MadeAdministrator),
    ("inherits_administrator", Twist::InheritsAdministrator),
    ("joins_break_glass", Twist::JoinsBreakGlass),
    ("renamed", Twist::Renamed),
    ("tokens_end", Twist::TokensEnd),
    ("loses_scopes", Twist::LosesScopes),
    ("becomes_guest", Twist::BecomesGuest),
    ("becomes_synced", Twist::BecomesSynced),
    ("other_permissions", Twist::OtherPermissions),
    ("shares_mail", Twist::SharesMail),
    ("many_grants", Twist::ManyGrants),
    ("long_rule", Twist::LongRule),
    ("endless_rule", Twist::EndlessRule),
    ("no_risk_licence", Twist::NoRiskLicence),
    ("user_returns", Twist::UserReturns),
    ("password_by_others", Twist::PasswordByOthers),
    ("method_appears", Twist::MethodAppears),
];

/// One armed fault.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub server: Server,
    pub kind: Kind,
    rate: f64,
    left: Option<u64>,
    path: Option<String>,
    /// What one of the values of the query holds.
    query: Option<String>,
    method: Option<String>,
    /// Delay of `latency` in milliseconds.
    pub ms: u64,
    /// Origin for `redirect` and `foreign_next`.
    pub origin: String,
}

/// What a request met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met {
    pub delay_ms: u64,
    pub rule: Option<Rule>,
}

impl Met {
    pub fn kind(&self) -> Option<Kind> {
        self.rule.as_ref().map(|rule| rule.kind)
    }
}

/// An order of the control interface.
pub(crate) enum Order {
    Arm(Rule),
    /// Changes how the company behaves from now on.
    Twist(Twist),
    /// Clears the faults of one server, or of all.
    Clear(Option<Server>),
}

/// Reads the body of `POST /faults`; the error says what is wrong with it.
pub(crate) fn parse(body: &[u8]) -> Result<Order, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let word = match value.get("fault") {
        Some(Value::String(word)) => word.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err("`fault` is missing".to_owned()),
    };
    let server = match value.get("server").and_then(Value::as_str) {
        None => None,
        Some(name) => {
            Some(Server::named(name).ok_or_else(|| format!("no server is called {name:?}"))?)
        }
    };
    if word == "none" {
        return Ok(Order::Clear(server));
    }
    if let Some((_, twist)) = TWISTS.iter().find(|(name, _)| *name == word) {
        return Ok(Order::Twist(*twist));
    }
    if let "not_granted" | "granted" = word.as_str() {
        let scope = value
            .get("scope")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let scope = scope_named(scope).ok_or_else(|| format!("no scope is called {scope:?}"))?;
        return Ok(Order::Twist(match word.as_str() {
            "granted" => Twist::Granted(scope),
            _ => Twist::NotGranted(scope),
        }));
    }
    let kind = WORDS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, kind)| *kind);
    let kind = kind.ok_or_else(|| format!("no fault is called {word:?}"))?;
    let rate = value.get("rate").and_then(Value::as_f64).unwrap_or(1.0);
    if !(0.0..=1.0).contains(&rate) {
        return Err(format!("`rate` must be between 0 and 1, not {rate}"));
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Order::Arm(Rule {
        server: server.ok_or("`server` is missing")?,
        kind,
        rate,
        left: value.get("count").and_then(Value::as_u64),
        path: text("path"),
        query: text("query"),
        method: text("method"),
        ms: value.get("ms").and_then(Value::as_u64).unwrap_or(1_000),
        origin: text("origin").unwrap_or_else(|| "http://198.51.100.7:9".to_owned()),
    }))
}

/// All armed faults, oldest first.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    dice: fastrand::Rng,
}

impl Faults {
    pub fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            dice: fastrand::Rng::with_seed(seed ^ 0x000f_a017),
        }
    }

    pub fn arm(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub fn clear(&mut self, server: Option<Server>) {
        self.rules
            .retain(|rule| server.is_some_and(|server| rule.server != server));
    }

    /// Tells whether a server still answers some reads from its past.
    pub fn keeps_past(&self, server: Server) -> bool {
        self.rules
            .iter()
            .any(|r| r.server == server && r.kind == Kind::StaleReads)
    }

    /// Chooses what the request meets: any delays, and the first other fault that fits.
    pub fn meet(&mut self, request: &Request, reads: bool) -> Met {
        let mut met = Met::default();
        for rule in &mut self.rules {
            let taken = rule.kind != Kind::Latency && met.rule.is_some();
            if taken || !rule.hits(request, reads) || self.dice.f64() >= rule.rate {
                continue;
            }
            if let Some(left) = &mut rule.left {
                *left -= 1;
            }
            if rule.kind == Kind::Latency {
                met.delay_ms += rule.ms;
            } else {
                met.rule = Some(rule.clone());
            }
        }
        self.rules.retain(|rule| rule.left != Some(0));
        met
    }
}

impl Rule {
    fn hits(&self, request: &Request, reads: bool) -> bool {
        self.server == request.server
            && self.left != Some(0)
            && self.kind.fits(reads)
            && self
                .path
                .as_ref()
                .is_none_or(|part| request.path.contains(part.as_str()))
            && self.query.as_ref().is_none_or(|part| {
                let mut values = request.query.iter().map(|(_, value)| value);
                values.any(|value| value.contains(part.as_str()))
            })
            && self
                .method
                .as_ref()
                .is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
    }
}

/// Gives the first record of a list answer a field of the wrong type, as a vendor's broken row has.
pub(crate) fn spoil_first_record(body: &mut Value) {
    let hit = body.pointer_mut("/hits/hits/0/_source").map(std::mem::take);
    if hit.is_some() {
        if let Some(source) = body.pointer_mut("/hits/hits/0/_source") {
            let mut hit = hit.unwrap_or_default();
            set(&mut hit, "@timestamp", Value::Bool(true));
            *source = hit;
        }
        return;
    }
    let record = match body {
        Value::Array(list) => list.first_mut(),
        Value::Object(map) if map.get("value").is_some_and(Value::is_array) => {
            map.get_mut("value").and_then(|list| list.get_mut(0))
        }
        Value::Object(map) if map.get("alerts").is_some_and(Value::is_array) => {
            map.get_mut("alerts").and_then(|list| list.get_mut(0))
        }
        other => Some(other),
    };
    if let Some(record) = record {
        for name in ["id", "_id", "uuid", "published", "title", "alertId"] {
            if record.get(name).is_some() {
                set(record, name, serde_json::json!({"unexpected": 7}));
            }
        }
    }
}

/// Lets a list that pages by a token in its body have a further page, whatever is in it.
pub(crate) fn continue_for_ever(request: &Request, body: &mut Value) {
    let page = request.query("pageToken");
    let number = page.and_then(|page| page.strip_prefix("page-")?.parse::<u64>().ok());
    let next = number.unwrap_or(0).saturating_add(1);
    set(body, "nextPageToken", Value::from(format!("page-{next}")));
}

fn set(record: &mut Value, name: &str, value: Value) {
    if let Value::Object(map) = record {
        map.insert(name.to_owned(), value);
    }
}
