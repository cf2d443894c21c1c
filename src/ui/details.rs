//! What opens beside the panes on a large screen: the case in full, the event under the cursor, the response.
//!
//! Everything here is also reached on a small screen, by a key.

use chrono::{DateTime, Utc};
use ratatui::layout::Rect;

use super::dialog::response_sheet;
use super::layout::{Beside, below, narrowed};
use super::paint::{Canvas, Words};
use super::sheet::Sheet;
use super::theme::Role;
use super::words;
use crate::app::model::{ListRow, Model, Pane};
use crate::app::{alerts, local, related, window};
use crate::domain::case::{Case, CaseFile};
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::Row;
use crate::safe;

/// Most alerts of the identity provider in a case.
const RAISED: usize = 5;

/// Draws one of them.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, beside: Beside, area: Rect) {
    let head = Rect { height: 1, ..area };
    canvas.rule(head, "─", "-", Role::Border);
    let inner = narrowed(below(area, 1), 1, 1);
    let (title, sheet): (Safe, Sheet) = match beside {
        Beside::Case => case(model, inner.width),
        Beside::Event => event(model, inner.width),
        Beside::Response => ("Response".into(), response_sheet(model, inner.width)),
    };
    let title = Words::new(Role::Title, safe!(" {} ", title));
    canvas.row(narrowed(head, 1, 1), 0, title);
    let hidden = sheet.draw(canvas, inner, 0);
    if hidden > 0 && inner.height > 0 {
        let last = below(inner, inner.height - 1);
        canvas.clear(last);
        canvas.row(
            last,
            0,
            Words::new(Role::Dim, safe!("{} more lines", hidden + 1)),
        );
    }
}

/// Gives the case under the cursor; where none is, or the keys go elsewhere, the open one.
pub(super) fn case(model: &Model, width: u16) -> (Safe, Sheet) {
    let mut sheet = Sheet::new(width);
    let open = model
        .open
        .as_ref()
        .filter(|_| model.focus != Pane::Cases)
        .and_then(|open| open.file.ready())
        .map(|file| &file.case);
    let Some(case) = open.or_else(|| model.queue.selected()) else {
        return ("Case".into(), sheet);
    };
    let title = case
        .number
        .map_or_else(|| case.id.shown(), |number| safe!("#{}", number));
    sheet.text(0, Role::Strong, &case.title.line());
    sheet.fact("status", Role::Text, &status(case));
    sheet.fact("created", Role::Text, &age(model, case.created));
    if let Some(updated) = case.updated {
        sheet.fact("changed", Role::Text, &age(model, updated));
    }
    if let Some(owner) = &case.assignee {
        sheet.fact("owner", Role::Text, &words::owner(model, owner));
    }
    let file = model
        .open
        .as_ref()
        .filter(|open| open.id == case.id)
        .and_then(|open| open.file.ready());
    if let Some(file) = file {
        if let Some(window) = window::of(model) {
            sheet.fact("compromised", Role::Finding, &window.word());
        }
        for row in related::rows(model).iter().take(4) {
            let text = safe!("{} {}: {} ({})", row.name, row.status, row.title, row.why);
            sheet.fact("also", Role::Change, &text);
        }
        alert_card(&mut sheet, model, file);
        raised(&mut sheet, model);
    }
    if let Some(snoozed) = model
        .casework
        .case(&case.id)
        .and_then(|work| work.snoozed.as_ref())
    {
        let text = safe!(
            "until {}: {}",
            time_word(snoozed.until),
            snoozed.reason.line()
        );
        sheet.fact("snoozed", Role::LevelWarning, &text);
    }
    if !case.tags.is_empty() {
        let tags = Safe::join(case.tags.iter().map(Untrusted::field), &Safe::fixed(", "));
        sheet.fact("tags", Role::Text, &tags);
    }
    for (name, value) in &case.fields {
        let label = Words::new(Role::Dim, name.field());
        sheet.labelled(label, 12, Role::Text, &value.field());
    }
    if let Some(file) = file {
        for observable in file.observables.iter().take(8) {
            let label = Words::new(Role::Dim, observable.kind.field());
            sheet.labelled(label, 12, Role::Text, &observable.value.field());
        }
        for task in file.tasks.iter().take(8) {
            let text = safe!("{} ({})", task.title.field(), task.status.field());
            sheet.fact("task", Role::Text, &text);
        }
        if let Some(comment) = file.comments.last() {
            let text = safe!("{}: {}", comment.author.field(), comment.message.line());
            sheet.fact("comment", Role::Text, &text);
        }
    }
    if !case.description.is_empty() {
        sheet.gap();
        sheet.text(0, Role::Text, &case.description.block());
    }
    (safe!("Case {}", title), sheet)
}

/// Adds the alert that says most: blocked or not, the threat, hash and file in full, and what the rule advises.
fn alert_card(sheet: &mut Sheet, model: &Model, file: &CaseFile) {
    let Some(alert) = file.main_alert() else {
        sheet.fact("alert", Role::Dim, &"none is linked to this case".into());
        return;
    };
    let more = file.alerts.len() - 1;
    let title = if more > 0 {
        safe!("{} (and {} more)", alert.title.line(), more)
    } else {
        alert.title.line()
    };
    sheet.fact("alert", Role::Strong, &title);
    sheet.fact("raised", Role::Text, &age(model, alert.at));
    let (role, word) = match alert.blocked {
        Some(true) => (Role::StateProven, "yes"),
        Some(false) => (Role::StateRefuted, "NO"),
        None => (Role::Dim, "the source does not say"),
    };
    sheet.fact("blocked", role, &word.into());
    let facts: [(&'static str, Option<&Untrusted>); 6] = [
        ("threat", alert.threat.as_ref()),
        ("file", alert.file.as_ref()),
        ("hash", alert.hash.as_ref()),
        ("from", alert.source_ip.as_ref()),
        ("user", alert.user_name.as_ref().or(alert.user_id.as_ref())),
        ("guidance", alert.guidance.as_ref()),
    ];
    for (label, value) in facts {
        if let Some(value) = value {
            sheet.fact(label, Role::Text, &value.block());
        }
    }
}

/// Adds what the identity provider itself raised about the account, or why that is not known.
fn raised(sheet: &mut Sheet, model: &Model) {
    let by = || Words::new(Role::Dim, safe!("{:.12}", alerts::by(model)));
    if let Some(fault) = alerts::unread(model) {
        let text = safe!("alerts not read: {}", fault.what);
        sheet.labelled(by(), 12, Role::Dim, &text);
    }
    if let Some(missing) = alerts::missing(model) {
        let text = safe!("not all alerts: {}", missing);
        sheet.labelled(by(), 12, Role::Dim, &text);
    }
    let all = alerts::of_open(model);
    for alert in all.iter().take(RAISED) {
        let status = alert
            .status
            .as_ref()
            .map_or_else(Safe::default, |status| safe!(" ({})", status.field()));
        let text = safe!(
            "{} {}, {}{}",
            alert.severity.word(),
            alert.title.line(),
            age(model, alert.at),
            status
        );
        sheet.labelled(by(), 12, Role::Finding, &text);
        let from = alert.source_ip.as_ref();
        let from = from.map(|ip| safe!("from {}", ip.field()));
        let told = alert.told.as_ref().map(Untrusted::line);
        for more in from.into_iter().chain(told) {
            sheet.text(12, Role::Text, &more);
        }
        if alert.users_left_out > 0 {
            let text = safe!("names {} users more than are kept", alert.users_left_out);
            sheet.text(12, Role::Dim, &text);
        }
    }
    if all.len() > RAISED {
        sheet.text(12, Role::Dim, &safe!("and {} more", all.len() - RAISED));
    }
}

fn status(case: &Case) -> Safe {
    let own = case.status.word();
    let vendor = case.vendor_status.field();
    if vendor.as_str().eq_ignore_ascii_case(own) {
        own.into()
    } else {
        safe!("{} ({})", own, vendor)
    }
}

fn age(model: &Model, at: DateTime<Utc>) -> Safe {
    safe!("{}, {} ago", time_word(at), words::ago(model, at))
}

/// Gives the fields of the event under the cursor, or of the one a finding rests on.
fn event(model: &Model, width: u16) -> (Safe, Sheet) {
    let mut sheet = Sheet::new(width);
    let Some(pane) = model.open.as_ref().map(|open| &open.activity) else {
        return ("Event".into(), sheet);
    };
    let index = match pane.rows.get(pane.cursor) {
        Some(ListRow::Event(index) | ListRow::Said(index)) => Some(*index),
        Some(ListRow::Finding(index)) => pane.findings.get(*index).map(|finding| {
            let text = safe!(
                "{}; rests on {} events",
                finding.reason,
                finding.evidence.len()
            );
            sheet.fact("finding", Role::Finding, &text);
            sheet.fact(
                "rule",
                Role::Text,
                &safe!("{}, {}", finding.rule.id(), finding.rule.technique()),
            );
            let sure = match pane.dismissal(finding) {
                Some(why) => safe!("dismissed: {}", why.field()),
                None => finding.confidence.key().into(),
            };
            sheet.fact("confidence", Role::Text, &sure);
            finding.row
        }),
        _ => None,
    };
    let Some(row) = index.and_then(|index| pane.activity.row(index)) else {
        sheet.line(Words::new(Role::Dim, "no event under the cursor"));
        return ("Event".into(), sheet);
    };
    if let Some(open) = &model.open {
        let times = local::times(model, open, row);
        sheet.text(0, Role::Text, &times);
    }
    add_fields(&mut sheet, row);
    (safe!("Event {}", time_word(row.at())), sheet)
}

fn add_fields(sheet: &mut Sheet, row: Row<'_>) {
    let fields: [(&'static str, Option<&Untrusted>); 8] = [
        ("action", row.action()),
        ("user", row.user_name()),
        ("object", row.object()),
        ("address", row.ip()),
        ("place", row.place()),
        ("agent", row.agent()),
        ("provider", row.provider()),
        ("reason", row.reason()),
    ];
    sheet.fact("outcome", Role::Text, &row.outcome().word().into());
    for (label, value) in fields {
        if let Some(value) = value {
            sheet.fact(label, Role::Text, &value.line());
        }
    }
    sheet.fact("record", Role::Dim, &row.raw().line());
}
