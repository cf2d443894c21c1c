//! One event of a user with ECS names, as decoders hand it over.
//!
//! What must not live here: vendors' field names, and how many events are kept ([`super::activity`]).

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::lane::Lane;
use crate::domain::text::{Excerpt, Untrusted};

/// How an event ended (ECS `event.outcome`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// It worked.
    Success,
    /// It did not.
    Failure,
    /// Not said.
    #[default]
    Unknown,
}

impl Outcome {
    /// Gives the word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "ok",
            Self::Failure => "FAIL",
            Self::Unknown => "-",
        }
    }

    /// Gives the value of `event.outcome`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// A word out of a short list, so that several of them fit into one [`Set`].
pub trait Term: Copy + PartialEq + 'static {
    /// Every word, at most 32.
    const ALL: &'static [Self];

    /// Gives the word used in exports.
    fn key(self) -> &'static str;
}

/// Some words of one list, each at most once.
#[derive(Clone, Copy)]
pub struct Set<T> {
    bits: u32,
    of: PhantomData<T>,
}

impl<T: Term> Set<T> {
    /// Makes the set of some words.
    pub fn of(words: &[T]) -> Self {
        let mut set = Self::default();
        for word in words {
            set.insert(*word);
        }
        set
    }

    /// Adds a word.
    pub fn insert(&mut self, word: T) {
        self.bits |= Self::bit(word);
    }

    /// Tells whether a word is in it.
    pub fn contains(self, word: T) -> bool {
        self.bits & Self::bit(word) != 0
    }

    /// Tells whether there is none.
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Gives its words in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL
            .iter()
            .copied()
            .filter(move |word| self.contains(*word))
    }

    fn bit(word: T) -> u32 {
        T::ALL
            .iter()
            .position(|other| *other == word)
            .and_then(|place| u32::try_from(place).ok())
            .and_then(|place| 1_u32.checked_shl(place))
            .unwrap_or(0)
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self {
            bits: 0,
            of: PhantomData,
        }
    }
}

impl<T> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<T> Eq for Set<T> {}

impl<T: Term> fmt::Debug for Set<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter().map(Term::key)).finish()
    }
}

/// Makes a [`Term`] of an enum and its words.
macro_rules! terms {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $word:ident = $key:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $word,)+
        }

        impl Term for $name {
            const ALL: &'static [Self] = &[$(Self::$word,)+];

            fn key(self) -> &'static str {
                match self {
                    $(Self::$word => $key,)+
                }
            }
        }
    };
}

terms! {
    /// What kind of thing an event is about (ECS `event.category`, 8.17).
    Category {
        /// An API was called.
        Api = "api",
        /// Proof of identity.
        Authentication = "authentication",
        /// A setting of a system.
        Configuration = "configuration",
        /// A database.
        Database = "database",
        /// Mail.
        Email = "email",
        /// A file.
        File = "file",
        /// A machine.
        Host = "host",
        /// Users, groups, roles, credentials.
        Iam = "iam",
        /// Something detected.
        IntrusionDetection = "intrusion_detection",
        /// Malware.
        Malware = "malware",
        /// Connections.
        Network = "network",
        /// Software.
        Package = "package",
        /// A process or command.
        Process = "process",
        /// A session.
        Session = "session",
        /// A threat or risk.
        Threat = "threat",
        /// The web.
        Web = "web",
    }
}

terms! {
    /// What happened to it (ECS `event.type`, 8.17).
    Kind {
        /// Read or used.
        Access = "access",
        /// An administrator's act.
        Admin = "admin",
        /// Allowed.
        Allowed = "allowed",
        /// Changed.
        Change = "change",
        /// Made.
        Creation = "creation",
        /// Removed.
        Deletion = "deletion",
        /// Denied.
        Denied = "denied",
        /// Ended.
        End = "end",
        /// Failed.
        Error = "error",
        /// About a group.
        Group = "group",
        /// Told only.
        Info = "info",
        /// Begun.
        Start = "start",
        /// About a user.
        User = "user",
    }
}

terms! {
    /// What a vendor or a table says about the source or the way of an event.
    Signal {
        /// Through a virtual private network of a provider for anybody.
        Vpn = "vpn",
        /// From a hosting company.
        Hosting = "hosting",
        /// Through Tor.
        Tor = "tor",
        /// Through a proxy that hides the source.
        Proxy = "proxy",
        /// By a protocol that knows no second factor, such as IMAP or SMTP AUTH.
        LegacyProtocol = "legacy_protocol",
        /// The vendor calls it a medium risk.
        RiskMedium = "risk_medium",
        /// The vendor calls it a high risk.
        RiskHigh = "risk_high",
        /// A second factor was asked for.
        MfaChallenge = "mfa_challenge",
        /// A second factor was given.
        MfaPassed = "mfa_passed",
        /// A second factor was denied by the person, not answered, or answered wrongly.
        MfaDenied = "mfa_denied",
        /// No second factor was used.
        NoMfa = "no_mfa",
        /// The device is known to the vendor as new.
        NewDevice = "new_device",
        /// The vendor says the network or place is new for this user.
        NewPlace = "new_place",
        /// Shared with or sent to somebody outside.
        External = "external",
        /// The object or role has administrator rights.
        Privileged = "privileged",
        /// A password that somebody else set stays: its owner is not asked for a new one.
        Lasting = "lasting",
    }
}

terms! {
    /// What was done, the same word for every vendor, so that findings need not know vendors' words.
    ///
    /// A decoder sets it only where the record is sure; `event.outcome` says whether it worked.
    Act {
        /// Signed in, with whatever outcome.
        SignIn = "sign_in",
        /// A second factor was asked for, answered or denied by itself, apart from a sign-in.
        MfaPrompt = "mfa_prompt",
        /// A factor was added.
        MfaAdded = "mfa_added",
        /// A factor was removed, or the duty to use one.
        MfaRemoved = "mfa_removed",
        /// All factors were reset.
        MfaReset = "mfa_reset",
        /// The password was changed by its owner.
        PasswordChanged = "password_changed",
        /// The password was reset by somebody else or by recovery.
        PasswordReset = "password_reset",
        /// Recovery address, telephone or question was changed.
        RecoveryChanged = "recovery_changed",
        /// An account was made.
        AccountCreated = "account_created",
        /// An account was allowed to sign in again.
        AccountEnabled = "account_enabled",
        /// An account was disabled, suspended or locked.
        AccountDisabled = "account_disabled",
        /// An account was removed.
        AccountDeleted = "account_deleted",
        /// Sessions or tokens were ended.
        SessionsRevoked = "sessions_revoked",
        /// An application was given rights over the account's data.
        OauthGrant = "oauth_grant",
        /// A rule for incoming mail was made or changed.
        InboxRule = "inbox_rule",
        /// Mail is forwarded.
        Forwarding = "forwarding",
        /// Somebody else may read or send the mail.
        Delegate = "delegate",
        /// A role or a group with administrator rights was given.
        RoleGranted = "role_granted",
        /// An access key, API token or credential of an application was made.
        AccessKey = "access_key",
        /// Data was downloaded or exported.
        Download = "download",
        /// Data was shared or made visible to more people.
        Share = "share",
        /// A secret or a resource was read that is named as sensitive.
        SensitiveAccess = "sensitive_access",
        /// Something was run.
        Command = "command",
        /// Another host or another identity was entered.
        LateralMovement = "lateral_movement",
        /// The vendor detected a risk.
        RiskDetected = "risk_detected",
        /// Logging or a protection was switched off or weakened.
        DefenceWeakened = "defence_weakened",
        /// A protection was changed, and the record does not say that it is weaker now.
        ProtectionChanged = "protection_changed",
    }
}

/// Somebody or something that acted or was acted on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Party {
    /// The vendor's immutable id.
    pub id: Option<Untrusted>,
    /// The login or name.
    pub name: Option<Untrusted>,
    /// The mail address.
    pub email: Option<Untrusted>,
}

impl Party {
    /// Tells whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.email.is_none()
    }

    /// Tells whether a text is its id, login or mail; upper and lower case are the same.
    pub fn is_named(&self, name: &Untrusted) -> bool {
        [&self.id, &self.name, &self.email]
            .into_iter()
            .flatten()
            .any(|text| text.raw().eq_ignore_ascii_case(name.raw()))
    }

    /// Gives what names it best: login, mail, id.
    pub fn best(&self) -> Option<&Untrusted> {
        self.name
            .as_ref()
            .or(self.email.as_ref())
            .or(self.id.as_ref())
    }
}

/// Where a source is, as far as somebody says.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Geo {
    /// `source.geo.city_name`.
    pub city: Option<Untrusted>,
    /// `source.geo.region_name`.
    pub region: Option<Untrusted>,
    /// `source.geo.country_name`.
    pub country: Option<Untrusted>,
    /// `source.geo.country_iso_code`, two letters.
    pub country_iso: Option<Untrusted>,
    /// Latitude -90..=90 and longitude -180..=180, degrees; impossible ones are left out.
    pub point: Option<(f32, f32)>,
    /// Whether a local database of places says it, and not the vendor.
    pub by_database: bool,
}

impl Geo {
    /// Gives city and country in words: `Lagos, Nigeria`.
    pub fn place(&self) -> Option<Untrusted> {
        let country = self.country.as_ref().or(self.country_iso.as_ref());
        let parts: Vec<&str> = [self.city.as_ref(), country]
            .into_iter()
            .flatten()
            .map(Untrusted::raw)
            .collect();
        (!parts.is_empty()).then(|| Untrusted::new(parts.join(", ")))
    }

    /// Keeps a point only if it lies on the globe and is not the "nothing known" of 0, 0.
    pub fn at(latitude: f64, longitude: f64) -> Option<(f32, f32)> {
        let real = (-90.0..=90.0).contains(&latitude)
            && (-180.0..=180.0).contains(&longitude)
            && (latitude != 0.0 || longitude != 0.0);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seven digits are a metre, and the range was checked"
        )]
        let point = (latitude as f32, longitude as f32);
        real.then_some(point)
    }
}

/// The autonomous system of a source.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Network {
    /// `source.as.number`.
    pub number: Option<u32>,
    /// `source.as.organization.name`.
    pub organization: Option<Untrusted>,
}

/// One event as a decoder hands it over, with ECS names.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Event {
    /// `event.id`: identity across pages and polls; empty where the record has none.
    pub id: Untrusted,
    /// `@timestamp`.
    pub at: DateTime<Utc>,
    /// Whether the record had no time that can be read; `at` is then 1970 and means nothing.
    pub untimed: bool,
    /// `event.ingested`, when the SIEM had it.
    pub ingested: Option<DateTime<Utc>>,
    /// Lane it belongs to.
    pub lane: Lane,
    /// `event.action`, the vendor's word.
    pub action: Untrusted,
    /// What was done, in one word for every vendor, where the record is sure of it.
    pub act: Option<Act>,
    /// `event.category`.
    pub category: Set<Category>,
    /// `event.type`.
    pub kind: Set<Kind>,
    /// `event.outcome`.
    pub outcome: Outcome,
    /// `user.*`: who acted.
    pub user: Party,
    /// `user.target.*`: whose account it was done to, when that is somebody else or is named apart.
    pub target: Party,
    /// `source.ip` in its shortest form; or, where it is no IP address, `source.address` as it came.
    pub ip: Option<Untrusted>,
    /// `source.geo`.
    pub geo: Geo,
    /// `source.as`.
    pub network: Network,
    /// `user_agent.original`.
    pub agent: Option<Untrusted>,
    /// `device.id`.
    pub device: Option<Untrusted>,
    /// The session, as the vendor names it.
    pub session: Option<Untrusted>,
    /// `event.provider`.
    pub provider: Option<Untrusted>,
    /// What it was done to: a file, a host, an application, a factor, a rule.
    pub object: Option<Untrusted>,
    /// `event.reason` or `message`.
    pub reason: Option<Untrusted>,
    /// What else is known of source and way.
    pub signals: Set<Signal>,
    /// The record as it came, for `Enter`.
    pub raw: Excerpt,
    /// Line of the record in its file, from 1; 0 where there is no file.
    pub line: u32,
    /// Key of the decoder that read it from a file, such as `okta`; empty where there is no file.
    pub source: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_set_keeps_each_word_once_in_the_order_of_the_list() {
        let mut set = Set::of(&[Category::Session, Category::Authentication]);
        set.insert(Category::Session);
        let words: Vec<&str> = set.iter().map(Term::key).collect();
        assert_eq!(words, ["authentication", "session"]);
        assert!(set.contains(Category::Session) && !set.contains(Category::Iam));
        assert!(Set::<Kind>::default().is_empty());
    }

    #[rstest]
    #[case(52.5, 13.4, true)]
    #[case(0.0, 0.0, false)]
    #[case(91.0, 0.0, false)]
    #[case(0.0, -180.5, false)]
    #[case(f64::NAN, 1.0, false)]
    #[case(f64::INFINITY, 1.0, false)]
    fn only_points_on_the_globe(#[case] latitude: f64, #[case] longitude: f64, #[case] real: bool) {
        assert_eq!(Geo::at(latitude, longitude).is_some(), real);
    }

    #[test]
    fn places_in_words() {
        let geo = Geo {
            city: Some("Lagos".into()),
            country_iso: Some("NG".into()),
            ..Geo::default()
        };
        assert_eq!(geo.place(), Some("Lagos, NG".into()));
        assert_eq!(Geo::default().place(), None);
    }
}
