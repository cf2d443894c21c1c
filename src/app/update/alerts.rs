//! Alerts of the identity provider: told when they are new, and put among the events of the account they are about.

use super::world::events_changed;
use crate::app::alerts::{self, Change, concerns};
use crate::app::effect::Effect;
use crate::app::message::{AlertsRead, Level, NoAlerts};
use crate::app::model::Model;
use crate::domain::case::Alert;
use crate::domain::ids::ConnectionName;
use crate::domain::text::Safe;
use crate::safe;

/// Takes what was read.
pub(super) fn read(
    model: &mut Model,
    source: &ConnectionName,
    result: Result<AlertsRead, NoAlerts>,
) -> Vec<Effect> {
    let Some(label) = model.sources.iter().find(|known| known.name == *source) else {
        return Vec::new();
    };
    let label = label.label.clone();
    let Change {
        fresh,
        failed,
        again,
    } = model.alerts.take(source, result);
    if let Some(fault) = failed {
        let line = safe!("{}: alerts could not be read: {}", label, fault.what);
        model.say(Level::Warning, line, fault.hint);
    }
    if again {
        let line = safe!("{}: alerts can be read again", label);
        model.say(Level::Info, line, None);
    }
    tell(model, &label, &fresh);
    if join(model) {
        events_changed(model)
    } else {
        Vec::new()
    }
}

/// Says what is new: of the open account as a warning, of others in one line.
fn tell(model: &mut Model, label: &Safe, fresh: &[Alert]) {
    let account = model.open.as_ref().and_then(|open| open.the_account());
    let is_its = |alert: &&Alert| account.is_some_and(|account| concerns(alert, account));
    let (its, others): (Vec<&Alert>, Vec<&Alert>) = fresh.iter().partition(is_its);
    for (level, all) in [(Level::Info, others), (Level::Warning, its)] {
        let Some(first) = all.first() else { continue };
        let about = first
            .user_name
            .as_ref()
            .map_or_else(Safe::default, |user| safe!(", {}", user.field()));
        let title = first.title.field();
        let line = match all.len() {
            1 => safe!("{}: new alert: {}{}", label, title, about),
            many => safe!("{}: {} new alerts, such as {}{}", label, many, title, about),
        };
        model.say(level, line, None);
    }
}

/// Puts the alerts about the open account among its events, as far as the window reaches and what was loaded of it;
/// tells whether there were any that were not there.
pub(super) fn join(model: &mut Model) -> bool {
    let events = alerts::events(model);
    let Some(open) = &mut model.open else {
        return false;
    };
    let pane = &mut open.activity;
    let (Some(ended), Some(since)) = (pane.ended, pane.since) else {
        return false;
    };
    // Older events are gone on with from the oldest one: an alert from before it would hide those between.
    let oldest = pane.activity.rows().find(|row| !row.untimed());
    let from = match oldest {
        Some(oldest) if ended.truncated => oldest.at(),
        _ => since,
    };
    let within = events.into_iter().filter(|event| event.at >= from);
    pane.activity.merge(within) > 0
}
