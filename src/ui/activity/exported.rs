//! The lines above the lanes where exported logs are shown: which files, of whom, and what they speak for.

use ratatui::layout::Rect;

use crate::app::model::{Exported, OpenCase};
use crate::domain::text::Untrusted;
use crate::domain::timeline::activity::Row;
use crate::safe;
use crate::ui::layout::below;
use crate::ui::paint::{Canvas, Words};
use crate::ui::theme::Role;

/// Draws them; gives the rows they took.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    open: &OpenCase,
    exported: &Exported,
    area: Rect,
) -> u16 {
    let pane = &open.activity;
    let who = match &exported.user {
        Some(user) => Words::new(Role::Strong, user.ident()),
        None => Words::new(Role::Strong, "all users"),
    };
    let used = canvas.text(area, Role::Text, &exported.files);
    let mut line = who;
    let first = pane.activity.rows().find(|row| !row.untimed());
    if let Some((first, last)) = first.map(|row| row.at()).zip(exported.ends) {
        line = line.gap(
            Role::Text,
            safe!(
                "{} to {}",
                Untrusted::new(first.format("%Y-%m-%d %H:%MZ").to_string()).field(),
                Untrusted::new(last.format("%Y-%m-%d %H:%MZ").to_string()).field()
            ),
        );
    }
    let untimed = pane.activity.rows().take_while(Row::untimed).count();
    if untimed > 0 {
        line = line.gap(Role::LevelWarning, safe!("{} without a time", untimed));
    }
    let proposal = pane.proposal().filter(|_| exported.user.is_some());
    let verdict = proposal.map_or_else(Words::empty, |proposal| {
        Words::new(Role::Dim, "likelihood proposed ")
            .add(Role::Strong, proposal.value.word())
            .add(Role::Dim, safe!(", {} points", proposal.points))
    });
    canvas.ends(below(area, used), 0, line, verdict);
    used + 1
}
