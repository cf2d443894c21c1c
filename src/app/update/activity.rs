//! What the keys of the activity pane do: the part of the window that is seen, slices, and what the world answers.
//!
//! What must not live here: the filter's line (`filter`), pivots (`pivot`), what is said of events (`saying`).

mod filter;
mod pivot;
mod saying;

use chrono::Duration;

use super::open_case;
use super::panes::write;
use super::world::events_changed;
use crate::app::deeds;
use crate::app::effect::{Effect, Search};
use crate::app::message::{Level, SearchEnd};
use crate::app::model::activity::asking::EventText;
use crate::app::model::activity::{SourceSeen, View};
use crate::app::model::{ActivityPane, Model, OpenCase, Purpose};
use crate::config::settings::Role;
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::domain::timeline::filter::Filter;
use crate::safe;

pub(super) use filter::{begin as begin_filter, key as filter_key};
pub(super) use pivot::{answered, begin as begin_pivot, chosen};
pub(super) use saying::{add, mark, note, post, said, tag, withdraw};

/// Most events that are kept of one case, however many slices are loaded.
const EVENTS_MAX: usize = 1_000_000;

/// Longest window, in hours.
const WINDOW_MAX: u32 = 720;

fn pane(model: &mut Model) -> Option<&mut ActivityPane> {
    Some(&mut model.open.as_mut()?.activity)
}

/// Looks at half as much of the window around the cursor, or at twice as much.
pub(super) fn zoom(model: &mut Model, closer: bool) {
    let now = model.now.utc;
    let Some(pane) = pane(model) else { return };
    let filter = pane.view.filter.clone();
    let span = pane.zoomed(closer, now);
    if !closer || span.is_some() {
        pane.look_at(View { filter, span });
    }
}

/// Looks at what others than the account did to it.
pub(super) fn who_else(model: &mut Model) {
    let Some(pane) = pane(model) else { return };
    if pane.summary.others.is_empty() {
        let line = "nobody else acted on the account in what is loaded";
        model.say(Level::Info, line, None);
        return;
    }
    // A filter that is written here reads.
    let filter = Filter::parse("is:other").unwrap_or_default();
    pane.go_to(View { filter, span: None });
}

/// Asks how long the window is to be.
pub(super) fn ask_window(model: &mut Model) {
    if model.open.is_some() {
        write(model, Purpose::Event(Box::new(EventText::Window)));
    }
}

/// Searches a window of a length in words: `36h`, `10d`.
fn window(model: &mut Model, text: &Untrusted) -> Vec<Effect> {
    let word = text.raw().trim();
    let hours = match word.strip_suffix(['d', 'D']) {
        Some(days) => days
            .trim()
            .parse()
            .ok()
            .and_then(|d: u32| d.checked_mul(24)),
        None => word.trim_end_matches(['h', 'H', ' ']).parse().ok(),
    };
    let Some(hours) = hours.filter(|hours| (1..=WINDOW_MAX).contains(hours)) else {
        let line = safe!("{} is no window of 1 to {} hours", text.field(), WINDOW_MAX);
        model.say(Level::Warning, line, None);
        return Vec::new();
    };
    open_case::search(model, hours)
}

/// Loads the events before the oldest one, where the SIEM has more than were loaded.
pub(super) fn next_slice(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    let limit = model.settings.timeline.max_events;
    let Some(open) = &mut model.open else {
        return Vec::new();
    };
    let pane = &mut open.activity;
    let is_cut = pane.ended.is_some_and(|end| end.truncated);
    let oldest = pane.activity.rows().find(|row| !row.untimed());
    let line = match oldest.map(|row| row.at()) {
        _ if pane.slicing.is_some() => "the next slice is being loaded",
        _ if !is_cut => "everything the SIEM has in this window is loaded",
        _ if pane.activity.len() + limit > EVENTS_MAX => {
            "no more events fit; choose a shorter window"
        }
        None => "there is no event to go on from",
        Some(oldest) => {
            pane.slicing = Some(now);
            let search = Search {
                number: pane.search,
                account: open.the_account().map(|account| account.id.clone()),
                names: open.activity.names.clone(),
                since: open.activity.since.unwrap_or(oldest),
                window_hours: open.activity.window_hours,
                limit,
            };
            // Others may have happened in the same millisecond; doubles are dropped.
            let until = oldest.checked_add_signed(Duration::milliseconds(1));
            let until = until.unwrap_or(oldest);
            return vec![Effect::SearchOlder { search, until }];
        }
    };
    model.say(Level::Info, line, None);
    Vec::new()
}

/// Takes the end of a slice.
pub(super) fn slice_ended(
    model: &mut Model,
    search: u64,
    result: Result<SearchEnd, Fault>,
) -> Vec<Effect> {
    let Some(pane) = pane(model).filter(|pane| pane.search == search) else {
        return Vec::new();
    };
    pane.slicing = None;
    match result {
        Ok(end) => {
            pane.slices += 1;
            if let Some(ended) = &mut pane.ended {
                ended.truncated = end.truncated;
                ended.events += end.events;
            }
        }
        Err(fault) => model.say(Level::Error, fault.what, fault.hint),
    }
    super::alerts::join(model);
    events_changed(model)
}

/// Takes what the SIEM says of its sources.
pub(super) fn sources_seen(
    model: &mut Model,
    search: u64,
    result: Result<Vec<SourceSeen>, Fault>,
) -> Vec<Effect> {
    let now = model.now.utc;
    let siem = model
        .settings
        .connections
        .iter()
        .find(|one| one.roles.contains(&Role::Activity));
    let silent = siem.and_then(|siem| Duration::from_std(siem.silent).ok());
    let Some(pane) = pane(model).filter(|pane| pane.search == search) else {
        return Vec::new();
    };
    match result {
        Ok(sources) => {
            let is_silent = |at| silent.is_some_and(|silent| now - at > silent);
            pane.unheard = sources
                .iter()
                .filter(|source| source.at.is_none_or(is_silent))
                .cloned()
                .collect();
            pane.sources = sources;
        }
        Err(fault) => model.say(Level::Warning, fault.what, fault.hint),
    }
    events_changed(model)
}

/// Brings what the records say of the case into the pane, before its rows are laid out.
pub(super) fn bring_records(model: &mut Model) {
    let Some(open) = &model.open else { return };
    let deeds = deeds::of_open(model, open);
    let work = model.casework.case(&open.id);
    let (dismissed, said) = work.map_or_else(Default::default, |work| {
        (work.dismissed.clone(), work.annotations.clone())
    });
    if let Some(pane) = pane(model) {
        pane.dismissed = dismissed;
        pane.said = said;
        pane.deeds = deeds;
    }
}

/// Gives every name the user of a case is known by: the one in the case first.
pub(super) fn names(open: &OpenCase) -> Vec<Untrusted> {
    let account = open.the_account();
    let more = account.into_iter().flat_map(|account| {
        [
            Some(account.login.clone()),
            account.mail.clone(),
            Some(account.id.raw().into()),
        ]
    });
    let mut names: Vec<Untrusted> = Vec::new();
    for name in std::iter::once(open.user.clone()).chain(more).flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
