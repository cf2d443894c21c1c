//! The activity of the user: who it is, the alert, how the account stands, the lanes, the events.

mod events;
mod exported;
mod identity;
mod lanes;
mod summary;

use chrono::Duration;
use ratatui::layout::Rect;

pub(super) use self::identity::{factors, roles, sessions};

use super::layout::{below, narrowed};
use super::paint::{Canvas, Words};
use super::theme::Role;
use super::words;
use crate::app::local;
use crate::app::model::{Found, Layer, ListRow, Load, Model, OpenCase, Pane};
use crate::domain::case::Subject;
use crate::domain::freshness::clock_word;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Rows kept for the list of events before lanes without events are drawn.
const LIST_GOOD: u16 = 9;
/// Least rows kept for the list of events.
const LIST_LEAST: u16 = 5;

/// Gives what stands beside the title.
pub(super) fn facts(model: &Model) -> Words {
    let Some(open) = &model.open else {
        return Words::empty();
    };
    let pane = &open.activity;
    if pane.search == 0 {
        return Words::empty();
    }
    if pane.activity.is_empty() && pane.ended.is_none() {
        // Nothing is known yet: no counts.
        return Words::new(Role::Title, window(open));
    }
    let role = if pane.findings.is_empty() {
        Role::Title
    } else {
        Role::Finding
    };
    // What matters most comes first: where there is little room, the end is left out.
    if !pane.view.is_whole() {
        let mut words = Words::empty();
        if !pane.view.filter.is_empty() {
            let filter = Untrusted::new(pane.view.filter.to_string()).field();
            words = words
                .gap(Role::Key, safe!("/{:.24}", filter))
                .gap(Role::Title, summary::hits(model, open));
        }
        if let Some(span) = pane.view.span {
            let (from, until) = (clock_word(span.from), clock_word(span.until));
            words = words.gap(Role::Key, safe!("{} to {}", from, until));
        }
        let all = counted(pane.findings.len(), "finding", "findings");
        return words.gap(role, all).gap(Role::Title, window(open));
    }
    Words::new(role, counted(pane.findings.len(), "finding", "findings"))
        .gap(Role::Title, counted(pane.activity.len(), "event", "events"))
        .gap(Role::Title, window(open))
}

/// Says how long the window is.
fn window(open: &OpenCase) -> Safe {
    lanes::length_word(Duration::hours(i64::from(open.activity.window_hours)))
}

fn counted(count: usize, one: &'static str, many: &'static str) -> Safe {
    safe!("{} {}", count, if count == 1 { one } else { many })
}

/// Draws the pane.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Rect) {
    let Some(open) = &model.open else {
        let key = words::key_of_id(model, "open-case");
        let text = safe!("no case is open; {} opens the one under the cursor", key);
        canvas.text(narrowed(area, 2, 1), Role::Dim, &text);
        return;
    };
    let is_roomy = area.height >= 26;
    let top = narrowed(area, 1, 1);
    let line = if let Some(exported) = &model.exported {
        exported::draw(canvas, open, exported, top)
    } else {
        let mut line = identity::draw(canvas, model, open, top, is_roomy);
        line += identity::draw_alert(canvas, model, open, below(top, line), is_roomy);
        line += identity::draw_judgement(canvas, model, open, below(top, line));
        if area.height >= 18 {
            line += summary::draw(canvas, model, open, below(top, line), is_roomy);
        }
        line
    };
    let rest = below(area, line);
    let lanes = lanes::Lanes::of(model, open);
    let height = lanes.height(
        rest.height.saturating_sub(LIST_GOOD + 1),
        rest.height.saturating_sub(LIST_LEAST + 1),
    );
    let used = lanes.draw(
        canvas,
        narrowed(
            Rect {
                height: height.min(rest.height),
                ..rest
            },
            1,
            1,
        ),
    );
    let list = below(rest, used);
    let edge = Rect { height: 1, ..list };
    canvas.rule(edge, "─", "-", Role::Border);
    canvas.ends(
        narrowed(edge, 1, 1),
        0,
        cursor_time(model, open),
        list_state(model, open),
    );
    let mut list = below(list, 1);
    if let Some(Layer::EventFilter(typed)) = model.layers.last() {
        list = summary::draw_filter(canvas, model, open, typed, list);
    }
    // What was done here and which sources are silent is there without events too.
    if let Some((role, text)) = nothing(model, open) {
        let used = canvas.text(narrowed(list, 2, 1), role, &text);
        list = below(list, used);
    }
    events::draw(
        canvas,
        model,
        open,
        list,
        model.focus == Pane::Activity && model.layers.is_empty(),
    );
}

/// Says what time it was for the user at the row under the cursor.
fn cursor_time(model: &Model, open: &OpenCase) -> Words {
    let at = open.activity.cursor_time();
    match at.zip(local::zone(model, open)) {
        Some((at, (zone, _))) => Words::new(
            Role::Dim,
            safe!(
                " {} is {} their time ",
                clock_word(at),
                zone.day_and_clock(at)
            ),
        ),
        None => Words::empty(),
    }
}

/// Says in the rule above the list how the events stand: loading, failed, records that could not be read.
fn list_state(model: &Model, open: &OpenCase) -> Words {
    let pane = &open.activity;
    let mut words = Words::empty();
    let bad = pane.activity.faults.len();
    if bad > 0 {
        let mut told = counted(bad, "bad record", "bad records");
        let first = pane.activity.faults.first();
        if let Some(first) = first.filter(|_| model.exported.is_some()) {
            let (record, reason) = (first.record.field(), first.reason.line());
            told = safe!("{}: {}: {}", told, record, reason);
        }
        words = words.gap(Role::LevelWarning, told);
    }
    if let Some(since) = pane.loading.filter(|_| !pane.activity.is_empty()) {
        words = words.gap(
            Role::StatePending,
            safe!(
                "{} loaded{}, {} stops",
                pane.activity.len(),
                words::since(model, since),
                words::key_of_id(model, "stop-loading")
            ),
        );
    }
    if pane.fault.is_some() && !pane.activity.is_empty() {
        let age = pane.heard.map_or_else(Safe::default, |heard| {
            safe!(" {}", words::minutes(model.age(heard)))
        });
        words = words.gap(Role::SourceStale, safe!("SIEM STALE{}", age));
    }
    if words.is_empty() {
        words
    } else {
        Words::new(Role::Text, " ")
            .chain(words)
            .add(Role::Text, " ")
    }
}

/// Says why there is no list, if there is none.
fn nothing(model: &Model, open: &OpenCase) -> Option<(Role, Safe)> {
    let pane = &open.activity;
    if !pane.activity.is_empty() {
        let has_event = || pane.rows.iter().any(|row| matches!(row, ListRow::Event(_)));
        let is_empty = !pane.view.is_whole() && !has_event();
        let all = counted(pane.activity.len(), "event", "events");
        let read = if model.exported.is_some() {
            ""
        } else {
            " loaded"
        };
        let text = safe!("none of {}{} is seen like this; Esc goes back", all, read);
        return is_empty.then_some((Role::Dim, text));
    }
    if let Some(fault) = &pane.fault {
        let hint = fault
            .hint
            .as_ref()
            .map_or_else(Safe::default, |hint| safe!("; {}", hint));
        return Some((
            Role::LevelError,
            safe!("no data from the SIEM: {}{}", fault.what, hint),
        ));
    }
    if let Some(since) = pane.loading {
        return Some((
            Role::Dim,
            safe!("asking the SIEM{}", words::since(model, since)),
        ));
    }
    if model.exported.is_some() {
        return Some((Role::Dim, "no event in the files fits".into()));
    }
    if pane.ended.is_some() {
        return Some((
            Role::Dim,
            safe!(
                "the SIEM has no events of this user in the last {} hours",
                pane.window_hours
            ),
        ));
    }
    Some((Role::Dim, waiting_for(open)))
}

/// Says what the search waits for.
fn waiting_for(open: &OpenCase) -> Safe {
    match (&open.file, &open.user, &open.subject, &open.account) {
        (Load::Failed(..), ..) => "no events: the case could not be read".into(),
        (Load::Idle | Load::Loading(_), ..) => "events come once the case is read".into(),
        (_, None, Subject::Several(_), _) => "events come once a user is chosen".into(),
        (_, None, ..) => "no events: the case names no user".into(),
        (.., Load::Ready(Found::Nobody, _)) => "no events: the account was not found".into(),
        (.., Load::Ready(Found::Several(_), _)) => "no events: the account is ambiguous".into(),
        _ => "no events asked for yet".into(),
    }
}
