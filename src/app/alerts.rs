//! What identity providers raised alerts about, and which of it is about the open account.
//!
//! Alerts of a SIEM are not kept here: the case system makes cases of them, and shows them there.

use std::collections::BTreeMap;

use super::message::{AlertsRead, NoAlerts};
use super::model::Model;
use crate::config::settings::Connection;
use crate::domain::account::Account;
use crate::domain::case::Alert;
use crate::domain::fault::Fault;
use crate::domain::ids::ConnectionName;
use crate::domain::severity::Severity;
use crate::domain::text::{Excerpt, Safe, Untrusted};
use crate::domain::timeline::event::{Act, Category, Event, Kind, Party, Set, Signal};
use crate::domain::timeline::lane::Lane;

/// The alerts of every provider that lists some.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    of: BTreeMap<ConnectionName, Listed>,
}

/// The alerts of one provider.
#[derive(Clone, Debug, Default)]
struct Listed {
    alerts: Vec<Alert>,
    /// Whether they were read at least once.
    heard: bool,
    /// Why they could not be read last, if so.
    fault: Option<Fault>,
}

/// What a reading of alerts changed.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Those that were not there before; none of the first reading.
    pub fresh: Vec<Alert>,
    /// A failure that is new.
    pub failed: Option<Fault>,
    /// Whether they can be read again.
    pub again: bool,
}

impl Alerts {
    /// Takes what a provider said; what was read before stays where it fails.
    pub fn take(
        &mut self,
        source: &ConnectionName,
        result: Result<AlertsRead, NoAlerts>,
    ) -> Change {
        let listed = self.of.entry(source.clone()).or_default();
        match result {
            Ok(read) => {
                let is_new = |alert: &&Alert| listed.alerts.iter().all(|old| old.id != alert.id);
                let fresh = if listed.heard {
                    read.alerts.iter().filter(is_new).cloned().collect()
                } else {
                    Vec::new()
                };
                let again = listed.fault.take().is_some() && listed.heard;
                listed.alerts = read.alerts;
                listed.heard = true;
                Change {
                    fresh,
                    failed: None,
                    again,
                }
            }
            Err(NoAlerts { fault, refused }) => {
                let is_first = listed.fault.is_none();
                listed.fault = Some(fault.clone());
                Change {
                    failed: Some(fault).filter(|_| is_first && !refused),
                    ..Change::default()
                }
            }
        }
    }
}

/// Tells whether an alert is about an account, by one of the names that lead to it.
pub fn concerns(alert: &Alert, account: &Account) -> bool {
    let is_its = |name: &Untrusted| {
        let own = [Some(&account.login), account.mail.as_ref()];
        let mut own = own.into_iter().flatten().chain(&account.aliases);
        own.any(|known| known.raw().eq_ignore_ascii_case(name.raw()))
    };
    let by_id = alert.user_id.as_ref();
    by_id.is_some_and(|id| id.raw() == account.id.raw())
        || alert.user_name.iter().chain(&alert.also).any(is_its)
}

/// Gives the account of the open case and what its provider lists.
fn open(model: &Model) -> Option<(&Account, &Listed)> {
    let account = model.open.as_ref()?.the_account()?;
    Some((account, model.alerts.of.get(&account.id.connection)?))
}

/// Lists what the provider of the open account raised about it, the most severe first, of these the newest.
pub fn of_open(model: &Model) -> Vec<&Alert> {
    let Some((account, listed)) = open(model) else {
        return Vec::new();
    };
    let all = listed.alerts.iter();
    let mut all: Vec<&Alert> = all.filter(|alert| concerns(alert, account)).collect();
    all.sort_by_key(|alert| std::cmp::Reverse((alert.severity, alert.at)));
    all
}

/// Gives why the alerts of the open account's provider could not be read last, if so.
pub fn unread(model: &Model) -> Option<&Fault> {
    open(model)?.1.fault.as_ref()
}

fn provider(model: &Model) -> Option<&Connection> {
    let account = model.open.as_ref()?.the_account()?;
    let mut all = model.settings.connections.iter();
    all.find(|one| one.name == account.id.connection)
}

/// Gives the name of the open account's provider.
pub fn by(model: &Model) -> Safe {
    provider(model).map_or_else(Safe::default, |one| one.vendor.word().into())
}

/// Gives the alerts about the open account as events of its activity: raised by the provider, about the account.
pub fn events(model: &Model) -> Vec<Event> {
    let Some((account, _)) = open(model) else {
        return Vec::new();
    };
    let by = provider(model).map(|one| one.vendor.word().to_lowercase());
    let by = by.map(Untrusted::new);
    let event = |alert: &&Alert| event(alert, account, by.clone());
    of_open(model).iter().map(event).collect()
}

fn event(alert: &Alert, account: &Account, by: Option<Untrusted>) -> Event {
    let mut signals = Set::default();
    if alert.severity >= Severity::High {
        signals.insert(Signal::RiskHigh);
    } else if alert.severity == Severity::Medium {
        signals.insert(Signal::RiskMedium);
    }
    let told = alert.told.as_ref().map_or("", Untrusted::raw);
    Event {
        id: alert.id.clone(),
        at: alert.at,
        lane: Lane::SignIn,
        action: alert.title.clone(),
        act: Some(Act::RiskDetected),
        category: Set::of(&[Category::Threat]),
        kind: Set::of(&[Kind::Info]),
        target: Party {
            id: Some(account.id.raw().into()),
            name: Some(account.login.clone()),
            email: account.mail.clone(),
        },
        ip: alert.source_ip.clone(),
        provider: by,
        object: alert.threat.clone(),
        reason: alert.status.clone(),
        signals,
        raw: Excerpt::new(format!("{} {told}", alert.title.raw())),
        ..Event::default()
    }
}
