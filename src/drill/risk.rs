//! What the company's identity provider holds of its people's risk, and what changes it.
//!
//! What must not live here: a vendor's wire shapes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::company::{Directory, VICTIM};
use super::wire::{Idp, Notes};
use super::world::World;

/// Reads of a risk that still show it as being worked on, after a change.
const BUSY: u32 = 2;

/// The risk of one person.
#[derive(Clone, Debug)]
pub(crate) struct Risk {
    /// `NONE`, `LOW`, `MEDIUM`, `HIGH`.
    pub level: &'static str,
    pub state: State,
    pub updated: DateTime<Utc>,
    /// Why it was set, in the words of who set it.
    pub reason: String,
    /// Reads that still show it as being worked on.
    pub busy: u32,
}

/// Where a risk stands, where the vendor tells that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    AtRisk,
    Confirmed,
    Dismissed,
}

/// The risks, by the person's place.
pub(crate) type Risks = BTreeMap<usize, Risk>;

/// Gives what is known at the start: Entra ID noticed the attacker, Okta did not.
pub(crate) fn at_start(idp: Idp, directory: &Directory) -> Risks {
    let person = directory.people.get(VICTIM).filter(|_| idp == Idp::Entra);
    let noticed = person.map(|person| Risk {
        level: "HIGH",
        state: State::AtRisk,
        updated: person.last_login.unwrap_or(person.created),
        reason: String::new(),
        busy: 0,
    });
    noticed.map(|risk| (VICTIM, risk)).into_iter().collect()
}

impl World {
    /// Sets the risk of a person; answers whether there was none before.
    pub fn set_risk(&mut self, person: usize, risk: Risk, notes: &mut Notes) -> bool {
        let effect = match risk.state {
            State::AtRisk => "set_risk",
            State::Confirmed => "confirm_compromised",
            State::Dismissed => "dismiss_risk",
        };
        notes.effect(effect, self.directory.people[person].id.clone());
        self.risks.insert(person, risk).is_none()
    }

    /// Gives the risk of a person, and whether it is still being worked on: each read brings the end of that nearer.
    pub fn read_risk(&mut self, person: usize) -> Option<(Risk, bool)> {
        let risk = self.risks.get_mut(&person)?;
        let is_busy = risk.busy > 0;
        risk.busy = risk.busy.saturating_sub(1);
        Some((risk.clone(), is_busy))
    }
}

impl Risk {
    /// A risk that an administrator set now, which is not carried out at once.
    pub fn set(level: &'static str, state: State, at: DateTime<Utc>) -> Self {
        Self {
            level,
            state,
            updated: at,
            reason: String::new(),
            busy: BUSY,
        }
    }
}
