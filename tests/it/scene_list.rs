//! Models made by pressing keys: the short list at work (gate, inputs, a list in a list, waiver, what is taken back), and
//! the dialogs that one key opens.

use quell::app::checklist::{self, CheckRow};
use quell::app::keymap::Chord;
use quell::app::message::Message;
use quell::app::model::{Layer, Model};
use quell::app::update::update;
use quell::domain::audit::{Body, ChecklistPhase, ChecklistTick, TickState};
use quell::domain::containment::confirm::Confirmation;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::plan::{ActionFacts, Plan};
use quell::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use quell::domain::fault::Fault;
use quell::domain::text::Untrusted;
use quell::safe;

use crate::scene;

/// Tells the model what is on record.
fn tell(model: &mut Model, body: Body) {
    let now = model.now;
    update(model, now, Message::Recorded(vec![scene::record(body)]));
}

/// Presses keys: letters as they are, others as `<Enter>`.
fn keys(model: &mut Model, keys: &str) {
    let now = model.now;
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        let named = rest
            .strip_prefix('<')
            .and_then(|after| after.split_once('>'))
            .and_then(|(name, after)| Chord::parse(name).ok().map(|chord| (chord, after)));
        let (chord, after) = named.unwrap_or_else(|| {
            let (_, after) = rest.split_at(first.len_utf8());
            (Chord::char(first), after)
        });
        update(model, now, Message::Key(chord));
        update(model, now, Message::Drawn);
        rest = after;
    }
}

/// Moves the cursor to a step of the shown list; its phase is unfolded.
fn go_to(model: &mut Model, label: &str) {
    let mut found = model.checklist.sections.iter().enumerate();
    let (section, place) = found
        .find_map(|(i, section)| {
            let steps = &section.steps;
            Some((i, steps.iter().position(|step| step.label.raw() == label)?))
        })
        .unwrap_or_else(|| panic!("no step {label}"));
    model.checklist_folds.insert(section, true);
    let rows = checklist::rows(model);
    let row = rows
        .iter()
        .position(|row| *row == CheckRow::Step(section, place));
    keys(model, "g");
    keys(model, &"j".repeat(row.expect("it is shown")));
}

/// Chooses another of our runbooks by keys.
fn choose(model: &mut Model, file: &str) {
    keys(model, "B");
    let Some(Layer::Runbooks { rows, cursor, .. }) = model.layers.last() else {
        panic!("the runbooks are listed");
    };
    let at = rows.iter().position(|row| row.path.raw() == file);
    let at = at.unwrap_or_else(|| panic!("no runbook {file}"));
    let (down, up) = (at.saturating_sub(*cursor), cursor.saturating_sub(at));
    let moves = "j".repeat(down) + &"k".repeat(up);
    keys(model, &moves);
    keys(model, "<Enter>");
}

fn tick(model: &mut Model, label: &str, state: TickState, evidence: Option<&str>) {
    let case = model.open.as_ref().expect("a case is open").id.clone();
    let found = model
        .checklist
        .items()
        .find(|(_, step)| step.label.raw() == label);
    let (_, step) = found.unwrap_or_else(|| panic!("no step {label}"));
    let key = step.key.as_str().into();
    let body = Body::ChecklistTick(ChecklistTick {
        case,
        runbook: model.checklist.file.clone(),
        step: key,
        state,
        evidence: evidence.map(Into::into),
        reason: None,
        said: None,
        answer: None,
    });
    tell(model, body);
}

/// Closes the first phase with what is open of it waived.
fn close(model: &mut Model) {
    let case = model.open.as_ref().expect("a case is open").id.clone();
    let section = &model.checklist.sections[0];
    let open = section.open_mandatory(&checklist::state(model));
    let waived = open.iter().map(|step| step.key.as_str().to_owned());
    let body = Body::ChecklistPhase(ChecklistPhase {
        case,
        runbook: model.checklist.file.clone(),
        within: None,
        phase: section.name.clone(),
        closed: true,
        waived: waived.collect(),
        reason: Some("the user was reached by the manager, who denies the sign-in".into()),
    });
    tell(model, body);
}

/// What may be left in the account of the scene: old and new, kept and not, with what could not be read.
fn left() -> LeftBehind {
    let one = |kind, id: &str, name: &str, since: Option<&str>, details: &[&'static str]| Remnant {
        since: since.map(scene::at),
        details: details.iter().map(|text| Untrusted::new(*text)).collect(),
        ..Remnant::new(Item::new(kind, id, name), &serde_json::json!({"id": id}))
    };
    let (old, new) = (Some("2025-11-02T09:14:00Z"), Some("2026-03-07T03:08:01Z"));
    let grants = [
        one(
            RemnantKind::OauthGrant,
            "oag1",
            "MailSync Helper: files.read.all",
            new,
            &["client 0oa2", "given by END_USER"],
        ),
        one(
            RemnantKind::RefreshToken,
            "0oa2",
            "MailSync Helper",
            new,
            &[
                "2 tokens, the newest of that time",
                "scopes files.read.all mail.read",
            ],
        ),
        one(
            RemnantKind::MfaMethod,
            "opf2",
            "push Galaxy A15",
            Some("2026-03-07T03:06:00Z"),
            &["ACTIVE", "of OKTA"],
        ),
        one(
            RemnantKind::MfaMethod,
            "opf1",
            "push Mara's iPhone",
            old,
            &["ACTIVE"],
        ),
        one(
            RemnantKind::OauthGrant,
            "oag2",
            "Acme Mail for iOS: mail.read",
            old,
            &[],
        ),
        Remnant {
            kept: Some("it is part of the profile: change it there".into()),
            ..one(
                RemnantKind::RecoveryData,
                "profile.secondEmail",
                "second mail m.backup@mail.example",
                None,
                &[],
            )
        },
    ];
    let mut left = LeftBehind::default();
    for kind in [
        RemnantKind::OauthGrant,
        RemnantKind::RefreshToken,
        RemnantKind::MfaMethod,
        RemnantKind::RecoveryData,
    ] {
        let of_kind = grants.iter().filter(|one| one.item.kind == kind);
        left.add(kind, Ok(of_kind.cloned().collect()));
    }
    left.add(
        RemnantKind::Session,
        Err("Okta lists no sessions; revoke sessions ends all of them".into()),
    );
    left.add(
        RemnantKind::Device,
        Err("failed to read devices at okta: 403".into()),
    );
    left
}

/// A plan that removes ten things: methods, grants, tokens; one record of them is too long to be kept.
fn ten_removals() -> Plan {
    let mut plan = scene::plan(false);
    let like = plan.steps.remove(0);
    let scopes = ["files.read.all", "mail.read", "mail.send", "calendars.read"];
    let mut items: Vec<Item> = ["push Galaxy A15", "sms +49 170 5550143"]
        .iter()
        .zip(2..)
        .map(|(name, n)| Item::new(RemnantKind::MfaMethod, format!("opf{n}"), name))
        .collect();
    for app in ["MailSync Helper", "PDF Quick Tools"] {
        for scope in &scopes[..3] {
            let id = format!("oag{}", items.len());
            items.push(Item::new(
                RemnantKind::OauthGrant,
                id,
                &format!("{app}: {scope}"),
            ));
        }
        let id = format!("0oa{}", items.len());
        items.push(Item::new(RemnantKind::RefreshToken, id, app));
    }
    items.sort_by_key(|item| item.kind.turn());
    plan.warnings = vec!["this plan takes 2 of 3 MFA methods: 1 at most stay after it".into()];
    plan.steps = items
        .into_iter()
        .zip(1u128..)
        .map(|(item, n)| {
            let name = item.name.field();
            let (path, effect, limits) = match item.kind {
                RemnantKind::MfaMethod => (
                    format!("factors/{}", item.id.raw()),
                    safe!("{} can pass no sign-in any more", name),
                    "1 other method stays; whoever knows the password and passes it can enrol another; ends no session",
                ),
                RemnantKind::OauthGrant => (
                    format!("grants/{}", item.id.raw()),
                    safe!("{}: the application needs a new consent for this", name),
                    "tokens it has go on until they end: remove its refresh tokens, too; ends no session",
                ),
                _ => (
                    format!("clients/{}/tokens", item.id.raw()),
                    safe!("every refresh token of {} for this user ends", name),
                    "access tokens live on until they expire; the grant stays: with a sign-in it gets new tokens",
                ),
            };
            let record = match n {
                3 => serde_json::json!({"scope": "x".repeat(52_000)}),
                _ => serde_json::json!({"id": item.id.raw()}),
            };
            let mut step = like.clone();
            step.aid = quell::domain::ids::ActionId::from_parts(scene::now().utc, n);
            step.kind = ActionKind::RemoveItem;
            step.call.path = format!("/api/v1/users/00u1f9ke2xQ7mZ4tH697/{path}");
            step.facts = ActionFacts {
                effect,
                undo: "cannot be undone: the user consents or enrols anew".into(),
                limits: limits.into(),
                proof: "not found by its id, and not listed, read twice".into(),
            };
            step.item = Some(Box::new(Remnant {
                since: Some(scene::at("2026-03-07T03:08:01Z")),
                ..Remnant::new(item, &record)
            }));
            step
        })
        .collect();
    plan
}

/// Gives a model with a dialog that one key or two open.
fn dialog(name: &str, size: (u16, u16)) -> Option<Model> {
    let mut model = match name {
        "ask" | "snooze" => scene::queue(size),
        "quit" => scene::response(size),
        _ => scene::open(size),
    };
    match name {
        "event" => keys(&mut model, "2<Enter>"),
        "event-filter" => keys(&mut model, "2/lane:sign"),
        "pivot" => keys(&mut model, "2p"),
        "messages" => keys(&mut model, "!"),
        "runbook-choice" => keys(&mut model, "B"),
        "planning" => keys(&mut model, "cc"),
        "window" => keys(&mut model, "W"),
        "quit" => keys(&mut model, "q"),
        "snooze" => keys(&mut model, "1s"),
        "ask" => keys(&mut model, "1g<Space>j<Space>J"),
        "user" => model.layers.push(Layer::ChooseUser {
            names: ["mara.lind", "tomas.okoro"].map(Untrusted::new).into(),
            cursor: 1,
        }),
        "left" | "left-end" | "left-failed" | "left-marked" => {
            keys(&mut model, "E");
            let of = model.open.as_ref().expect("a case is open");
            let result = match name {
                "left-failed" => Err(Fault::new("failed to read factors at okta: 403")),
                _ => Ok(Box::new(left())),
            };
            let read = Message::LeftRead {
                case: of.id.clone(),
                account: scene::account().id,
                result,
            };
            let now = model.now;
            update(&mut model, now, read);
            let pressed = match name {
                "left-end" => "Gk",
                "left-marked" => "ajjj<Space>",
                _ => "j",
            };
            keys(&mut model, pressed);
        }
        "removals" | "removals-end" => {
            let mut confirmation = Confirmation::open(ten_removals());
            confirmation.drawn(std::time::Duration::ZERO);
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(confirmation),
                said: None,
                scroll: if name == "removals" { 0 } else { 9 },
            });
        }
        "removal" => {
            let mut plan = scene::plan(false);
            let mut step = plan.steps.remove(0);
            let mut all = left().remnants.into_iter();
            let remnant = all.find(|one| one.item.kind == RemnantKind::MfaMethod);
            let remnant = remnant.expect("an MFA method");
            step.facts = ActionFacts {
                effect: "push can pass no sign-in any more; Okta takes the other methods with it: 1 more".into(),
                undo: "cannot be undone: the user enrols it anew".into(),
                limits: "it is the last MFA method listed; ends no session".into(),
                proof: "not found by its id, and not listed, read twice".into(),
            };
            (step.kind, step.item) = (ActionKind::RemoveItem, Some(Box::new(remnant)));
            "/api/v1/users/00u1f9ke2xQ7mZ4tH697/factors/opf2".clone_into(&mut step.call.path);
            plan.steps = vec![step];
            let mut confirmation = Confirmation::open(plan);
            confirmation.drawn(std::time::Duration::ZERO);
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(confirmation),
                said: None,
                scroll: 0,
            });
        }
        "rearm" => {
            model.locked = true;
            model.layers.push(Layer::Rearm {
                typed: "re".to_owned(),
            });
        }
        "reading-request" => model.layers.push(Layer::ReadingRequest {
            comment: "~c1".into(),
        }),
        "opening" => {
            keys(&mut model, "d<Enter>");
        }
        _ => return None,
    }
    Some(model)
}

/// Gives a model by its name.
pub fn of(name: &str, size: (u16, u16)) -> Option<Model> {
    if let Some(model) = dialog(name, size) {
        return Some(model);
    }
    let mut model = scene::open(size);
    keys(&mut model, "3");
    match name {
        "list-gate" => {
            go_to(&mut model, "Write down what you found");
            keys(&mut model, "<Enter>");
        }
        "list-inputs" => {
            keys(&mut model, "g<Enter>j");
        }
        "list-nested" => {
            choose(&mut model, "malicious-process.md");
            go_to(&mut model, "Contain the account");
            keys(&mut model, "<Enter>jj");
        }
        "list-link" => {
            choose(&mut model, "malicious-process.md");
            go_to(&mut model, "Contain the account");
        }
        "list-waive" => {
            go_to(&mut model, "Judge the likelihood");
            keys(&mut model, "p");
            keys(&mut model, "the manager denies it");
        }
        "list-closed" => {
            close(&mut model);
            keys(&mut model, "gj");
        }
        "list-waived" => {
            close(&mut model);
            go_to(&mut model, "Judge the likelihood");
        }
        "list-skip" => {
            go_to(&mut model, "Look up the addresses");
            keys(&mut model, "-no feed at night");
        }
        "list-back" => {
            let label = "Write down what you found";
            tick(
                &mut model,
                label,
                TickState::Done,
                Some("comment posted 03:01Z"),
            );
            let gone = "its comment is gone from the case, seen 03:09Z";
            tick(&mut model, label, TickState::Open, Some(gone));
            go_to(&mut model, label);
        }
        _ => return None,
    }
    Some(model)
}
