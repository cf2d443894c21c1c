//! What identity providers raised alerts about, and which of it is about the open account.
//!
//! Alerts of a SIEM are not kept here: the case system makes cases of them, and shows them there.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

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
use crate::safe;

/// The alerts of every provider that lists some.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    of: BTreeMap<ConnectionName, Listed>,
}

/// The alerts of one provider.
#[derive(Clone, Debug, Default)]
struct Listed {
    alerts: Vec<Alert>,
    /// Whether there are more than were read.
    truncated: bool,
    /// How many records could not be read.
    faults: usize,
    /// When the newest one ever read was raised.
    newest: Option<DateTime<Utc>>,
    /// Whether they were read at least once.
    heard: bool,
    /// Why they could not be read last, if so.
    fault: Option<Fault>,
}

/// What a reading of alerts changed.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Those that were raised since the reading before; none of the first one.
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
                // Where a list is cut, an old one takes the place of each that is closed.
                let is_new = |alert: &&Alert| {
                    listed.newest.is_none_or(|newest| alert.at >= newest)
                        && listed.alerts.iter().all(|old| old.id != alert.id)
                };
                let fresh = if listed.heard {
                    read.alerts.iter().filter(is_new).cloned().collect()
                } else {
                    Vec::new()
                };
                let again = listed.fault.take().is_some() && listed.heard;
                let newest = read.alerts.iter().map(|alert| alert.at).max();
                listed.newest = listed.newest.max(newest);
                listed.alerts = read.alerts;
                listed.truncated = read.truncated;
                listed.faults = read.faults.len();
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

/// Says what is missing from the alerts that were read of the open account's provider, if anything.
pub fn missing(model: &Model) -> Option<Safe> {
    let (account, listed) = open(model)?;
    listed.missing(account)
}

impl Listed {
    fn missing(&self, account: &Account) -> Option<Safe> {
        let mut parts = Vec::new();
        if self.truncated {
            parts.push(safe!("only the newest {} were read", self.alerts.len()));
        }
        if self.faults > 0 {
            parts.push(safe!("{} not readable", self.faults));
        }
        // One that names more users than are kept may be about the account as well.
        let is_open = |alert: &&Alert| alert.users_left_out > 0 && !concerns(alert, account);
        let open = self.alerts.iter().filter(is_open).count();
        if open > 0 {
            parts.push(safe!("{} with more users than are kept", open));
        }
        (!parts.is_empty()).then(|| Safe::join(parts, &Safe::fixed(", ")))
    }
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
    if alert.sign_in && alert.severity >= Severity::High {
        signals.insert(Signal::RiskHigh);
    } else if alert.sign_in && alert.severity == Severity::Medium {
        signals.insert(Signal::RiskMedium);
    }
    // What has no act and stands among the sign-ins counts as one.
    let (lane, act) = if alert.sign_in {
        (Lane::SignIn, Some(Act::RiskDetected))
    } else {
        (Lane::Sensitive, None)
    };
    let told = alert.told.as_ref().map_or("", Untrusted::raw);
    Event {
        id: alert.id.clone(),
        at: alert.happened.unwrap_or(alert.at),
        lane,
        action: alert.title.clone(),
        act,
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;
    use crate::domain::case::RecordFault;
    use crate::domain::containment::samples;

    fn raised(number: usize) -> Alert {
        let minutes = i64::try_from(number).unwrap_or_default();
        Alert {
            id: Untrusted::new(number.to_string()),
            title: "Moon phase".into(),
            severity: Severity::High,
            at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes),
            ..Alert::default()
        }
    }

    /// Reads alerts by their numbers, of which the higher is the newer.
    fn read(alerts: &mut Alerts, numbers: &[usize], truncated: bool) -> Vec<String> {
        let read = AlertsRead {
            alerts: numbers.iter().map(|number| raised(*number)).collect(),
            faults: Vec::new(),
            truncated,
        };
        let change = alerts.take(&samples::connection(), Ok(read));
        let ids = change.fresh.iter().map(|alert| alert.id.raw().to_owned());
        ids.collect()
    }

    #[test]
    fn what_takes_the_place_of_a_closed_one_is_not_new() {
        let mut alerts = Alerts::default();
        assert!(read(&mut alerts, &[9, 8, 7], true).is_empty());
        assert!(read(&mut alerts, &[9, 7, 6], true).is_empty());
        assert!(
            read(&mut alerts, &[7, 6, 5], true).is_empty(),
            "the newest one was closed"
        );
        assert_eq!(read(&mut alerts, &[10, 7, 6], true), ["10"]);
        assert!(read(&mut alerts, &[], false).is_empty());
        assert!(
            read(&mut alerts, &[8], false).is_empty(),
            "it was opened again"
        );
        assert_eq!(read(&mut alerts, &[12, 11, 8], false), ["12", "11"]);
    }

    #[test]
    fn after_a_first_reading_without_any_all_are_new() {
        let mut alerts = Alerts::default();
        assert!(read(&mut alerts, &[], false).is_empty());
        assert_eq!(read(&mut alerts, &[1], false), ["1"]);
    }

    #[test]
    fn what_is_missing_from_a_list_is_said() {
        let source = samples::connection();
        let mut alerts = Alerts::default();
        let mut long = raised(2);
        long.users_left_out = 7;
        let mut own = raised(1);
        own.users_left_out = 7;
        own.user_name = Some(samples::account().login);
        let fault = RecordFault {
            record: "#0".into(),
            reason: "field alertId is not text".into(),
        };
        let missing = |alerts: &Alerts| {
            let listed = alerts.of.get(&source)?;
            let said = listed.missing(&samples::account())?;
            Some(said.to_string())
        };
        let all = AlertsRead {
            alerts: vec![long, own],
            faults: vec![fault],
            truncated: true,
        };
        alerts.take(&source, Ok(all));
        let said = "only the newest 2 were read, 1 not readable, 1 with more users than are kept";
        assert_eq!(missing(&alerts).as_deref(), Some(said));
        let failed = NoAlerts {
            fault: Fault::new("no answer in time"),
            refused: false,
        };
        alerts.take(&source, Err(failed));
        assert_eq!(
            missing(&alerts).as_deref(),
            Some(said),
            "what was read before stays as it is"
        );
        read(&mut alerts, &[3], false);
        assert_eq!(missing(&alerts), None);
    }

    #[rstest]
    #[case(true, Severity::High, Lane::SignIn, Some(Act::RiskDetected), &[Signal::RiskHigh])]
    #[case(true, Severity::Medium, Lane::SignIn, Some(Act::RiskDetected), &[Signal::RiskMedium])]
    #[case(true, Severity::Low, Lane::SignIn, Some(Act::RiskDetected), &[])]
    #[case(false, Severity::High, Lane::Sensitive, None, &[])]
    #[case(false, Severity::Medium, Lane::Sensitive, None, &[])]
    fn only_a_risky_sign_in_is_a_detected_risk(
        #[case] sign_in: bool,
        #[case] severity: Severity,
        #[case] lane: Lane,
        #[case] act: Option<Act>,
        #[case] signals: &[Signal],
    ) {
        let alert = Alert {
            severity,
            sign_in,
            ..raised(1)
        };
        let event = event(&alert, &samples::account(), None);
        assert_eq!((event.lane, event.act), (lane, act));
        assert_eq!(event.signals, Set::of(signals));
    }

    #[test]
    fn an_event_is_of_the_time_when_it_was_and_not_when_it_was_raised() {
        let mut alert = raised(20);
        let at = |alert: &Alert| event(alert, &samples::account(), None).at;
        assert_eq!(at(&alert), alert.at);
        let happened = alert.at - TimeDelta::minutes(12);
        alert.happened = Some(happened);
        assert_eq!(at(&alert), happened);
    }
}
