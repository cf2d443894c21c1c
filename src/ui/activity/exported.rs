//! The lines above the lanes where exported logs are shown: which files, of whom, and what they speak for.

use chrono::{DateTime, Utc};
use ratatui::layout::Rect;

use crate::app::model::{ActivityPane, Exported, OpenCase};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::Row;
use crate::safe;
use crate::ui::layout::below;
use crate::ui::paint::{Canvas, Words};
use crate::ui::theme::Role;

/// Draws them; gives the rows they took. What does not fit beside another gets a row of its own: nothing is cut.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    open: &OpenCase,
    exported: &Exported,
    area: Rect,
) -> u16 {
    let pane = &open.activity;
    let span = span(pane, exported);
    let mut line = beside(
        canvas,
        area,
        &exported.files,
        Words::empty().gap(Role::Dim, span),
    );
    let who = match &exported.user {
        Some(user) => user.ident(),
        None => "all users".into(),
    };
    let mut verdict = Words::empty();
    let untimed = pane.activity.rows().take_while(Row::untimed).count();
    if untimed > 0 {
        verdict = verdict.gap(Role::LevelWarning, safe!("{} without a time", untimed));
    }
    if let Some(proposal) = pane.proposal().filter(|_| exported.user.is_some()) {
        verdict = verdict
            .gap(Role::Dim, "likelihood proposed ")
            .add(Role::Strong, proposal.value.word())
            .add(Role::Dim, safe!(", {} points", proposal.points));
    }
    line += beside(canvas, below(area, line), &who, verdict);
    line
}

/// Draws a text, and other words at the right end of its row, or below it where there is no room.
fn beside(canvas: &mut Canvas<'_>, area: Rect, text: &Safe, other: Words) -> u16 {
    if other.is_empty() {
        return canvas.text(area, Role::Strong, text);
    }
    if text.width() + other.width() + 2 <= usize::from(area.width) {
        canvas.ends(area, 0, Words::new(Role::Strong, text.clone()), other);
        return 1;
    }
    let used = canvas.text(area, Role::Strong, text);
    canvas.row(below(area, used), 0, other);
    used + 1
}

/// Says from when to when the log goes.
fn span(pane: &ActivityPane, exported: &Exported) -> Safe {
    let first = pane.activity.rows().find(|row| !row.untimed());
    let Some((first, last)) = first.map(|row| row.at()).zip(exported.ends) else {
        return Safe::default();
    };
    let minute =
        |at: DateTime<Utc>| Untrusted::new(at.format("%Y-%m-%d %H:%MZ").to_string()).field();
    safe!("{} to {}", minute(first), minute(last))
}
