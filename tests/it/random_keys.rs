//! A hundred thousand random keys against the console in the drill: the typed login stands between them and an act.

use std::time::Duration;

use quell::app::keymap::{Chord, Key};
use quell::app::message::Message;

use quell::app::model::Layer;
use quell::drill::Options;

use crate::harness::app::{TestApp, company_of};

/// Keys typed.
const KEYS: usize = 100_000;

/// Keys between two looks at whether the console is still with us.
const BATCH: usize = 1_000;

fn random_chord(dice: &mut fastrand::Rng) -> Chord {
    // What leads to a confirmation is drawn far more often than chance would: this is to break it.
    const LIKELY: [Key; 12] = [
        Key::Char('c'),
        Key::Char('c'),
        Key::Char('s'),
        Key::Char('a'),
        Key::Tab,
        Key::Tab,
        Key::Char('y'),
        Key::Char('y'),
        Key::Enter,
        Key::Char('u'),
        Key::Char('j'),
        Key::Esc,
    ];
    const NAMED: [Key; 8] = [
        Key::Enter,
        Key::Esc,
        Key::Tab,
        Key::BackTab,
        Key::Backspace,
        Key::Up,
        Key::Down,
        Key::PageDown,
    ];
    let key = match dice.u8(0..10) {
        0..5 => LIKELY[dice.usize(0..LIKELY.len())],
        5..9 => Key::Char(char::from(dice.u8(32..127))),
        _ => NAMED[dice.usize(0..NAMED.len())],
    };
    // Quitting ends the test early; it is tested elsewhere.
    let key = if key == Key::Char('q') {
        Key::Char('j')
    } else {
        key
    };
    Chord {
        key,
        ctrl: dice.u8(0..20) == 0,
        alt: dice.u8(0..40) == 0,
    }
}

/// Opens the live case and a confirmation in it.
async fn open_dialog(app: &mut TestApp) {
    app.until("the queue is filled", |model| model.queue.heard)
        .await;
    app.keys("/");
    app.keys("mara<Enter>g<Enter>");
    app.sync().await;
    app.until("the account is there", |model| {
        model
            .open
            .as_ref()
            .is_some_and(|open| open.the_account().is_some())
    })
    .await;
    app.keys("cs");
    app.until("the dialog is open", |model| {
        matches!(model.layers.last(), Some(Layer::Confirm { .. }))
    })
    .await;
    app.clock.advance(Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_a_hundred_thousand_random_keys_confirm_nothing() {
    let drill = company_of(Options {
        rate_limit: u32::MAX,
        ..Options::default()
    })
    .await;
    let mut dice = fastrand::Rng::with_seed(11);
    for _ in 0..KEYS / BATCH {
        // A record of its own each time: what blind keys hid or marked before is no matter now.
        let state = tempfile::tempdir().expect("a temporary directory");
        let mut app = TestApp::start(&drill, state.path());
        open_dialog(&mut app).await;
        app.quiet(true);
        for _ in 0..BATCH {
            app.send(Message::Key(random_chord(&mut dice)));
            if dice.u8(0..50) == 0 {
                app.send(Message::Pasted);
            }
        }
        app.quiet(false);
        app.sync().await;
        app.end().await;
    }
    let effects: Vec<_> = drill
        .ledger()
        .effects()
        .iter()
        .map(|effect| effect.kind)
        .collect();
    // Records of cases may be changed by keys; an account may not.
    let harmless = |kind: &&str| ["comment", "case_patch", "case_merge"].contains(kind);
    assert!(effects.iter().all(harmless), "{effects:?}");
}
