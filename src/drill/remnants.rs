//! Taking away from an account what an attacker may have left there.
//!
//! What must not live here: a vendor's wire shapes.

use super::activity::Kind;
use super::company::Person;
use super::entra::Tenant;
use super::google::State;
use super::wire::{Notes, Request};
use super::world::World;

/// What is left in one account, at whichever provider, as it is at one time.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    person: Person,
    google: State,
    tenant: Tenant,
}

/// Types of factors that one app holds together: one of the first two takes the others with it.
const TOGETHER: [&str; 3] = ["push", "signed_nonce", "token:software:totp"];

impl World {
    /// Remembers what is left in an account.
    pub fn keep_left(&self, person: usize) -> Kept {
        Kept {
            person: self.directory.people[person].clone(),
            google: self.google.clone(),
            tenant: self.tenant.clone(),
        }
    }

    /// Puts what was left in an account back as it was; the account itself stays as it is.
    pub fn put_back(&mut self, person: usize, kept: &Kept) {
        let account = &mut self.directory.people[person];
        let was = kept.person.clone();
        account.grants = was.grants;
        account.clients = was.clients;
        account.factors = was.factors;
        account.enrollments = was.enrollments;
        account.linked = was.linked;
        account.second_email = was.second_email;
        account.gone_aliases = was.gone_aliases;
        let granted = std::mem::take(&mut self.google.granted);
        self.google = State {
            granted,
            ..kept.google.clone()
        };
        self.tenant = kept.tenant.clone();
    }

    /// Takes away everything that can be left in an account, by a colleague's hand: it is in no ledger.
    pub fn take_all(&mut self, person: usize) {
        let aliases = super::google::aliases(&self.directory, person);
        let account = &mut self.directory.people[person];
        account.grants.clear();
        account.clients.clear();
        account.factors.clear();
        account.enrollments.clear();
        account.linked = None;
        account.second_email = None;
        account.gone_aliases.extend(aliases);
        self.google.take_all();
        self.tenant.take_all(person);
    }

    /// Takes a grant away; the tokens of its client stay. `None` where there is none of this id.
    pub fn remove_grant(
        &mut self,
        person: usize,
        id: &str,
        request: &Request,
        notes: &mut Notes,
    ) -> Option<()> {
        let account = &mut self.directory.people[person];
        let place = account.grants.iter().position(|grant| grant.id == id)?;
        let grant = account.grants.remove(place);
        notes.effect("remove_grant", format!("{}/{id}", account.id));
        self.log_own(Kind::ConsentRevoke, person, grant.name, request);
        Some(())
    }

    /// Ends the refresh tokens of one client; `None` where it holds none.
    pub fn revoke_client(
        &mut self,
        person: usize,
        client: &str,
        request: &Request,
        notes: &mut Notes,
    ) -> Option<()> {
        let account = &mut self.directory.people[person];
        let place = account.clients.iter().position(|one| one.id == client)?;
        let client = account.clients.remove(place);
        notes.effect("revoke_tokens", format!("{}/{}", account.id, client.id));
        self.log_own(Kind::TokenRevoke, person, client.name, request);
        Some(())
    }

    /// Takes a factor away; `together` says whether others of the same app go with it. `None` where there is none of this id.
    pub fn remove_factor(
        &mut self,
        person: usize,
        id: &str,
        together: bool,
        request: &Request,
        notes: &mut Notes,
    ) -> Option<()> {
        let account = &mut self.directory.people[person];
        let kind = account.factors.iter().find(|one| one.id == id)?.kind;
        let pulls = together && matches!(kind, "push" | "signed_nonce");
        let goes =
            |one: &super::company::Factor| one.id == id || pulls && TOGETHER.contains(&one.kind);
        let gone: Vec<String> = account
            .factors
            .iter()
            .filter(|one| goes(one))
            .map(|one| one.id.clone())
            .collect();
        account.factors.retain(|one| !goes(one));
        for factor in &gone {
            notes.effect("remove_factor", format!("{}/{factor}", account.id));
        }
        self.log_own(Kind::FactorRemove, person, id, request);
        Some(())
    }

    /// Takes a consent away, and the offline tokens of its client with it; `None` where there is neither.
    pub fn remove_consent(
        &mut self,
        person: usize,
        client: &str,
        request: &Request,
        notes: &mut Notes,
    ) -> Option<()> {
        let account = &mut self.directory.people[person];
        let before = (account.grants.len(), account.clients.len());
        account.grants.retain(|grant| grant.name != client);
        account.clients.retain(|one| one.name != client);
        if before == (account.grants.len(), account.clients.len()) {
            return None;
        }
        notes.effect("remove_grant", format!("{}/{client}", account.id));
        if before.1 != account.clients.len() {
            notes.effect("revoke_tokens", format!("{}/{client}", account.id));
        }
        self.log_own(Kind::ConsentRevoke, person, client, request);
        Some(())
    }

    /// Ends one session that is no offline one; `None` where there is none of this number.
    pub fn end_session(&mut self, number: u32, request: &Request, notes: &mut Notes) -> Option<()> {
        let holds = |person: &super::company::Person| {
            person.sessions.iter().any(|open| open.number == number)
        };
        let person = self.directory.people.iter().position(holds)?;
        let account = &mut self.directory.people[person];
        account.sessions.retain(|open| open.number != number);
        notes.effect("end_session", format!("{}/{number}", account.id));
        self.log_own(Kind::TokenRevoke, person, &format!("sess{number}"), request);
        Some(())
    }
}
