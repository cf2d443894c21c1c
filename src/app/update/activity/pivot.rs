//! From the values of one event to what has the same: events of the user, the minutes around, other users.
//!
//! What must not live here: searching (`engine::search`).

use chrono::Duration;

use super::pane;
use crate::app::effect::{Effect, SourceSearch};
use crate::app::message::Level;
use crate::app::model::activity::asking::{Pivot, PivotRow, Trace};
use crate::app::model::activity::{Span, View};
use crate::app::model::{Layer, Model};
use crate::app::trace;
use crate::domain::fault::Fault;
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::{Activity, Event, Row};
use crate::domain::timeline::filter::{Field, Filter, Term};
use crate::safe;

/// How many minutes before and after an event can be looked at.
const AROUND: [i64; 3] = [5, 30, 120];

/// Most events of others that are asked for.
const ACROSS_MAX: usize = 2_000;

/// Lists what can be looked at from the event under the cursor.
pub(in crate::app::update) fn begin(model: &mut Model) {
    let Some(pane) = pane(model) else { return };
    let event = pane
        .cursor_event()
        .and_then(|index| pane.activity.row(index));
    let rows = event
        .map(|row| rows(&pane.activity, row))
        .unwrap_or_default();
    if rows.is_empty() {
        model.say(Level::Info, "no event under the cursor", None);
    } else {
        model.layers.push(Layer::Pivot { rows, cursor: 0 });
    }
}

fn rows(activity: &Activity, row: Row<'_>) -> Vec<PivotRow> {
    let user = row.user();
    let target = row.target();
    let place = row.city().or(row.country());
    let values: [(&'static str, Field, Option<&Untrusted>); 10] = [
        ("address", Field::Ip, row.ip()),
        ("device", Field::Device, row.device()),
        ("user agent", Field::Agent, row.agent()),
        ("user", Field::User, user.best()),
        ("done to", Field::User, target.best()),
        ("session", Field::Session, row.session()),
        ("place", Field::Place, place),
        ("object", Field::Object, row.object()),
        ("action", Field::Action, row.action()),
        ("provider", Field::Provider, row.provider()),
    ];
    let mut rows: Vec<PivotRow> = Vec::new();
    for (label, field, value) in values {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue;
        };
        let term = Term::whole(field, value.raw());
        let pivot = Pivot::Same(term.clone());
        if rows.iter().any(|row| row.pivot == pivot) {
            continue;
        }
        let filter = Filter { terms: vec![term] };
        let count = activity.select(&filter, crate::domain::timeline::activity::Known::default());
        rows.push(PivotRow {
            pivot,
            label,
            value: value.field(),
            count: Some(count.len()),
        });
    }
    if !row.untimed() {
        rows.extend(AROUND.map(|minutes| {
            let each = Duration::minutes(minutes);
            let span = Span::around(row.at(), each);
            let first = activity.first_at_or_after(span.from);
            let last = activity.first_at_or_after(span.until);
            PivotRow {
                pivot: Pivot::Around(each),
                label: "around",
                value: safe!("{} minutes before and after", minutes),
                count: Some(last.saturating_sub(first)),
            }
        }));
    }
    let across = [
        row.ip().cloned().map(Trace::Address),
        row.device().cloned().map(Trace::Device),
    ];
    rows.extend(across.into_iter().flatten().map(|trace| PivotRow {
        label: "other users",
        value: safe!("from {} {}", trace.word(), trace.value().field()),
        pivot: Pivot::Across(trace),
        count: None,
    }));
    rows
}

/// Looks at what was chosen; Esc comes back to the event.
pub(in crate::app::update) fn chosen(model: &mut Model, row: &PivotRow) -> Vec<Effect> {
    let trace = match &row.pivot {
        Pivot::Same(term) => {
            let Some(pane) = pane(model) else {
                return Vec::new();
            };
            let terms = vec![term.clone()];
            pane.go_to(View {
                filter: Filter { terms },
                span: None,
            });
            return Vec::new();
        }
        Pivot::Around(each) => {
            let Some(pane) = pane(model) else {
                return Vec::new();
            };
            if let Some(at) = pane.cursor_time() {
                pane.go_to(View {
                    filter: Filter::default(),
                    span: Some(Span::around(at, *each)),
                });
            }
            return Vec::new();
        }
        Pivot::Across(trace) => trace.clone(),
    };
    let now = model.now.utc;
    model.last_search += 1;
    let number = model.last_search;
    let Some(pane) = pane(model) else {
        return Vec::new();
    };
    let title = safe!("Users from {} {}", trace.word(), trace.value().field());
    pane.asked = Some((number, title.clone()));
    let since = pane.since.unwrap_or(now);
    model.layers.push(Layer::Reading {
        title,
        text: "asking the SIEM; Esc goes back".into(),
        scroll: 0,
    });
    vec![Effect::SearchSource(SourceSearch {
        number,
        trace,
        since,
        limit: ACROSS_MAX,
    })]
}

/// Shows what others did from an address or a device, unless the analyst went on.
pub(in crate::app::update) fn answered(
    model: &mut Model,
    number: u64,
    of: &Trace,
    result: Result<(Vec<Event>, bool), Fault>,
) {
    let Some(open) = &mut model.open else { return };
    let pane = &mut open.activity;
    let Some((_, title)) = pane.asked.take_if(|(asked, _)| *asked == number) else {
        return;
    };
    let answer = trace::told(pane, of, result);
    if let Some(Layer::Reading {
        title: shown, text, ..
    }) = model.layers.last_mut()
        && *shown == title
    {
        *text = answer;
    }
}
