//! Everything contained, then what was enabled again and is watched: four lines an account.

use ratatui::layout::Rect;

use super::{heading, open_box};
use crate::app::model::contained::{Contained, recovering, rows};
use crate::app::model::{Model, Watch};
use crate::domain::containment::hold::Stage;
use crate::domain::containment::recovery_watch::RecoveryWatch;
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
    let (all, watched) = (rows(model), recovering(model));
    let many = all.len() + watched.len();
    let lines = u16::try_from(many)
        .unwrap_or(u16::MAX)
        .saturating_mul(LINES);
    let height = lines.saturating_add(1).max(4).min(room.height);
    let inside = open_box(
        canvas,
        room,
        (room.width.min(MOST), height),
        heading("Contained accounts"),
        match watched.len() {
            0 => Words::new(Role::Dim, safe!("{}", all.len())),
            some => Words::new(Role::Dim, safe!("{}, {} enabled again", all.len(), some)),
        },
    );
    if many == 0 {
        let text = "No account is contained by this log.";
        let text = words::nothing_in_log(model, Role::StateProven, text);
        canvas.row(inside, 0, text);
        let text = "What other hosts did stands in their cases.";
        canvas.row(inside, 1, Words::new(Role::Dim, text));
        return;
    }
    let seen = usize::from(((inside.height + 1) / LINES).max(1));
    let first = first_row(cursor, many, seen);
    for (place, index) in (0u16..).zip((first..many).take(seen)) {
        let area = below(inside, place * LINES);
        if let Some(row) = all.get(index) {
            draw_row(canvas, model, area, row, index == cursor);
        } else if let Some(watch) = watched.get(index - all.len()) {
            draw_watch(canvas, model, area, watch, index == cursor);
        }
    }
}

/// Draws an account that was enabled again and is watched.
fn draw_watch(
    canvas: &mut Canvas<'_>,
    model: &Model,
    area: Rect,
    watch: &RecoveryWatch,
    is_cursor: bool,
) {
    let now = model.now.utc;
    let head = words::gutter(canvas, is_cursor, true).add(
        words::lead_role(is_cursor, true, Role::Strong),
        watch.login.ident(),
    );
    let role = match watch.stage(now, model.settings.policy.hold.reminder) {
        Stage::Soon => Role::LevelWarning,
        Stage::Running | Stage::Ended => Role::Text,
    };
    let end = Words::new(role, watch.end_word(now))
        .gap(Role::Dim, safe!("owner {}", watch.owner.field()));
    canvas.ends(area, 0, head, end);
    let look = model.recovery_watch(&watch.account);
    let word = watch.word_once(look.is_some());
    canvas.row(
        area,
        1,
        Words::new(Role::Text, "  ").add(word_role(watch, look), word),
    );
    let signs = model.ledger.recoveries().signs_word(watch);
    let looks: &'static str = if watch.over.is_some() {
        "looked"
    } else {
        "looks"
    };
    let what = safe!(
        "{} for the attacker ({}), new things, changes",
        looks,
        signs
    );
    canvas.row(area, 2, Words::new(Role::Text, "  ").add(Role::Dim, what));
    let since = safe!(
        "enabled {}",
        crate::domain::freshness::time_word(watch.since)
    );
    let facts = Words::new(Role::Text, "  ").add(Role::Dim, since).gap(
        Role::Dim,
        safe!("case {}", words::case_name(model, &watch.case)),
    );
    let facts = if watch.over.is_some() {
        facts
    } else {
        let (role, look) = looked(model, look);
        facts.gap(role, look)
    };
    canvas.row(area, 3, facts);
}

/// Gives the role of the word for what a watch saw; that it saw nothing is proven only by a look that read all.
fn word_role(watch: &RecoveryWatch, look: Option<&Watch>) -> Role {
    if !watch.seen.is_empty() {
        return Role::LevelAlarm;
    }
    let is_well = match (&watch.over, look) {
        (Some(over), _) => over.well,
        (None, _) if !watch.missed.is_empty() => false,
        (None, Some(look)) => look.fault.is_none(),
        (None, None) => return Role::Dim,
    };
    if is_well {
        Role::StateProven
    } else {
        Role::LevelWarning
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
        .map(|act| safe!("{} {}", act.kind.word(), act.word()))
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
    let (watch_role, watch) = if model.watches(row.account) {
        looked(model, model.watch(row.account))
    } else {
        (Role::Dim, row.unwatched())
    };
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
            safe!(
                "ended {}: {}",
                words::ago_word(hold.until, now),
                row.not_held().unwrap_or("e, u or K")
            ),
        ),
        Stage::Soon => (Role::LevelWarning, hold.word(now)),
        Stage::Running => (Role::Text, hold.word(now)),
    };
    Words::new(role, word).gap(Role::Dim, safe!("owner {}", hold.owner.field()))
}

fn looked(model: &Model, watch: Option<&Watch>) -> (Role, Safe) {
    let Some(watch) = watch else {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::domain::containment::recovery_watch::Over;
    use crate::domain::containment::samples::{account, aid, at, case};
    use crate::domain::fault::Fault;
    use crate::domain::freshness::Moment;

    fn watch() -> RecoveryWatch {
        RecoveryWatch {
            aid: aid(3),
            case: case(),
            account: account().id,
            login: account().login,
            owner: "jo".into(),
            since: at(0),
            is_read: true,
            until: at(3_600),
            seen: Vec::new(),
            missed: BTreeMap::new(),
            there: BTreeMap::new(),
            over: None,
            reopened: 0,
        }
    }

    fn look(fault: Option<&'static str>) -> Watch {
        Watch {
            looked: Some(at(60)),
            good: Moment {
                utc: at(60),
                boot: Duration::from_secs(60),
            },
            fault: fault.map(Fault::new),
        }
    }

    fn over(well: bool) -> RecoveryWatch {
        RecoveryWatch {
            over: Some(Over {
                text: "72 h".into(),
                well,
                early: false,
                at: at(3_600),
                looked: None,
            }),
            ..watch()
        }
    }

    #[test]
    fn that_nothing_was_seen_is_proven_only_by_a_look_that_read_all() {
        assert_eq!(word_role(&watch(), None), Role::Dim);
        assert_eq!(word_role(&watch(), Some(&look(None))), Role::StateProven);
        assert_eq!(
            word_role(&watch(), Some(&look(Some("403")))),
            Role::LevelWarning
        );
        let missed = RecoveryWatch {
            missed: BTreeMap::from([("elastic".to_owned(), "403".into())]),
            ..watch()
        };
        assert_eq!(word_role(&missed, Some(&look(None))), Role::LevelWarning);
        assert_eq!(word_role(&over(true), None), Role::StateProven);
        assert_eq!(word_role(&over(false), None), Role::LevelWarning);
    }
}
