//! The list of unfinished actions: its cursor belongs to an action, not to a row.

use quell::app::keymap::Chord;
use quell::app::message::Message;
use quell::app::model::{Layer, Model};
use quell::app::update::update;
use quell::domain::audit::{Body, OutcomeState};
use quell::domain::containment::ledger::ActionView;
use quell::domain::ids::ActionId;

use crate::scene;

/// Gives the records of an action that was confirmed, on the target of another.
fn confirmed(like: &ActionView, aid: &ActionId) -> [Body; 2] {
    [
        Body::ActionPlan {
            pid: like.pid.clone(),
            aid: aid.clone(),
            order: 7,
            kind: like.kind.key().to_owned(),
            case: like.case.clone(),
            account: like.account.clone(),
            login: like.login.clone(),
            snapshot: serde_json::Value::Null,
            server_date: None,
            guards: Vec::new(),
            plan_hash: String::new(),
            expires: like.confirmed.expect("it was confirmed"),
        },
        Body::ActionConfirm {
            pid: like.pid.clone(),
            aid: aid.clone(),
            how: "typed".to_owned(),
            plan_hash: String::new(),
            dry_run: false,
        },
    ]
}

fn tell(model: &mut Model, bodies: impl IntoIterator<Item = Body>) {
    let (now, entries) = (model.now, bodies.into_iter().map(scene::record).collect());
    update(model, now, Message::Recorded(entries));
}

fn end(model: &mut Model, aid: &ActionId) {
    let word = Body::ActionOutcome {
        aid: aid.clone(),
        state: OutcomeState::Verified,
        evidence: "read back".into(),
        seconds: Some(3),
    };
    tell(model, [word]);
}

fn key(model: &mut Model, key: char) -> usize {
    let now = model.now;
    update(model, now, Message::Key(Chord::char(key))).len()
}

fn at(model: &Model) -> (usize, Option<ActionId>) {
    match model.layers.last() {
        Some(Layer::Unfinished { cursor, aid }) => (*cursor, aid.clone()),
        _ => panic!("another layer"),
    }
}

#[test]
fn the_cursor_stays_on_its_action_when_rows_above_it_end() {
    let mut model = scene::response((120, 40));
    let first = model.ledger.unfinished().next().expect("one").clone();
    let ids = [900u128, 901].map(|number| ActionId::from_parts(model.now.utc, number));
    for aid in &ids {
        tell(&mut model, confirmed(&first, aid));
    }
    assert_eq!(model.ledger.unfinished().count(), 3);
    model.show_unfinished();
    key(&mut model, 'j');
    assert_eq!(at(&model), (1, Some(ids[0].clone())));
    end(&mut model, &first.aid);
    assert_eq!(
        at(&model),
        (0, Some(ids[0].clone())),
        "a row above it ended"
    );
    end(&mut model, &ids[0]);
    assert_eq!(at(&model), (0, None), "its own action ended");
    for letter in ['c', 's', 'x'] {
        assert_eq!(key(&mut model, letter), 0, "{letter} hits nobody else");
        assert_eq!(at(&model), (0, None));
    }
    key(&mut model, 'j');
    assert_eq!(at(&model), (0, Some(ids[1].clone())));
}
