//! The lines above the lanes: the account, the alert, the judgement and how the account stands.

use std::time::Duration;

use ratatui::layout::Rect;

use crate::app::alerts;
use crate::app::model::{Found, Load, Model, OpenCase};
use crate::domain::account::{Account, AccountStatus};
use crate::domain::audit::DecisionKind;
use crate::domain::case::{Alert, Subject};
use crate::domain::containment::risk;
use crate::domain::containment::standing::Standing;
use crate::domain::freshness::{age_word, clock_word};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::layout::below;
use crate::ui::paint::{Canvas, Words};
use crate::ui::theme::Role;
use crate::ui::words;

/// From which age on that of the reading of an account is shown: it is read every minute.
const OLD: Duration = Duration::from_secs(120);

/// Draws who it is; gives the rows it took.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    open: &OpenCase,
    area: Rect,
    is_roomy: bool,
) -> u16 {
    match open.the_account() {
        Some(account) => draw_account(canvas, model, (open, account), area, is_roomy),
        None => draw_missing(canvas, model, open, area),
    }
}

fn draw_account(
    canvas: &mut Canvas<'_>,
    model: &Model,
    (open, account): (&OpenCase, &Account),
    area: Rect,
    is_roomy: bool,
) -> u16 {
    let status_role = match account.status {
        AccountStatus::Active => Role::AccountActive,
        AccountStatus::Disabled => Role::AccountDisabled,
        AccountStatus::Other(_) => Role::StateUnknown,
    };
    let login = account.login.ident();
    // Neither a login nor its badges are ever cut: they get lines of their own where they do not fit.
    let status = safe!("{}{}", account.status.word().fit(16), read_ago(model, open));
    let name = account.name.field();
    let is_short = login.width() + status.width() + 3 <= usize::from(area.width);
    let mut line = if is_short {
        let who = Words::new(Role::Strong, login).gap(Role::Text, name);
        canvas.ends(area, 0, who, Words::new(status_role, status));
        1
    } else {
        let used = canvas.text(area, Role::Strong, &login);
        let row = below(area, used);
        canvas.ends(
            row,
            0,
            Words::new(Role::Text, name),
            Words::new(status_role, status),
        );
        used + 1
    };
    if let Some(escaped) = account.login.ident_escaped() {
        canvas.row(below(area, line), 0, Words::new(Role::Dim, escaped));
        line += 1;
    }
    let identity = Words::new(Role::Dim, "id ")
        .add(Role::Text, account.id.shown())
        .gap(Role::Text, source(account))
        .gap(Role::Text, roles(account));
    let last = account.last_sign_in.map_or_else(Safe::default, |at| {
        safe!("last sign-in {} ago", words::ago(model, at))
    });
    let mut factors = Words::new(Role::Dim, "MFA ").add(Role::Text, factors(account));
    if let Some(sessions) = account.sessions.as_deref() {
        let count: Safe = match sessions.len() {
            1 => "1 session".into(),
            many => safe!("{} sessions", many),
        };
        factors = factors.gap(Role::Text, count);
    }
    if let Some(word) = risk::word(account) {
        let role = words::risk_role(account);
        canvas.row(below(area, line), 0, Words::new(role, word));
        line += 1;
    }
    if is_roomy {
        canvas.row(below(area, line), 0, identity);
        canvas.ends(
            below(area, line + 1),
            0,
            factors,
            Words::new(Role::Dim, last),
        );
        line += 2;
    } else {
        canvas.ends(
            below(area, line),
            0,
            identity.chain(Words::new(Role::Text, "  ")).chain(factors),
            Words::empty(),
        );
        line += 1;
    }
    line
}

/// Says how long ago the account was read, once that is longer than a reading or two take to come.
fn read_ago(model: &Model, open: &OpenCase) -> Safe {
    match open.account {
        Load::Ready(_, read) if model.age(read) >= OLD => {
            safe!(", read {} ago", age_word(model.age(read)))
        }
        _ => Safe::default(),
    }
}

fn source(account: &Account) -> Safe {
    account
        .source
        .as_ref()
        .map_or_else(Safe::default, |source| safe!("from {}", source.field()))
}

fn listed(items: &[Untrusted]) -> Safe {
    Safe::join(items.iter().map(Untrusted::field), &Safe::fixed(", "))
}

/// Gives the administrator roles in words; what could not be read says so.
pub(in crate::ui) fn roles(account: &Account) -> Safe {
    match account.roles.as_deref() {
        None => "roles not readable".into(),
        Some([]) => "no admin role".into(),
        Some(roles) => safe!("role {}", listed(roles)),
    }
}

/// Gives how many sessions are listed, in words; nothing where the provider lists none of them.
pub(in crate::ui) fn sessions(account: &Account) -> Option<Safe> {
    let sessions = account.sessions.as_deref()?;
    let offline = sessions.iter().filter(|session| session.offline).count();
    Some(safe!(
        "{} online, {} offline",
        sessions.len() - offline,
        offline
    ))
}

/// Gives the MFA methods in words.
pub(in crate::ui) fn factors(account: &Account) -> Safe {
    match account.factors.as_deref() {
        None => "not readable".into(),
        Some([]) => "none".into(),
        Some(factors) => Safe::join(
            factors.iter().map(|factor| {
                let is_active = factor.status.raw().eq_ignore_ascii_case("active");
                if is_active {
                    factor.kind.field()
                } else {
                    safe!("{} ({})", factor.kind.field(), factor.status.field())
                }
            }),
            &Safe::fixed(", "),
        ),
    }
}

fn draw_missing(canvas: &mut Canvas<'_>, model: &Model, open: &OpenCase, area: Rect) -> u16 {
    let key = words::key_of_id(model, "user");
    let name = open.user.as_ref().map(Untrusted::ident).unwrap_or_default();
    let (role, text): (Role, Safe) = match (&open.file, &open.user, &open.account) {
        (Load::Failed(fault, _), ..) => (
            Role::LevelError,
            safe!(
                "the case could not be read, {} tries again: {}",
                words::key_of_id(model, "refresh"),
                fault.what
            ),
        ),
        (Load::Idle | Load::Loading(_), ..) => {
            let since = match open.file {
                Load::Loading(since) => words::since(model, since),
                _ => Safe::default(),
            };
            (Role::Dim, safe!("reading the case{}", since))
        }
        (_, None, _) => match &open.subject {
            Subject::Several(names) => (
                Role::Change,
                safe!(
                    "{} users named by this case: {} chooses one",
                    names.len(),
                    key
                ),
            ),
            _ => (Role::LevelWarning, "no user named by this case".into()),
        },
        (_, Some(_), Load::Failed(fault, _)) => (
            Role::LevelError,
            safe!(
                "{}: the account could not be read, {} tries again: {}",
                name,
                words::key_of_id(model, "refresh"),
                fault.what
            ),
        ),
        (_, Some(_), Load::Ready(Found::Nobody, _)) => (
            Role::LevelWarning,
            match &open.looks.was {
                None => safe!("{}: no account carries this name", name),
                Some((account, read)) => safe!(
                    "{}: no account carries this name any more; read as {} {} ago",
                    name,
                    account.status.word(),
                    age_word(model.age(*read))
                ),
            },
        ),
        (_, Some(_), Load::Ready(Found::Several(all), _)) => (
            Role::LevelError,
            safe!("{}: {} accounts carry this name: refused", name, all.len()),
        ),
        (_, Some(_), Load::Idle | Load::Loading(_) | Load::Ready(Found::One(_), _)) => {
            let since = match open.account {
                Load::Loading(since) => words::since(model, since),
                _ => Safe::default(),
            };
            (
                Role::Dim,
                safe!("{}: looking up the account{}", name, since),
            )
        }
    };
    let mut used = canvas.text(
        Rect {
            height: area.height.min(3),
            ..area
        },
        role,
        &text,
    );
    if let Load::Ready(Found::Several(all), _) = &open.account {
        for account in all.iter().take(4) {
            let words = Words::new(Role::Dim, "  id ")
                .add(Role::Text, account.id.shown())
                .gap(Role::Text, account.login.ident())
                .gap(Role::Text, account.status.word());
            canvas.row(below(area, used), 0, words);
            used += 1;
        }
    }
    used
}

/// Draws the main alert of the case; gives the rows it took.
pub(super) fn draw_alert(
    canvas: &mut Canvas<'_>,
    model: &Model,
    open: &OpenCase,
    area: Rect,
    is_roomy: bool,
) -> u16 {
    let Some(file) = open.file.ready() else {
        return 0;
    };
    let raised = draw_raised(canvas, model, area);
    let area = below(area, raised);
    let Some(alert) = file.main_alert() else {
        canvas.row(
            area,
            0,
            Words::new(Role::Dim, "no alert is linked to this case"),
        );
        return raised + 1;
    };
    let more = file.alerts.len() - 1;
    let mut right = Words::new(Role::Dim, safe!("{} ago", words::ago(model, alert.at)));
    if more > 0 {
        right = right.gap(Role::Dim, safe!("+{} more", more));
    }
    let mut left = Words::new(Role::Dim, "alert ").chain(blocked(alert));
    left.push(Role::Text, alert.title.field());
    if alert.blocked.is_none() && !is_roomy {
        left = left.gap(Role::Dim, NOT_SAID);
    }
    canvas.ends(area, 0, left, right);
    let facts = alert_facts(alert);
    if facts.is_empty() || !is_roomy {
        return raised + 1;
    }
    canvas.row(area, 1, facts);
    raised + 2
}

/// Draws what the identity provider itself raised about the account, if anything; gives the rows it took.
fn draw_raised(canvas: &mut Canvas<'_>, model: &Model, area: Rect) -> u16 {
    let raised = alerts::of_open(model);
    let Some(alert) = raised.first() else {
        return 0;
    };
    let mut right = Words::new(Role::Dim, safe!("{} ago", words::ago(model, alert.at)));
    if raised.len() > 1 {
        right = right.gap(Role::Dim, safe!("+{} more", raised.len() - 1));
    }
    let by = alerts::by(model);
    let left = Words::new(Role::Dim, safe!("{} alert ", by))
        .add(Role::Finding, alert.severity.word())
        .gap(Role::Text, alert.title.field());
    canvas.ends(area, 0, left, right);
    1
}

/// The source does not say whether the act was blocked.
const NOT_SAID: &str = "not said if blocked";

fn blocked(alert: &Alert) -> Words {
    match alert.blocked {
        Some(true) => Words::new(Role::StateProven, "blocked").add(Role::Text, "  "),
        Some(false) => Words::new(Role::StateRefuted, "NOT BLOCKED").add(Role::Text, "  "),
        // Said behind the title, which matters more.
        None => Words::empty(),
    }
}

fn alert_facts(alert: &Alert) -> Words {
    let mut words = match alert.blocked {
        Some(_) => Words::empty(),
        None => Words::new(Role::Dim, safe!("      {}", NOT_SAID)),
    };
    let facts: [(&'static str, Option<&Untrusted>); 4] = [
        ("", alert.threat.as_ref()),
        ("from ", alert.source_ip.as_ref()),
        ("file ", alert.file.as_ref()),
        ("hash ", alert.hash.as_ref()),
    ];
    for (label, value) in facts {
        if let Some(value) = value {
            let text = if label == "hash " {
                safe!("{:.17}", value.field())
            } else {
                value.field()
            };
            words = if words.is_empty() {
                words.add(Role::Dim, safe!("      {}", label))
            } else {
                words.gap(Role::Dim, if label.is_empty() { " " } else { label })
            };
            words = words.add(Role::Text, text);
        }
    }
    words
}

/// Draws what a person judged and decided, and how the account stands; gives the rows it took.
pub(super) fn draw_judgement(
    canvas: &mut Canvas<'_>,
    model: &Model,
    open: &OpenCase,
    area: Rect,
) -> u16 {
    let mut words = Words::new(Role::Dim, "likelihood ");
    if let Some((value, at)) = model.likelihood_in(open) {
        words = words
            .add(Role::Strong, value.word())
            .add(Role::Dim, safe!(" {}", clock_word(at)));
    } else {
        let key = words::key_of_id(model, "likelihood");
        words = words
            .add(Role::Text, "not judged")
            .add(Role::Dim, safe!(", {} judges", key));
    }
    if let Some(made) = model.decision_in(open) {
        let decided = match made.kind {
            DecisionKind::MonitorOnly => "monitor only",
            DecisionKind::NoAction => "no action",
        };
        words = words.gap(
            Role::Change,
            safe!("decided: {} {}", decided, clock_word(made.at)),
        );
    }
    let standing = match model.standing() {
        None => Words::empty(),
        Some(standing @ Standing::Contained { .. }) => {
            Words::new(Role::StateProven, standing.word())
        }
        Some(Standing::Partly { .. }) => Words::new(Role::StateUnknown, "partly contained"),
        Some(standing @ Standing::Free) => Words::new(Role::Dim, standing.word()),
    };
    canvas.ends(area, 0, words, standing);
    1
}
