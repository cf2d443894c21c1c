//! What rules see of each event, and whose event it is: one number a person, whatever the vendors call it.
//!
//! A mail address names a person; an id or a name without one stands for the mail address it was seen with, unless it
//! was seen with several ("unknown" is everybody's id).

use std::collections::HashMap;

use super::super::activity::{Activity, Outcome, Row, Sym, Symbols};
use super::super::event::{Act, Set, Signal};
use super::super::lane::Lane;
use super::Tuning;
use crate::domain::text::Untrusted;

/// A person, by number.
pub(super) type User = u32;

/// One event as rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) row: usize,
    /// Milliseconds since 1970; means nothing where `timed` is false.
    pub(super) at: i64,
    pub(super) timed: bool,
    pub(super) actor: Option<User>,
    /// Whose account the event is about: the actor, or whom a change was made to.
    pub(super) user: Option<User>,
    pub(super) act: Option<Act>,
    pub(super) lane: Lane,
    pub(super) outcome: Outcome,
    pub(super) signals: Set<Signal>,
    pub(super) point: Option<(f32, f32)>,
    pub(super) system: Option<u32>,
    /// Number of the country, the same for its name and its code; 0 is unknown.
    pub(super) country: usize,
    /// Number of the program without its versions; 0 is unknown.
    pub(super) agent: usize,
    pub(super) text: Symbols,
}

impl Fact {
    /// Tells whether somebody signed in, or tried to.
    pub(super) fn is_sign_in(&self) -> bool {
        self.act == Some(Act::SignIn) || (self.act.is_none() && self.lane == Lane::SignIn)
    }

    /// Tells whether the actor did it with the actor's own account.
    pub(super) fn is_own(&self) -> bool {
        self.actor.is_some() && self.actor == self.user
    }

    /// Tells whether the source hides where it is.
    pub(super) fn is_hidden(&self) -> bool {
        [Signal::Vpn, Signal::Hosting, Signal::Tor, Signal::Proxy]
            .into_iter()
            .any(|signal| self.signals.contains(signal))
    }
}

/// All events of a file or a search as rules see them, and by person.
pub(super) struct Facts<'a> {
    pub(super) activity: &'a Activity,
    pub(super) all: Vec<Fact>,
    /// Places in `all`, oldest first, of each person's account.
    pub(super) of_user: Vec<Vec<usize>>,
    names: Vec<Untrusted>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(activity: &'a Activity, tuning: &Tuning) -> Self {
        let mut people = People::of(activity);
        let countries = Countries::of(activity);
        let mut agents = Agents::of(activity);
        let mut all = Vec::with_capacity(activity.len());
        for row in activity.rows() {
            let text = row.symbols();
            let mut actor = people.number(activity, text.user);
            let target = people.number(activity, text.target);
            if actor.is_none() && target.is_none() {
                // Events that name nobody are one account's: that of the search they came from.
                actor = Some(people.of_text(&Untrusted::default()));
            }
            all.push(Fact {
                row: row.index(),
                at: row.at().timestamp_millis(),
                timed: !row.untimed(),
                actor,
                user: account(row.act(), actor, target),
                act: row.act(),
                lane: row.lane(),
                outcome: row.outcome(),
                signals: signals(row, tuning),
                point: row.point(),
                system: row.system(),
                country: countries.number(text),
                agent: agents.number(activity, text.agent),
                text,
            });
        }
        let mut of_user = vec![Vec::new(); people.names.len()];
        for (place, fact) in all.iter().enumerate() {
            if let Some(rows) = fact.user.and_then(|user| of_user.get_mut(user as usize)) {
                rows.push(place);
            }
        }
        Self {
            activity,
            all,
            of_user,
            names: people.names,
        }
    }

    /// Gives the name of a person.
    pub(super) fn name(&self, user: User) -> Option<&Untrusted> {
        self.names
            .get(user as usize)
            .filter(|name| !name.is_empty())
    }

    /// Gives the text of a number.
    pub(super) fn text(&self, sym: Sym) -> Option<&'a Untrusted> {
        self.activity.symbol(sym)
    }

    /// Gives the events of every person, oldest first.
    pub(super) fn each_user(&self) -> impl Iterator<Item = (User, impl Iterator<Item = &Fact>)> {
        (0..).zip(&self.of_user).map(|(user, places)| {
            let facts = places.iter().filter_map(|place| self.all.get(*place));
            (user, facts)
        })
    }
}

/// Tells whose account an event is about.
fn account(act: Option<Act>, actor: Option<User>, target: Option<User>) -> Option<User> {
    let is_change = matches!(
        act,
        Some(
            Act::MfaAdded
                | Act::MfaRemoved
                | Act::MfaReset
                | Act::PasswordChanged
                | Act::PasswordReset
                | Act::RecoveryChanged
                | Act::AccountCreated
                | Act::AccountEnabled
                | Act::AccountDisabled
                | Act::AccountDeleted
                | Act::SessionsRevoked
                | Act::Forwarding
                | Act::Delegate
                | Act::RoleGranted
                | Act::AccessKey
                | Act::RiskDetected
        )
    );
    if is_change {
        target.or(actor)
    } else {
        actor.or(target)
    }
}

fn signals(row: Row<'_>, tuning: &Tuning) -> Set<Signal> {
    let mut signals = row.signals();
    if let Some(system) = row.system() {
        if tuning.vpn_networks.contains(&system) {
            signals.insert(Signal::Vpn);
        }
        if tuning.hosting_networks.contains(&system) {
            signals.insert(Signal::Hosting);
        }
    }
    signals
}

/// Persons by the lower-case form of what names them.
struct People {
    names: Vec<Untrusted>,
    numbers: HashMap<String, User>,
    /// By number of a text: whose it is, for ids and names without a mail address.
    alias: Vec<Alias>,
    known: HashMap<[Sym; 3], Option<User>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alias {
    Nobody,
    One(User),
    Several,
}

impl People {
    fn of(activity: &Activity) -> Self {
        let mut people = Self {
            names: Vec::new(),
            numbers: HashMap::new(),
            alias: vec![Alias::Nobody; activity.symbol_count()],
            known: HashMap::new(),
        };
        let mut seen = std::collections::HashSet::new();
        for row in activity.rows() {
            let text = row.symbols();
            for party in [text.user, text.target] {
                if seen.insert(party) {
                    people.learn(activity, party);
                }
            }
        }
        people
    }

    /// Takes note of the mail address an id and a name belong to.
    fn learn(&mut self, activity: &Activity, [id, name, mail]: [Sym; 3]) {
        let Some(text) = address(activity, name, mail) else {
            return;
        };
        let user = self.of_text(text);
        for sym in [id, name] {
            if let Some(alias) = self.alias.get_mut(sym.number()).filter(|_| !sym.is_none()) {
                *alias = match *alias {
                    Alias::Nobody => Alias::One(user),
                    Alias::One(known) if known == user => Alias::One(user),
                    _ => Alias::Several,
                };
            }
        }
    }

    fn of_text(&mut self, text: &Untrusted) -> User {
        let key = text.raw().to_lowercase();
        if let Some(user) = self.numbers.get(&key) {
            return *user;
        }
        let user = User::try_from(self.names.len()).unwrap_or(User::MAX);
        self.names.push(text.clone());
        self.numbers.insert(key, user);
        user
    }

    fn number(&mut self, activity: &Activity, party: [Sym; 3]) -> Option<User> {
        if let Some(known) = self.known.get(&party) {
            return *known;
        }
        let [id, name, mail] = party;
        let alias = |sym: Sym| match self.alias.get(sym.number()) {
            Some(Alias::One(user)) if !sym.is_none() => Some(*user),
            _ => None,
        };
        let text = address(activity, name, mail);
        let found = match text {
            Some(text) => Some(self.of_text(text)),
            None => alias(id).or_else(|| alias(name)).or_else(|| {
                let text = activity.symbol(name).or_else(|| activity.symbol(id))?;
                Some(self.of_text(text))
            }),
        };
        self.known.insert(party, found);
        found
    }
}

/// Gives the mail address of a party; a login in its form is one.
fn address(activity: &Activity, name: Sym, mail: Sym) -> Option<&Untrusted> {
    activity.symbol(mail).or_else(|| {
        activity
            .symbol(name)
            .filter(|name| name.raw().contains('@'))
    })
}

/// Countries, whose names and codes are one where an event gave both.
struct Countries {
    code_of: HashMap<Sym, Sym>,
}

impl Countries {
    fn of(activity: &Activity) -> Self {
        let pairs = activity.rows().map(|row| row.symbols());
        let code_of = pairs
            .filter(|text| !text.country.is_none() && !text.country_iso.is_none())
            .map(|text| (text.country, text.country_iso))
            .collect();
        Self { code_of }
    }

    fn number(&self, text: Symbols) -> usize {
        if text.country_iso.is_none() {
            let known = self.code_of.get(&text.country);
            known.copied().unwrap_or(text.country).number()
        } else {
            text.country_iso.number()
        }
    }
}

/// Programs without their versions, which change every month without meaning anything.
struct Agents {
    numbers: HashMap<String, usize>,
    of_sym: Vec<Option<usize>>,
}

impl Agents {
    fn of(activity: &Activity) -> Self {
        Self {
            numbers: HashMap::new(),
            of_sym: vec![None; activity.symbol_count()],
        }
    }

    fn number(&mut self, activity: &Activity, sym: Sym) -> usize {
        let Some(text) = activity.symbol(sym) else {
            return 0;
        };
        if let Some(Some(known)) = self.of_sym.get(sym.number()) {
            return *known;
        }
        let plain = |c: &char| !c.is_ascii_digit() && !matches!(c, '.' | '_');
        let key: String = text.raw().chars().filter(plain).collect();
        let next = self.numbers.len() + 1;
        let number = *self.numbers.entry(key).or_insert(next);
        if let Some(slot) = self.of_sym.get_mut(sym.number()) {
            *slot = Some(number);
        }
        number
    }
}
