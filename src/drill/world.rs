//! The whole state of the company and the few things that change it.
//!
//! What must not live here: a vendor's wire shapes, sockets, the clock.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::activity::{Activity, Journal, Kind, Transaction};
use super::attacker::Attacker;
use super::casebook::Casebook;
use super::company::{ANALYST, COLLEAGUE, Directory, Holder, Person, Source, VICTIM};
use super::entra;
use super::fault::Twist;
use super::google;
use super::history;
use super::keycloak::Tokens;
use super::risk::{self, Risks};
use super::wire::{Idp, Notes, Request};

/// The id of the console's token at the identity provider.
pub(crate) const TOKEN_ID: &str = "00Tdrill0console0001";

/// What Keycloak calls the wish for a new password.
pub(crate) const UPDATE_PASSWORD: &str = "UPDATE_PASSWORD";

/// Everything the three servers know.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub directory: Directory,
    pub journal: Journal,
    pub cases: Casebook,
    pub attacker: Attacker,
    pub start: DateTime<Utc>,
    /// What goes wrong in the company itself.
    pub twists: Vec<Twist>,
    /// The tokens of the console's client, where they are fetched.
    pub tokens: Tokens,
    /// What Google keeps beside it.
    pub google: google::State,
    /// The application permissions of the console's client, at Entra ID.
    pub permissions: Vec<&'static str>,
    /// What else of the tenant changes, at Entra ID.
    pub tenant: entra::Tenant,
    /// The risk of people, where the identity provider keeps it.
    pub risks: Risks,
    /// Whether the organisation has the licence for it, at Okta.
    pub keeps_risk: bool,
    /// How long a replica shows what was before a change.
    pub late: TimeDelta,
    /// People as they were before a change, and until when a replica shows them so.
    before: Vec<(usize, DateTime<Utc>, Person)>,
}

/// Why a lifecycle change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The account is in the wrong status.
    WrongStatus,
}

impl World {
    /// Builds the same world for the same seed and start.
    pub fn new(seed: u64, start: DateTime<Utc>, (cases, events): (usize, usize), idp: Idp) -> Self {
        let mut directory = Directory::new(seed, start);
        match idp {
            Idp::Okta => {}
            Idp::Keycloak | Idp::Entra => directory.name_by_uuids(seed),
            Idp::Google => directory.name_by_numbers(seed),
        }
        if idp == Idp::Entra {
            directory.as_tenant();
        }
        let risks = risk::at_start(idp, &directory);
        directory.source = Source::of(idp);
        let past = history::build(seed, start, events, &mut directory);
        let journal = Journal::new(past, seed, idp == Idp::Google);
        let cases = Casebook::new(seed, start, cases, &directory);
        Self {
            directory,
            journal,
            cases,
            attacker: Attacker::new(seed),
            start,
            twists: Vec::new(),
            tokens: Tokens::default(),
            google: google::State::new(),
            permissions: entra::PERMISSIONS.to_vec(),
            tenant: entra::Tenant::default(),
            risks,
            keeps_risk: true,
            late: TimeDelta::zero(),
            before: Vec::new(),
        }
    }

    /// Remembers a person as it is, for replicas that show a change late.
    pub fn note_replica(&mut self, person: usize, at: DateTime<Utc>) {
        self.before.retain(|(_, until, _)| *until > at);
        if self.late > TimeDelta::zero() {
            let was = self.directory.people[person].clone();
            self.before.push((person, at + self.late, was));
        }
    }

    /// Gives a person as a replica shows it now.
    pub fn replica(&self, person: usize, at: DateTime<Utc>) -> &Person {
        let mut before = self.before.iter();
        before
            .find(|(place, until, _)| *place == person && *until > at)
            .map_or(&self.directory.people[person], |(_, _, was)| was)
    }

    /// Suspends an account; its sessions live on, as the vendor documents.
    pub fn suspend(
        &mut self,
        person: usize,
        request: &Request,
        notes: &mut Notes,
    ) -> Result<(), Refused> {
        self.change_status(person, ("ACTIVE", "SUSPENDED"), Kind::Suspend, request)?;
        notes.effect("suspend", self.directory.people[person].id.clone());
        Ok(())
    }

    /// Lifts the suspension of an account.
    pub fn unsuspend(
        &mut self,
        person: usize,
        request: &Request,
        notes: &mut Notes,
    ) -> Result<(), Refused> {
        self.change_status(person, ("SUSPENDED", "ACTIVE"), Kind::Unsuspend, request)?;
        notes.effect("unsuspend", self.directory.people[person].id.clone());
        Ok(())
    }

    /// Enables or disables an account, whatever it was before; its sessions live on.
    pub fn set_enabled(
        &mut self,
        person: usize,
        enabled: bool,
        request: &Request,
        notes: &mut Notes,
    ) {
        let account = &mut self.directory.people[person];
        let was = !matches!(account.status, "SUSPENDED" | "DEPROVISIONED");
        // Enabling lifts a lock for failed sign-ins too.
        let lifts = enabled && account.status == "LOCKED_OUT";
        let (kind, word) = if enabled {
            (Kind::Unsuspend, "unsuspend")
        } else {
            (Kind::Suspend, "suspend")
        };
        if was != enabled || lifts {
            account.status = if enabled { "ACTIVE" } else { "SUSPENDED" };
            account.status_changed = request.at;
            account.last_updated = request.at;
            notes.effect(word, account.id.clone());
        }
        self.log_own(kind, person, "", request);
    }

    /// Ends one offline session; `None` where there is none of this id.
    pub fn end_offline(
        &mut self,
        session: &str,
        request: &Request,
        notes: &mut Notes,
    ) -> Option<()> {
        let holds = |person: &Person| {
            let mut clients = person.clients.iter();
            clients.any(|client| client.tokens.iter().any(|token| token == session))
        };
        let person = self.directory.people.iter().position(holds)?;
        let account = &mut self.directory.people[person];
        for client in &mut account.clients {
            client.tokens.retain(|token| token != session);
        }
        account.clients.retain(|client| !client.tokens.is_empty());
        notes.effect("revoke_tokens", format!("{}/{session}", account.id));
        self.log_own(Kind::TokenRevoke, person, session, request);
        Some(())
    }

    /// Ends all tokens of one client of an account; `None` where it has none.
    pub fn end_client(
        &mut self,
        person: usize,
        client: &str,
        request: &Request,
        notes: &mut Notes,
    ) -> Option<()> {
        let account = &mut self.directory.people[person];
        let place = account.clients.iter().position(|one| one.id == client)?;
        account.clients.remove(place);
        notes.effect("revoke_tokens", format!("{}/{client}", account.id));
        self.log_own(Kind::TokenRevoke, person, client, request);
        Some(())
    }

    /// Makes the holder of an active account choose a new password, as a helpdesk does.
    pub fn expire_password(
        &mut self,
        person: usize,
        request: &Request,
        notes: &mut Notes,
    ) -> Result<(), Refused> {
        let to = ("ACTIVE", "PASSWORD_EXPIRED");
        self.change_status(person, to, Kind::ExpirePassword, request)?;
        let id = self.directory.people[person].id.clone();
        notes.effect("expire_password", id);
        Ok(())
    }

    /// Makes the password of an active account void until a link was opened.
    pub fn reset_password(
        &mut self,
        person: usize,
        request: &Request,
        notes: &mut Notes,
    ) -> Result<(), Refused> {
        let to = ("ACTIVE", "RECOVERY");
        self.change_status(person, to, Kind::ResetPassword, request)?;
        self.forget_password(person, notes);
        Ok(())
    }

    /// Sets a password that has to be changed at the next sign-in.
    pub fn set_password(&mut self, person: usize, request: &Request, notes: &mut Notes) {
        let account = &mut self.directory.people[person];
        account.password_changed = request.at;
        account.last_updated = request.at;
        if !account.required.iter().any(|one| one == UPDATE_PASSWORD) {
            account.required.push(UPDATE_PASSWORD.to_owned());
        }
        self.log_own(Kind::ResetPassword, person, "", request);
        self.forget_password(person, notes);
    }

    /// Replaces what is asked of a person at the next sign-in.
    pub fn require(
        &mut self,
        person: usize,
        actions: Vec<String>,
        request: &Request,
        notes: &mut Notes,
    ) {
        let account = &mut self.directory.people[person];
        if account.required != actions {
            account.required = actions;
            account.last_updated = request.at;
            notes.effect("expire_password", account.id.clone());
        }
        self.log_own(Kind::ExpirePassword, person, "", request);
    }

    fn forget_password(&mut self, person: usize, notes: &mut Notes) {
        if person == VICTIM {
            self.attacker.knows_password = false;
        }
        let id = self.directory.people[person].id.clone();
        notes.effect("reset_password", id);
    }

    /// Deactivates an account from any other status and ends its sessions.
    pub fn deactivate(&mut self, person: usize, request: &Request, notes: &mut Notes) {
        let account = &mut self.directory.people[person];
        if account.status == "DEPROVISIONED" {
            return;
        }
        account.status = "DEPROVISIONED";
        account.status_changed = request.at;
        account.last_updated = request.at;
        account.sessions.clear();
        notes.effect("deactivate", account.id.clone());
        self.log_own(Kind::Deactivate, person, "", request);
    }

    fn change_status(
        &mut self,
        person: usize,
        (from, to): (&str, &'static str),
        kind: Kind,
        request: &Request,
    ) -> Result<(), Refused> {
        let account = &mut self.directory.people[person];
        if account.status != from {
            return Err(Refused::WrongStatus);
        }
        account.status = to;
        account.status_changed = request.at;
        account.last_updated = request.at;
        self.log_own(kind, person, "", request);
        Ok(())
    }

    /// Ends all sessions of an account, and on request revokes the refresh tokens of its clients.
    pub fn clear_sessions(
        &mut self,
        person: usize,
        with_tokens: bool,
        request: &Request,
        notes: &mut Notes,
    ) {
        let account = &mut self.directory.people[person];
        let survives = self.twists.contains(&Twist::SessionSurvives);
        account
            .sessions
            .retain(|open| survives && open.holder == Holder::Attacker);
        let id = account.id.clone();
        let clients = if with_tokens {
            std::mem::take(&mut account.clients)
        } else {
            Vec::new()
        };
        self.log_own(Kind::SessionClear, person, "", request);
        notes.effect("clear_sessions", id.clone());
        for client in clients {
            self.log_own(Kind::TokenRevoke, person, client.name, request);
            notes.effect("revoke_tokens", format!("{id}/{}", client.id));
        }
    }

    /// Writes what the console's token did into the journal, under the request's id.
    pub(super) fn log_own(&mut self, kind: Kind, target: usize, object: &str, request: &Request) {
        let analyst = &self.directory.people[ANALYST];
        let mut activity = Activity::new(request.at, kind, ANALYST, analyst).object(object);
        activity.target = u32::try_from(target).ok();
        activity.transaction = Some(Arc::new(Transaction {
            id: request.id.clone(),
            token_id: (!request.authorization.starts_with("Bearer drill-")).then_some(TOKEN_ID),
        }));
        self.journal.push(activity);
    }

    /// Changes the company: at once where it concerns the victim's account, otherwise when its moment comes.
    pub fn twist(&mut self, twist: Twist) {
        let directory = &mut self.directory;
        match twist {
            Twist::MadeAdministrator => directory.people[VICTIM]
                .roles
                .push(("APP_ADMIN", "Application Administrator")),
            Twist::InheritsAdministrator => directory.people[VICTIM].inherited.push("manage-users"),
            Twist::JoinsBreakGlass => {
                let group = directory
                    .groups
                    .iter()
                    .position(|g| g.name == "Break-Glass");
                directory.people[VICTIM].groups.extend(group);
            }
            Twist::Renamed => {
                "mara.berg@acme.example".clone_into(&mut directory.people[VICTIM].login);
            }
            Twist::TokensEnd => self.tokens.end_all(),
            Twist::NotGranted(scope) => self.google.granted.retain(|one| *one != scope),
            Twist::Granted(scope) => self.google.granted.push(scope),
            Twist::BecomesGuest => directory.people[VICTIM].guest = true,
            Twist::BecomesSynced => directory.people[VICTIM].from_directory = true,
            Twist::OtherPermissions => {
                self.permissions
                    .retain(|one| *one != "User.RevokeSessions.All");
                self.permissions.push("Mail.ReadWrite");
                self.tokens.end_all();
            }
            Twist::SharesMail => {
                let mail = directory.people[VICTIM].email.clone();
                directory.people[COLLEAGUE].other_mails.push(mail);
            }
            Twist::ManyGrants => directory.give_many_grants(),
            Twist::LongRule => self.google.mailbox.words = 5_000,
            Twist::EndlessRule => self.google.mailbox.words = 17_000,
            Twist::NoRiskLicence => self.keeps_risk = false,
            Twist::SessionSurvives
            | Twist::UndoneByOthers
            | Twist::LosesScopes
            | Twist::UserReturns
            | Twist::PasswordByOthers
            | Twist::MethodAppears => self.twists.push(twist),
        }
    }

    /// Lets a colleague lift a suspension, for a caller who sounded convincing.
    pub fn undo_by_others(&mut self, person: usize, at: DateTime<Utc>) {
        let armed = self.twists.iter().position(|t| *t == Twist::UndoneByOthers);
        let suspended = self.directory.people[person].status == "SUSPENDED";
        let (Some(armed), true) = (armed, suspended) else {
            return;
        };
        self.twists.remove(armed);
        self.set_by_others(person, true, at);
    }

    /// Lets a colleague enable or disable an account.
    pub fn set_by_others(&mut self, person: usize, enabled: bool, at: DateTime<Utc>) {
        let (status, kind) = if enabled {
            ("ACTIVE", Kind::Unsuspend)
        } else {
            ("SUSPENDED", Kind::Suspend)
        };
        let account = &mut self.directory.people[person];
        account.status = status;
        account.status_changed = at;
        account.last_updated = at;
        let colleague = &self.directory.people[COLLEAGUE];
        let mut activity = Activity::new(at, kind, COLLEAGUE, colleague);
        activity.target = u32::try_from(person).ok();
        self.journal.push(activity);
    }

    /// Tells whether the attacker holds a live session of an account.
    pub fn attacker_session(&self, person: usize) -> Option<u32> {
        let sessions = &self.directory.people[person].sessions;
        sessions
            .iter()
            .rev()
            .find(|open| open.holder == Holder::Attacker)
            .map(|open| open.number)
    }
}
