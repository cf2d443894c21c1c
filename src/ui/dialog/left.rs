//! What may be left in the account: one line a thing, what is new marked, what could not be read named; below, the thing
//! under the cursor in full.

use ratatui::layout::Rect;

use super::{heading, inner_width, open_box};
use crate::app::left::{self, Row, counts, last_act, refusal, rows, waiting};
use crate::app::model::{Load, Model};
use crate::app::window;
use crate::domain::containment::caps::PER_PLAN;
use crate::domain::containment::remnant::{Mark, Remnant, RemnantKind};
use crate::domain::freshness::{clock_word, time_word};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::layout::{below, first_row};
use crate::ui::paint::{Canvas, Words};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 132;

/// Cells of the mark and of the kind.
const MARK: usize = 8;
const KIND: usize = 15;

/// Most lines of the thing under the cursor, and least lines of the list.
const DETAIL: u16 = 6;
const LIST: u16 = 4;

/// Draws the view.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, room: Rect, cursor: usize) {
    let rows = rows(model);
    let login = model
        .open
        .as_ref()
        .and_then(|open| open.the_account())
        .map(|account| account.login.ident())
        .unwrap_or_default();
    let title = heading("What may be left").gap(Role::DialogTitle, login);
    let size = (room.width.min(MOST), room.height);
    let inside = open_box(canvas, room, size, title, age(model));
    let used = head(canvas, model, inside, &rows);
    let rest = below(inside, used);
    if let Some(text) = waiting(model) {
        canvas.text(rest, Role::Dim, &text);
        return;
    }
    let sheet = rows.get(cursor).map_or_else(
        || Sheet::new(inside.width),
        |row| detail(model, row, inner_width(room, MOST)),
    );
    let wanted = u16::try_from(sheet.len()).unwrap_or(DETAIL).min(DETAIL);
    let most = rest.height.saturating_sub(LIST + 1);
    let low = wanted.min(most);
    let list = Rect {
        height: rest.height.saturating_sub(low + 1),
        ..rest
    };
    let first = first_row(cursor, rows.len(), usize::from(list.height));
    for (line, (index, row)) in (0..list.height).zip(rows.iter().enumerate().skip(first)) {
        draw_row(canvas, model, list, line, (row, index == cursor));
    }
    let foot = below(rest, list.height);
    canvas.rule(Rect { height: 1, ..foot }, "─", "-", Role::Border);
    let hidden = rows.len().saturating_sub(first + usize::from(list.height));
    if hidden > 0 {
        let more = Words::new(Role::LevelWarning, safe!(" {} more below ", hidden));
        canvas.ends(foot, 0, Words::empty(), more);
    }
    sheet.draw(canvas, below(foot, 1), 0);
}

/// Says when it was read.
fn age(model: &Model) -> Words {
    match model.open.as_ref().map(|open| &open.left) {
        Some(Load::Ready(_, at)) => Words::new(Role::Dim, safe!("read at {}", clock_word(at.utc))),
        _ => Words::empty(),
    }
}

/// Draws the window and the counts; gives the lines they took.
fn head(canvas: &mut Canvas<'_>, model: &Model, area: Rect, rows: &[Row<'_>]) -> u16 {
    let window = match window::of(model) {
        Some(window) => Words::new(Role::Dim, "compromised ").add(Role::Text, window.word()),
        None => Words::new(
            Role::LevelWarning,
            "no window of the compromise is known, so nothing is marked as new; W says it",
        ),
    };
    canvas.row(area, 0, window);
    if waiting(model).is_some() {
        return 2;
    }
    let (there, new, unread) = counts(rows);
    let role = if new > 0 {
        Role::LevelAlarm
    } else {
        Role::Text
    };
    let unread_role = if unread > 0 {
        Role::LevelWarning
    } else {
        Role::Dim
    };
    let counts = Words::new(Role::Text, safe!("{} there", there))
        .gap(role, safe!("{} of them NEW or LATER", new))
        .gap(
            unread_role,
            if unread == 1 {
                "1 kind not read, or not whole".into()
            } else {
                safe!("{} kinds not read, or not whole", unread)
            },
        );
    // At the right end, which keeps its place on the narrowest screen.
    let right = match left::marked(model).len() {
        0 => Words::empty(),
        marked => {
            let role = if marked > PER_PLAN {
                Role::LevelWarning
            } else {
                Role::Key
            };
            Words::new(role, safe!("{} marked", marked))
        }
    };
    canvas.ends(area, 1, counts, right);
    3
}

fn mark_role(mark: Mark) -> Role {
    match mark {
        Mark::New | Mark::Later => Role::LevelAlarm,
        Mark::Untimed => Role::LevelWarning,
        Mark::Older | Mark::Unjudged => Role::Dim,
    }
}

fn draw_row(
    canvas: &mut Canvas<'_>,
    model: &Model,
    area: Rect,
    line: u16,
    (row, is_cursor): (&Row<'_>, bool),
) {
    let lead = |own| words::lead_role(is_cursor, true, own);
    let gutter = words::gutter(canvas, is_cursor, true);
    let is_marked = |one: &Remnant| left::is_marked(model, &one.item);
    let mark_box = match row {
        Row::There(one, _) if is_marked(one) => Words::new(Role::Key, "[x] "),
        Row::There(one, _) if refusal(model, one).is_none() => Words::new(Role::Dim, "[ ] "),
        _ => Words::new(Role::Dim, "    "),
    };
    let parts = |role: Role, mark: &'static str, kind: &'static str| {
        gutter
            .clone()
            .chain(mark_box.clone())
            .column(role, &mark.into(), MARK)
            .column(lead(Role::Dim), &kind.into(), KIND)
    };
    let (left, right) = match row {
        Row::There(one, mark) => {
            let name = one.item.name.field();
            let left = parts(mark_role(*mark), mark.word(), one.item.kind.word())
                .add(lead(Role::Strong), name);
            (left, there(model, one))
        }
        Row::Acted(act, item) => {
            let left = parts(Role::Dim, "acted", item.kind.word())
                .add(lead(Role::Text), item.name.field());
            let state = Words::new(words::state_role(act.state), act.word());
            let at = act.ended.or(act.sent).map(time_word);
            (left, state.gap(Role::Dim, at.unwrap_or_default()))
        }
        Row::Unread(unread) => {
            let left = parts(Role::LevelWarning, "UNREAD", unread.kind.word())
                .add(lead(Role::Text), unread.reason.clone());
            (left, Words::empty())
        }
        Row::Elsewhere(kinds) => {
            let text = safe!("no list here of: {}", named(kinds));
            let left = parts(Role::LevelWarning, "UNREAD", "elsewhere").add(lead(Role::Text), text);
            (left, Words::empty())
        }
    };
    canvas.ends(area, line, left, right);
}

fn named(kinds: &[RemnantKind]) -> Safe {
    let names = kinds.iter().map(|kind| kind.word().into());
    Safe::join(names, &Safe::fixed(", "))
}

/// Gives what stands at the right of something that is there: what is done about it, and its time.
fn there(model: &Model, one: &Remnant) -> Words {
    let at = one.since.map_or_else(Safe::default, time_word);
    let act = last_act(model, &one.item);
    let word = match act {
        Some(act) => Words::new(words::state_role(act.state), act.word()),
        None if one.kept.is_some() => Words::new(Role::Dim, "not from here"),
        None => Words::empty(),
    };
    word.gap(Role::Dim, at)
}

/// Says what Enter does, where so many are marked.
fn enter(marked: usize) -> Safe {
    let then = "you see each request and confirm them; nothing is sent before";
    match marked {
        0 => safe!("plans its removal: {}", then),
        1 => safe!("plans the removal of the one that is marked: {}", then),
        2..=PER_PLAN => safe!(
            "plans the removal of all {} that are marked: {}",
            marked,
            then
        ),
        _ => safe!(
            "plans the removal of all {} that are marked, more than the {} of one plan without a second person: {}",
            marked,
            PER_PLAN,
            then
        ),
    }
}

/// Gives the lines of the thing under the cursor.
fn detail(model: &Model, row: &Row<'_>, width: u16) -> Sheet {
    let mut sheet = Sheet::new(width);
    match row {
        Row::There(one, mark) => {
            sheet.fact("this", Role::Strong, &one.item.named());
            let since = match one.since {
                Some(at) => safe!("{}  {}", time_word(at), mark.word()),
                None => "the provider does not tell; it may be new".into(),
            };
            sheet.fact("since", mark_role(*mark), &since);
            let mut details: Vec<Safe> = one.details.iter().map(Untrusted::field).collect();
            details.extend(one.last_used.map(|at| safe!("last used {}", time_word(at))));
            if !details.is_empty() {
                let all = Safe::join(details, &Safe::fixed("; "));
                sheet.fact("known of it", Role::Text, &all);
            }
            match refusal(model, one) {
                Some(reason) => sheet.fact("not removed", Role::LevelWarning, &reason),
                None => sheet.fact("Enter", Role::Dim, &enter(left::marked(model).len())),
            }
        }
        Row::Acted(act, item) => {
            sheet.fact("this", Role::Strong, &item.named());
            let evidence = act.evidence.as_ref().map(Untrusted::line);
            let evidence = evidence.unwrap_or_else(|| "nothing read back yet".into());
            let told = safe!("{}: {}", act.word(), evidence);
            sheet.fact("evidence", words::state_role(act.state), &told);
            sheet.fact("action", Role::Dim, &safe!("{}; R shows it whole", act.aid));
        }
        Row::Unread(unread) => {
            sheet.fact("not read", Role::LevelWarning, &unread.kind.word().into());
            sheet.fact("because", Role::Text, &unread.reason);
        }
        Row::Elsewhere(kinds) => {
            sheet.fact("not listed", Role::LevelWarning, &named(kinds));
            let text =
                "this provider has no list of them: look where the mail and the devices are kept";
            sheet.fact("so", Role::Text, &text.into());
        }
    }
    sheet
}
