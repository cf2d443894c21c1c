//! What happened in the company: one record for both the SIEM's event and the identity provider's log entry.
//!
//! What must not live here: either vendor's shape.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::company::{AGENTS, Agent, Directory, PLACES, Person, Place};

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SignIn,
    MfaVerify,
    AppAccess,
    SignOut,
    FactorActivate,
    ConsentGrant,
    Suspend,
    Unsuspend,
    Deactivate,
    ExpirePassword,
    ResetPassword,
    SessionClear,
    TokenRevoke,
    FileRead,
    InboxRule,
    Process,
    RemoteLogon,
    Export,
    FactorRemove,
    ConsentRevoke,
}

/// The words that the vendors use for a kind.
#[derive(Debug)]
pub(crate) struct Words {
    /// ECS `event.action`; for the identity provider's entries its event type.
    pub action: &'static str,
    pub message: &'static str,
    pub categories: &'static [&'static str],
    pub types: &'static [&'static str],
    pub dataset: &'static str,
    pub provider: &'static str,
}

const OKTA: (&str, &str) = ("okta.system", "okta");

impl Kind {
    /// Answers the words of the kind.
    pub fn words(self) -> &'static Words {
        &WORDS[self as usize]
    }

    /// Tells whether the identity provider logs it.
    pub fn in_system_log(self) -> bool {
        self.words().dataset == OKTA.0
    }
}

const fn okta(
    action: &'static str,
    message: &'static str,
    categories: &'static [&'static str],
    types: &'static [&'static str],
) -> Words {
    Words {
        action,
        message,
        categories,
        types,
        dataset: OKTA.0,
        provider: OKTA.1,
    }
}

/// In the order of [`Kind`].
static WORDS: [Words; 20] = [
    okta(
        "user.session.start",
        "User login to Okta",
        &["authentication", "session"],
        &["start"],
    ),
    okta(
        "user.authentication.auth_via_mfa",
        "Authentication of user via MFA",
        &["authentication"],
        &["info"],
    ),
    okta(
        "user.authentication.sso",
        "User single sign on to app",
        &["authentication"],
        &["info"],
    ),
    okta(
        "user.session.end",
        "User logout from Okta",
        &["authentication", "session"],
        &["end"],
    ),
    okta(
        "user.mfa.factor.activate",
        "Activate factor for user",
        &["iam"],
        &["user", "change"],
    ),
    okta(
        "app.oauth2.as.consent.grant",
        "User granted consent to app",
        &["iam"],
        &["user", "creation"],
    ),
    okta(
        "user.lifecycle.suspend",
        "Suspend Okta user",
        &["iam"],
        &["user", "change"],
    ),
    okta(
        "user.lifecycle.unsuspend",
        "Unsuspend Okta user",
        &["iam"],
        &["user", "change"],
    ),
    okta(
        "user.lifecycle.deactivate",
        "Deactivate Okta user",
        &["iam"],
        &["user", "change"],
    ),
    okta(
        "user.account.expire_password",
        "Expire password",
        &["iam"],
        &["user", "change"],
    ),
    okta(
        "user.account.reset_password",
        "Fired when the user's Okta password is reset",
        &["iam"],
        &["user", "change"],
    ),
    okta(
        "user.session.clear",
        "Clear user session",
        &["session"],
        &["end"],
    ),
    okta(
        "app.oauth2.token.revoke",
        "Revoke OAuth2 refresh token",
        &["iam"],
        &["user", "deletion"],
    ),
    Words {
        action: "file-read",
        message: "File read",
        categories: &["file"],
        types: &["access"],
        dataset: "fileserver.audit",
        provider: "smb",
    },
    Words {
        action: "New-InboxRule",
        message: "Inbox rule created",
        categories: &["configuration"],
        types: &["creation"],
        dataset: "mail.audit",
        provider: "mail",
    },
    Words {
        action: "process-start",
        message: "Process started",
        categories: &["process"],
        types: &["start"],
        dataset: "endpoint.events.process",
        provider: "endpoint",
    },
    Words {
        action: "remote-logon",
        message: "Remote logon",
        categories: &["authentication", "session"],
        types: &["start"],
        dataset: "endpoint.events.security",
        provider: "endpoint",
    },
    Words {
        action: "payroll-export",
        message: "Payroll rows exported",
        categories: &["database"],
        types: &["access"],
        dataset: "payroll.audit",
        provider: "payroll",
    },
    okta(
        "user.mfa.factor.deactivate",
        "Reset factor for user",
        &["iam"],
        &["user", "change"],
    ),
    okta(
        "app.oauth2.as.consent.revoke",
        "User revoked consent to app",
        &["iam"],
        &["user", "deletion"],
    ),
];

/// How a write of the console's token reached the identity provider.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    pub id: String,
    /// The console's API token; `None` where the request came by its service app.
    pub token_id: Option<&'static str>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub at: DateTime<Utc>,
    pub kind: Kind,
    /// Position of the actor in the directory.
    pub actor: u32,
    /// Position of the account it was done to, where that is not the actor.
    pub target: Option<u32>,
    pub ok: bool,
    pub reason: &'static str,
    pub place: u8,
    pub agent: u8,
    pub ip: [u8; 4],
    pub session: u32,
    /// The app, file, command, rule or factor.
    pub object: Arc<str>,
    pub host: Arc<str>,
    /// Bytes or rows, where there are any.
    pub amount: u64,
    /// Delay until the SIEM had it, in milliseconds.
    pub lag: u16,
    pub transaction: Option<Arc<Transaction>>,
}

impl Activity {
    /// Starts an activity of a person at their own place and device.
    pub fn new(at: DateTime<Utc>, kind: Kind, actor: usize, person: &Person) -> Self {
        let [a, b, c] = PLACES[person.office].net;
        Self {
            at,
            kind,
            actor: u32::try_from(actor).unwrap_or(0),
            target: None,
            ok: true,
            reason: "",
            place: u8::try_from(person.office).unwrap_or(0),
            agent: u8::try_from(person.agent).unwrap_or(0),
            ip: [a, b, c, person.line],
            session: 0,
            object: Arc::from(""),
            host: Arc::from(person.host.as_str()),
            amount: 0,
            lag: 0,
            transaction: None,
        }
    }

    /// Moves the activity to a place, with the last byte of the address.
    pub fn at_place(mut self, place: usize, last: u8) -> Self {
        let [a, b, c] = PLACES[place].net;
        self.place = u8::try_from(place).unwrap_or(0);
        self.ip = [a, b, c, last];
        self
    }

    pub fn object(mut self, object: &str) -> Self {
        self.object = Arc::from(object);
        self
    }

    pub fn failed(mut self, reason: &'static str) -> Self {
        self.ok = false;
        self.reason = reason;
        self
    }

    pub fn place(&self) -> &'static Place {
        &PLACES[usize::from(self.place)]
    }

    pub fn agent(&self) -> &'static Agent {
        &AGENTS[usize::from(self.agent)]
    }

    pub fn ip_text(&self) -> String {
        let [a, b, c, d] = self.ip;
        format!("{a}.{b}.{c}.{d}")
    }

    pub fn actor<'a>(&self, directory: &'a Directory) -> &'a Person {
        let index = usize::try_from(self.actor).unwrap_or(0);
        &directory.people[index.min(directory.people.len() - 1)]
    }

    pub fn target<'a>(&self, directory: &'a Directory) -> Option<&'a Person> {
        directory.people.get(usize::try_from(self.target?).ok()?)
    }
}

/// All activity: what was there at the start, and what came since.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    past: Arc<Vec<Activity>>,
    live: Vec<Activity>,
    seed: u64,
    /// Whether activities have numbers for names, as at Google.
    numbered: bool,
}

/// The longest live journal; after that the company falls silent rather than growing without end.
const LIVE_MAX: usize = 200_000;

impl Journal {
    pub fn new(past: Vec<Activity>, seed: u64, numbered: bool) -> Self {
        Self {
            past: Arc::new(past),
            live: Vec::new(),
            seed,
            numbered,
        }
    }

    pub fn len(&self) -> usize {
        self.past.len() + self.live.len()
    }

    pub fn push(&mut self, activity: Activity) {
        if self.live.len() < LIVE_MAX || activity.transaction.is_some() {
            self.live.push(activity);
        }
    }

    pub fn get(&self, index: usize) -> Option<&Activity> {
        self.past
            .get(index)
            .or_else(|| self.live.get(index.checked_sub(self.past.len())?))
    }

    /// Walks all activity in the order of arrival, with positions.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &Activity)> {
        let past = self.past.len();
        self.past.iter().enumerate().chain(
            self.live
                .iter()
                .enumerate()
                .map(move |(index, activity)| (past + index, activity)),
        )
    }

    /// Answers the identifier of the activity at a position; both vendors print the same one.
    pub fn uuid(&self, index: usize) -> String {
        let position = u64::try_from(index).unwrap_or(u64::MAX);
        let mut dice = fastrand::Rng::with_seed(self.seed.rotate_left(17) ^ position);
        let (a, b) = (dice.u64(..), dice.u64(..));
        if self.numbered {
            return (a >> 1).to_string();
        }
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            (b >> 48) & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }
}
