//! The activity in numbers, the local time of the user, and the line a filter is typed into.
//!
//! What must not live here: counting (`domain::timeline::summary`).

use chrono::Datelike as _;
use ratatui::layout::Rect;

use super::counted;
use crate::app::local;
use crate::app::model::activity::asking::FilterLine;
use crate::app::model::{Model, OpenCase};
use crate::domain::freshness::{age_word, clock_word};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::layout::{below, narrowed};
use crate::ui::paint::{Canvas, Words};
use crate::ui::theme::Role;
use crate::ui::words;

/// How late records must be usually to be worth a word, in seconds.
const LATE: i64 = 60;

/// Draws what the events come to; gives the rows it took.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    open: &OpenCase,
    area: Rect,
    is_roomy: bool,
) -> u16 {
    let pane = &open.activity;
    if pane.activity.is_empty() {
        return 0;
    }
    // What fits is on the first line; where there is room, the rest is on the second.
    let width = usize::from(area.width);
    let mut lines = vec![Words::empty()];
    for piece in pieces(model, open) {
        let line = lines.last().map_or(0, Words::width);
        if line > 0 && line + 2 + piece.width() > width {
            if !is_roomy || lines.len() == 2 {
                continue;
            }
            lines.push(Words::empty());
        }
        if let Some(line) = lines.last_mut() {
            let gap = if line.is_empty() { "" } else { "  " };
            *line = std::mem::take(line).add(Role::Text, gap).chain(piece);
        }
    }
    let mut used = 0;
    for line in lines {
        canvas.row(area, used, line);
        used += 1;
    }
    used
}

/// Gives what there is to say, what matters most first.
fn pieces(model: &Model, open: &OpenCase) -> Vec<Words> {
    let summary = &open.activity.summary;
    let counts = [
        (
            summary.addresses,
            counted(summary.addresses, "address", "addresses"),
        ),
        (
            summary.countries,
            counted(summary.countries, "country", "countries"),
        ),
        (
            summary.devices,
            if summary.by_agent {
                counted(summary.devices, "program", "programs")
            } else {
                counted(summary.devices, "device", "devices")
            },
        ),
    ];
    let all = summary.signed_in + summary.failed;
    let (role, signed) = if summary.failed > 0 {
        (
            Role::LaneFailure,
            safe!("{} of {} sign-ins failed", summary.failed, all),
        )
    } else {
        (Role::Text, counted(all, "sign-in", "sign-ins"))
    };
    let mut pieces = vec![others(model, open), Words::new(role, signed)];
    // What nobody named is no count.
    let known = counts.into_iter().filter(|(count, _)| *count > 0);
    pieces.extend(known.map(|(_, text)| Words::new(Role::Text, text)));
    pieces.push(local_time(model, open));
    pieces.extend(delays(open));
    let day = |at: chrono::DateTime<chrono::Utc>| {
        safe!("{:02}-{:02} {}", at.month(), at.day(), clock_word(at))
    };
    if let (Some(first), Some(last)) = (summary.first, summary.last) {
        pieces.push(Words::new(
            Role::Dim,
            safe!("{} to {}", day(first), day(last)),
        ));
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Names others who acted on the account.
fn others(model: &Model, open: &OpenCase) -> Words {
    let others = &open.activity.summary.others;
    let Some((who, _)) = others.first() else {
        return Words::empty();
    };
    let count: usize = others.iter().map(|(_, count)| count).sum();
    let more = match others.len() {
        1 => Safe::default(),
        all => safe!(" and {} more", all - 1),
    };
    let key = words::key_of_id(model, "who-else");
    Words::new(
        Role::Change,
        safe!("{} by {}{}", count, words::login(who, 20), more),
    )
    .add(Role::Dim, safe!(" {}", key))
}

fn local_time(model: &Model, open: &OpenCase) -> Words {
    match local::zone(model, open) {
        Some((zone, who)) => Words::new(
            Role::Dim,
            safe!("{} {} {}", zone.name(), zone.offset(model.now.utc), who),
        ),
        None => Words::new(Role::Dim, "their time zone is not known"),
    }
}

/// Says which sources are late with their records.
fn delays(open: &OpenCase) -> Vec<Words> {
    let delays = open.activity.summary.delays.iter();
    let late = delays.filter(|(_, delay)| delay.usual.num_seconds() >= LATE);
    late.map(|(provider, delay)| {
        let usual = age_word(delay.usual.to_std().unwrap_or_default());
        Words::new(
            Role::LevelWarning,
            safe!("{} {} late", provider.field(), usual),
        )
    })
    .collect()
}

/// Draws the line a filter is typed into, and below it what is wrong, what completes it, or how many pass.
pub(super) fn draw_filter(
    canvas: &mut Canvas<'_>,
    model: &Model,
    open: &OpenCase,
    typed: &FilterLine,
    area: Rect,
) -> Rect {
    let line = narrowed(area, 1, 1);
    // The end of a long line is what is being typed.
    let room = usize::from(line.width).saturating_sub(3);
    let count = typed.line.chars().count();
    let shown: String = typed
        .line
        .chars()
        .skip(count.saturating_sub(room))
        .collect();
    let words = Words::new(Role::Key, "/")
        .add(Role::Input, Untrusted::new(shown).field())
        .add(Role::Input, canvas.sign("▏", "_"));
    canvas.row(line, 0, words);
    let next = below(line, 1);
    if let Some(fault) = &typed.fault {
        let two = Rect {
            height: next.height.min(2),
            ..next
        };
        let used = canvas.text(two, Role::LevelError, &fault.line());
        return below(area, 1 + used);
    }
    let under = if typed.options.len() > 1 {
        let all = typed.options.len() - 1;
        let place = match typed.option {
            0 => "as typed".into(),
            place => safe!("{} of {}", place, all),
        };
        Words::new(Role::Dim, safe!("Tab: {}", place)).gap(Role::Text, hits(model, open))
    } else if typed.esc {
        Words::new(Role::LevelWarning, "Esc again: as before")
    } else {
        Words::new(Role::Text, hits(model, open)).gap(Role::Dim, "Tab completes")
    };
    let under = match unseen(model, open) {
        Some((role, text)) => under.gap(role, text),
        None => under,
    };
    canvas.row(next, 0, under);
    below(area, 2)
}

/// Says how many events pass, and of how many: of the SIEM's those that are loaded, no others.
pub(super) fn hits(model: &Model, open: &OpenCase) -> Safe {
    let pane = &open.activity;
    let read = if model.exported.is_some() {
        ""
    } else {
        " loaded"
    };
    safe!("{} of {}{}", pane.hits(), pane.activity.len(), read)
}

/// Says which events a filter cannot see, and what shows them.
fn unseen(model: &Model, open: &OpenCase) -> Option<(Role, Safe)> {
    let pane = &open.activity;
    if model.exported.is_some() {
        return None;
    }
    if pane.loading.is_some() {
        return Some((Role::StatePending, "more are coming".into()));
    }
    let (role, what, key) = if pane.ended.is_some_and(|end| end.truncated) {
        (Role::LevelWarning, "not the older ones", "next-slice")
    } else {
        (Role::Dim, "not before the window", "window")
    };
    let key = words::key_of_id(model, key);
    Some((role, safe!("{}: {}", what, key)))
}
