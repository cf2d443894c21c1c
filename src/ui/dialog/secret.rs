//! A new password or link, shown this once: for whom, how its action stands, and where it must not go.
//!
//! What must not live here: keeping it (`app`).

use ratatui::layout::Rect;

use super::{heading, inner_width, open_sheet};
use crate::app::message::Handed;
use crate::app::model::Model;
use crate::domain::one_time::OneTimeKind;
use crate::domain::text::Safe;
use crate::safe;
use crate::ui::paint::Canvas;
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 84;

/// Draws it.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, room: Rect, handed: &Handed) {
    let mut sheet = Sheet::new(inner_width(room, MOST));
    sheet.fact("for", Role::Strong, &handed.login.ident());
    if let Some(escaped) = handed.login.ident_escaped() {
        sheet.fact("", Role::Text, &escaped);
    }
    if let Some(action) = model.ledger.get(&handed.aid) {
        let role = words::state_role(action.state);
        sheet.fact("reset is", role, &action.state.word().into());
    }
    sheet.gap();
    sheet.text(0, Role::Strong, &handed.secret.shown());
    sheet.gap();
    let use_of_it: Safe = match handed.secret.kind() {
        OneTimeKind::Password => {
            "It works for one sign-in, which asks for another password.".into()
        }
        OneTimeKind::Link => "Whoever opens it first chooses the new password.".into(),
    };
    sheet.text(0, Role::Text, &use_of_it);
    let text = "Hand it over by voice or in person, to somebody you know it is: never by mail or chat, where the attacker \
                may read. It is in no log, no case and no file; closed, it is gone.";
    sheet.text(0, Role::LevelWarning, &text.into());
    let title = heading(safe!("The {}, this once", handed.secret.kind().word()));
    open_sheet(canvas, room, title, &sheet, MOST, 0);
}
