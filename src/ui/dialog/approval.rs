//! The second person's dialogs: who asks in this case, and the one answer.
//!
//! What is asked stands beside what this console read by itself: both have to be the same account.

use ratatui::layout::Rect;

use super::confirm::add_risk;
use super::{heading, inner_width, open_box};
use crate::app::approvals::{self, Standing};
use crate::app::model::Model;
use crate::domain::containment::approval::{Request, Say};
use crate::domain::containment::consent::{Consent, Focus};
use crate::domain::freshness::{clock_word, time_word};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::activity::roles;
use crate::ui::layout::{below, first_row};
use crate::ui::paint::{Canvas, Words, blanks};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 104;
/// Rows at the bottom that are always there: a rule, the field, the buttons, what the last key said.
const FOOT: u16 = 4;
/// Rows of one request in the list.
const ROWS: u16 = 3;

/// Draws the requests of the open case.
pub(super) fn list(canvas: &mut Canvas<'_>, model: &Model, room: Rect, cursor: usize) {
    let all = approvals::rows(model);
    let rows = u16::try_from(all.len().max(1)).unwrap_or(u16::MAX);
    let inside = open_box(
        canvas,
        room,
        (
            room.width.min(MOST),
            rows.saturating_mul(ROWS).saturating_add(2),
        ),
        heading("Approvals asked in this case"),
        Words::new(Role::Dim, safe!("{}", all.len())),
    );
    if all.is_empty() {
        canvas.row(inside, 0, Words::new(Role::Dim, "nobody asks"));
        return;
    }
    let seen = usize::from(inside.height / ROWS);
    let first = first_row(cursor, all.len(), seen);
    for (place, (index, request)) in (0u16..).zip(all.iter().enumerate().skip(first).take(seen)) {
        let area = below(inside, place * ROWS);
        let is_cursor = index == cursor;
        let (role, word) = word(model, request);
        let left = words::gutter(canvas, is_cursor, true)
            .add(
                words::lead_role(is_cursor, true, Role::Strong),
                request.ask.brief(),
            )
            .gap(role, word);
        canvas.row(area, 0, left);
        let who = Words::new(Role::Text, "  ")
            .add(Role::Text, request.ask.login.ident())
            .gap(
                Role::Dim,
                safe!("id {}", Untrusted::new(request.ask.target.as_str()).ident()),
            );
        canvas.row(area, 1, who);
        let by = safe!(
            "asked by {} at {}, until {}",
            request.by.field(),
            time_word(request.at),
            clock_word(request.expires())
        );
        canvas.row(area, 2, Words::new(Role::Text, "  ").add(Role::Dim, by));
    }
}

fn word(model: &Model, request: &Request) -> (Role, Safe) {
    match approvals::standing(model, request) {
        Standing::Open => (Role::LevelWarning, "waits for an answer".into()),
        Standing::Own => (Role::StatePending, "asked by you".into()),
        Standing::Edited => (Role::StateRefuted, "edited: does not count".into()),
        Standing::Expired => (Role::Dim, "expired".into()),
        Standing::Approved => (Role::Dim, "approved, by your own record".into()),
        Standing::Answered(say) => {
            let by = request.answer.as_ref().map(|(_, by)| by.field());
            let by = by.unwrap_or_default();
            match say {
                Say::Deny if request.after_yes => (
                    Role::LevelWarning,
                    safe!("{} after a yes, by {}", say.word(), by),
                ),
                Say::Deny => (Role::Dim, safe!("{} by {}", say.word(), by)),
                // The list is cut at its right side: what is not known comes first.
                Say::Approve => (
                    Role::StatePending,
                    safe!("a yes, not known whether it counts, by {}", by),
                ),
            }
        }
    }
}

/// Says that a request is being read anew.
pub(super) fn reading(canvas: &mut Canvas<'_>, room: Rect) {
    let size = (room.width.min(72), 4);
    let inside = open_box(canvas, room, size, heading("Approval"), Words::empty());
    let text = "reading the request and its account anew; nothing is answered";
    canvas.row(inside, 0, Words::new(Role::Dim, text));
    canvas.row(
        inside,
        1,
        Words::new(Role::Key, "Esc").add(Role::Dim, " gives it up"),
    );
}

/// Draws the dialog; gives where the typed name ends.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    (consent, said, scroll): (&Consent, Option<&Safe>, usize),
) -> Option<(u16, u16)> {
    let width = room.width.min(MOST);
    let sheet = sheet(consent, inner_width(room, MOST));
    let most = room.height.saturating_sub(FOOT + 2);
    let height = u16::try_from(sheet.len())
        .unwrap_or(u16::MAX)
        .min(most)
        .saturating_add(FOOT + 2);
    let asked = consent.asked();
    let title = heading("Approve?").gap(Role::DialogTitle, asked.request.ask.brief());
    let facts = Words::new(
        Role::Dim,
        safe!("until {}", time_word(asked.request.expires())),
    );
    let inside = open_box(canvas, room, (width, height), title, facts);
    let body = Rect {
        height: inside.height.saturating_sub(FOOT),
        ..inside
    };
    let first = scroll.min(sheet.len().saturating_sub(usize::from(body.height)));
    let hidden = sheet.draw(canvas, body, first);
    let foot = below(inside, body.height);
    canvas.rule(Rect { height: 1, ..foot }, "─", "-", Role::Border);
    if hidden > 0 {
        let text = safe!(" Down: {} more; read them before you answer ", hidden);
        canvas.row(foot, 0, Words::new(Role::LevelAlarm, text));
    }
    draw_foot(canvas, model, foot, consent, said)
}

fn sheet(consent: &Consent, width: u16) -> Sheet {
    let asked = consent.asked();
    let (request, account) = (&asked.request, &asked.account);
    let mut sheet = Sheet::new(width);
    for refusal in &asked.refusals {
        sheet.fact("REFUSED", Role::StateRefuted, refusal);
    }
    let by = safe!("{} at {}", request.by.ident(), time_word(request.at));
    sheet.fact("asked by", Role::Strong, &by);
    let target = safe!(
        "{}, id {}",
        request.ask.login.ident(),
        Untrusted::new(request.ask.target.as_str()).ident()
    );
    sheet.fact("asked for", Role::Strong, &target);
    for (call, place) in asked.calls.iter().zip(1usize..) {
        let text = safe!(
            "{} {}{}",
            call.method,
            Untrusted::new(call.host.as_str()).ident(),
            Untrusted::new(call.path.as_str()).ident()
        );
        let kind = request.ask.kinds.get(place - 1).map_or("", |k| k.word());
        let what = match request.ask.items.get(place - 1) {
            Some(item) => safe!("remove {}", item.named()),
            None => kind.into(),
        };
        let label = Words::new(Role::Dim, safe!("{}.", place));
        sheet.labelled(label, 3, Role::DialogTitle, &what);
        sheet.text(3, Role::Text, &text);
    }
    sheet.line(Words::new(
        Role::Title,
        "The account, as this console reads it",
    ));
    let who = safe!("{}, {}", account.login.ident(), account.name.ident());
    sheet.fact("account", Role::Strong, &who);
    if let Some(escaped) = account.login.ident_escaped() {
        sheet.fact("", Role::Text, &escaped);
    }
    let id = safe!(
        "{} at {}, {}",
        account.id.shown(),
        account.id.connection,
        account.status.word()
    );
    sheet.fact("id", Role::Strong, &id);
    let last = account.last_sign_in.map_or_else(Safe::default, |at| {
        safe!("; last sign-in {}", time_word(at))
    });
    sheet.fact("roles", Role::Text, &safe!("{}{}", roles(account), last));
    add_risk(&mut sheet, account);
    for gap in &account.gaps {
        sheet.fact("not read", Role::LevelWarning, &gap.line());
    }
    let hash = Untrusted::new(request.ask.hash.as_str()).ident();
    sheet.fact("plan", Role::Dim, &hash);
    sheet
}

fn draw_foot(
    canvas: &mut Canvas<'_>,
    model: &Model,
    area: Rect,
    consent: &Consent,
    said: Option<&Safe>,
) -> Option<(u16, u16)> {
    let wanted = Untrusted::new(consent.wanted()).ident();
    let typed = Untrusted::new(consent.typed()).ident();
    let prompt = Words::new(Role::Dim, "type ")
        .add(Role::Strong, wanted.clone())
        .add(Role::Dim, ": ");
    let room = usize::from(area.width).saturating_sub(prompt.width() + 1);
    let shown = typed.fit(room);
    let free = wanted
        .width()
        .max(20)
        .min(room)
        .saturating_sub(shown.width());
    let column = area.x + u16::try_from(prompt.width() + shown.width()).unwrap_or(0);
    let field = prompt
        .add(Role::Input, shown)
        .add(Role::Input, blanks(free));
    let field = if consent.matches() {
        field.gap(Role::StateProven, "matches")
    } else {
        field
    };
    canvas.row(area, 1, field);
    let mut buttons = Words::empty();
    for (focus, on, off) in [
        (Focus::Cancel, "[>cancel<]", "[ cancel ]"),
        (Focus::Approve, "[>approve<]", "[ approve ]"),
        (Focus::Deny, "[>deny<]", "[ deny ]"),
    ] {
        let (role, word) = if consent.focus() == focus {
            (Role::ButtonFocused, on)
        } else {
            (Role::Button, off)
        };
        buttons = buttons.add(role, word).add(Role::Text, "  ");
    }
    let you = model.operator.login.as_ref().map(Untrusted::field);
    let you = safe!("as {}", you.unwrap_or_default());
    canvas.ends(area, 2, buttons, Words::new(Role::Dim, you));
    let said = said.cloned().unwrap_or_else(|| {
        "type the name, then Tab, then y; to deny Tab, Tab, y; Esc leaves".into()
    });
    canvas.row(area, 3, Words::new(Role::LevelInfo, said));
    (consent.focus() == Focus::Cancel).then_some((column, area.y + 1))
}
