//! Everything contained: four lines an account.

use ratatui::layout::Rect;

use super::{heading, open_box};
use crate::app::model::Model;
use crate::app::model::contained::{Contained, rows};
use crate::domain::containment::hold::Stage;
use crate::domain::containment::standing::Standing;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::layout::{below, first_row};
use crate::ui::paint::{Canvas, Words};
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 112;

/// Lines of one account, the empty one included.
const LINES: u16 = 5;

/// Draws the list.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, room: Rect, cursor: usize) {
    let all = rows(model);
    let lines = u16::try_from(all.len())
        .unwrap_or(u16::MAX)
        .saturating_mul(LINES);
    let height = lines.saturating_add(1).max(4).min(room.height);
    let inside = open_box(
        canvas,
        room,
        (room.width.min(MOST), height),
        heading("Contained accounts"),
        Words::new(Role::Dim, safe!("{}", all.len())),
    );
    if all.is_empty() {
        let text = "No account is contained by this log.";
        canvas.row(inside, 0, Words::new(Role::StateProven, text));
        let text = "What other hosts did stands in their cases.";
        canvas.row(inside, 1, Words::new(Role::Dim, text));
        return;
    }
    let seen = usize::from(((inside.height + 1) / LINES).max(1));
    let first = first_row(cursor, all.len(), seen);
    for (place, (index, row)) in (0u16..).zip(all.iter().enumerate().skip(first).take(seen)) {
        let area = below(inside, place * LINES);
        draw_row(canvas, model, area, row, index == cursor);
    }
}

fn draw_row(
    canvas: &mut Canvas<'_>,
    model: &Model,
    area: Rect,
    row: &Contained<'_>,
    is_cursor: bool,
) {
    let Some(act) = row.act() else { return };
    let head = words::gutter(canvas, is_cursor, true).add(
        words::lead_role(is_cursor, true, Role::Strong),
        act.login.ident(),
    );
    canvas.ends(area, 0, head, end(model, row));
    let role = match row.standing {
        Standing::Contained { .. } => Role::StateProven,
        _ => Role::StateUnknown,
    };
    let word = match row.standing {
        Standing::Partly { missing, .. } => {
            safe!(
                "partly: {}",
                Safe::join(missing.iter().cloned(), &Safe::fixed(", "))
            )
        }
        whole => whole.word(),
    };
    let word = Words::new(Role::Text, "  ").add(role, word);
    canvas.row(area, 1, word);
    let proven: Vec<Safe> = row
        .acts
        .iter()
        .map(|act| safe!("{} {}", act.kind.word(), act.state.word()))
        .collect();
    let proven = Safe::join(proven, &Safe::fixed(", "));
    canvas.row(area, 2, Words::new(Role::Text, "  ").add(Role::Dim, proven));
    let since = row
        .standing
        .since()
        .map(|at| {
            safe!(
                "since {} by {}",
                crate::domain::freshness::time_word(at),
                act.user.field()
            )
        })
        .unwrap_or_default();
    let (watch_role, watch) = watch(model, row);
    let facts = Words::new(Role::Text, "  ")
        .add(Role::Dim, since)
        .gap(
            Role::Dim,
            safe!("case {}", words::case_name(model, &act.case)),
        )
        .gap(watch_role, watch);
    canvas.row(area, 3, facts);
}

/// Says until when, and for whom to decide.
fn end(model: &Model, row: &Contained<'_>) -> Words {
    let now = model.now.utc;
    let Some(hold) = row.hold else {
        return Words::new(Role::Dim, "no end was set");
    };
    let (role, word) = match hold.stage(now, model.settings.policy.hold.reminder) {
        Stage::Ended => (
            Role::LevelAlarm,
            safe!("ended {}: e, u or K", words::ago_word(hold.until, now)),
        ),
        Stage::Soon => (Role::LevelWarning, hold.word(now)),
        Stage::Running => (Role::Text, hold.word(now)),
    };
    Words::new(role, word).gap(Role::Dim, safe!("owner {}", hold.owner.field()))
}

fn watch(model: &Model, row: &Contained<'_>) -> (Role, Safe) {
    let Some(watch) = model.watch(row.account) else {
        return (Role::Dim, "not watched yet".into());
    };
    match &watch.fault {
        None => (
            Role::SourceOk,
            safe!("watched {}", words::ago_word(watch.looked, model.now.utc)),
        ),
        Some(fault) => (
            Role::LevelWarning,
            safe!(
                "watch fails: {}",
                Untrusted::new(fault.what.as_str()).line()
            ),
        ),
    }
}
