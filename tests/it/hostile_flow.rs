//! Every hostile string through every pane, the dialogs, the audit log and the comment: 0 violations, no drift.

use quell::app::model::{Found, Layer, Load, Model, Pane};
use quell::domain::audit::Body;
use quell::domain::case::{Case, Comment, Observable, RecordFault, Subject, Task};
use quell::domain::containment::confirm::Confirmation;
use quell::domain::containment::ledger::ActionView;
use quell::domain::containment::note::{Anchor, compose};
use quell::domain::containment::standing::Standing;
use quell::domain::text::{Untrusted, sink};
use quell::domain::timeline::event::{Event, Geo, Network, Outcome, Party};
use quell::store::audit::{AuditLog, Identity};
use quell::terminal::backend::{LeanBackend, SizeSource};
use quell::terminal::egress::{Allowed, Egress};
use quell::terminal::features::Features;
use quell::ui::theme::Theme;
use ratatui::Terminal;

use crate::harness::screen;
use crate::hostile::corpus;
use crate::scene;
use crate::wire::{first_drift, is_forbidden};

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

/// Strings of one frame, handed out one after another, again from the first after the last.
struct Deck<'a>(std::iter::Cycle<std::slice::Iter<'a, Vec<u8>>>);

impl Deck<'_> {
    fn next(&mut self) -> Untrusted {
        let raw = self.0.next().map(Vec::as_slice).unwrap_or_default();
        Untrusted::new(String::from_utf8_lossy(raw))
    }
}

/// The open case with a string of the deck in every field that comes from outside.
fn dirty(deck: &mut Deck<'_>, size: (u16, u16)) -> Model {
    let mut model = scene::open(size);
    let mut cases: Vec<Case> = model.queue.all().to_vec();
    for case in &mut cases {
        case.title = deck.next();
        case.description = deck.next();
        case.vendor_status = deck.next();
        case.assignee = Some(deck.next());
        case.tags = vec![deck.next()];
        case.fields = vec![(deck.next(), deck.next())];
    }
    model.queue.take(cases);
    for subject in model.queue.subjects.values_mut() {
        *subject = Subject::User(deck.next());
    }
    model.operator.login = Some(deck.next());
    model.operator.os_user = deck.next();
    let hint = deck.next().line();
    let line = deck.next().line();
    model.say(quell::app::message::Level::Alarm, line, Some(hint));
    let Some(open) = &mut model.open else {
        return model;
    };
    open.user = Some(deck.next());
    let mut who = scene::account();
    (who.login, who.name, who.mail) = (deck.next(), deck.next(), Some(deck.next()));
    (who.vendor_status, who.source) = (deck.next(), Some(deck.next()));
    (who.roles, who.token_clients) = (Some(vec![deck.next()]), Some(vec![deck.next()]));
    who.gaps = vec![deck.next()];
    for group in who.groups.iter_mut().flatten() {
        group.name = deck.next();
    }
    for factor in who.factors.iter_mut().flatten() {
        (factor.kind, factor.status) = (deck.next(), deck.next());
    }
    open.account = Load::Ready(Found::One(Box::new(who)), scene::now());
    if let Load::Ready(file, _) = &mut open.file {
        for alert in &mut file.alerts {
            (alert.title, alert.threat) = (deck.next(), Some(deck.next()));
            (alert.file, alert.hash) = (Some(deck.next()), Some(deck.next()));
            (alert.source_ip, alert.guidance) = (Some(deck.next()), Some(deck.next()));
        }
        file.observables.push(Observable {
            kind: deck.next(),
            value: deck.next(),
            tags: vec![deck.next()],
        });
        file.tasks.push(Task {
            id: deck.next(),
            title: deck.next(),
            status: deck.next(),
            assignee: Some(deck.next()),
            description: Some(deck.next()),
            created: None,
            changed: None,
            changed_by: Some(deck.next()),
        });
        file.comments.push(Comment {
            id: deck.next(),
            author: deck.next(),
            at: scene::now().utc,
            message: deck.next(),
            edited: false,
        });
    }
    let events: Vec<_> = (0..16u32)
        .map(|number| Event {
            id: Untrusted::new(format!("x{number}")),
            at: scene::now().utc,
            lane: quell::domain::timeline::lane::Lane::Command,
            action: deck.next(),
            outcome: Outcome::Unknown,
            user: Party {
                id: Some(deck.next()),
                name: Some(deck.next()),
                email: Some(deck.next()),
            },
            target: Party {
                id: Some(deck.next()),
                name: Some(deck.next()),
                email: Some(deck.next()),
            },
            ip: Some(deck.next()),
            geo: Geo {
                city: Some(deck.next()),
                region: Some(deck.next()),
                country: Some(deck.next()),
                country_iso: Some(deck.next()),
                point: None,
                by_database: false,
            },
            network: Network {
                number: None,
                organization: Some(deck.next()),
            },
            device: Some(deck.next()),
            session: Some(deck.next()),
            agent: Some(deck.next()),
            provider: Some(deck.next()),
            object: Some(deck.next()),
            reason: Some(deck.next()),
            raw: deck.next().raw().into(),
            ..Event::default()
        })
        .collect();
    open.activity.activity.merge(events);
    open.activity.activity.faults.push(RecordFault {
        record: deck.next(),
        reason: deck.next(),
    });
    open.activity.refresh(
        &quell::domain::timeline::finding::Tuning::default(),
        &[],
        None,
    );
    model
}

/// Gives the model with nothing on top, and with each dialog that shows text from outside.
fn faces(model: &Model, deck: &mut Deck<'_>) -> Vec<Model> {
    let mut plan = scene::plan(true);
    if let Some(account) = model.open.as_ref().and_then(|open| open.the_account()) {
        plan.account = account.clone();
    }
    let layers = [
        Layer::Confirm {
            confirmation: Box::new(Confirmation::open(plan)),
            said: None,
            scroll: 0,
        },
        Layer::ChooseUser {
            names: (0..8).map(|_| deck.next()).collect(),
            cursor: 1,
        },
        Layer::Messages { scroll: 0 },
        Layer::Reading {
            title: deck.next().field(),
            text: deck.next().block(),
            scroll: 0,
        },
    ];
    let mut all = vec![model.clone()];
    for (pane, zoom) in [(Pane::Cases, true), (Pane::Activity, true)] {
        let mut face = model.clone();
        (face.focus, face.zoom) = (pane, zoom);
        all.push(face);
    }
    for layer in layers {
        let mut face = model.clone();
        face.layers.push(layer);
        all.push(face);
    }
    all
}

#[test]
fn every_pane_and_dialog_draws_what_a_terminal_then_shows() {
    let Some(corpus) = corpus("every_pane_and_dialog_draws_what_a_terminal_then_shows") else {
        return;
    };
    let theme: Theme = screen::theme("dark");
    for batch in corpus.chunks(150) {
        for size in SIZES {
            let mut deck = Deck(batch.iter().cycle());
            let model = dirty(&mut deck, size);
            let egress = Egress::new(Vec::new(), Allowed::default());
            let fixed = SizeSource::Fixed(size.0, size.1);
            let backend = LeanBackend::new(egress, fixed, Features::of_term("tmux"));
            let mut terminal = Terminal::new(backend).expect("a terminal");
            // One terminal for all faces: what an earlier frame left behind would show.
            for face in faces(&model, &mut deck) {
                terminal
                    .draw(|frame| quell::ui::draw(&face, &theme, frame))
                    .expect("a frame");
                let buffer = screen::drawn(&face, &theme, size);
                let writer = terminal.backend().writer();
                let first = batch[0].escape_ascii();
                assert_eq!(writer.violations(), 0, "from {first}");
                let drift = first_drift(&buffer, writer.get_ref());
                assert_eq!(drift, None, "{size:?} from {first}: {:?}", face.layers);
            }
        }
    }
}

#[test]
fn the_log_keeps_every_string_in_visible_ascii_and_verifies() {
    let Some(corpus) = corpus("the_log_keeps_every_string_in_visible_ascii_and_verifies") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = |raw: &[u8]| Untrusted::new(String::from_utf8_lossy(raw));
    let identity = Identity {
        host: text(&corpus[0]),
        uid: 1000,
        user: text(&corpus[1]),
    };
    let log = AuditLog::open(dir.path(), identity).expect("a log");
    let plan = scene::plan(false);
    for batch in corpus.chunks(200) {
        let bodies = batch
            .iter()
            .map(|raw| Body::Refusal {
                case: plan.case.clone(),
                account: None,
                login: text(raw),
                kinds: Vec::new(),
                guard: "target".to_owned(),
                reason: text(raw),
            })
            .collect();
        log.append_blocking(bodies).expect("it is written");
    }
    drop(log);
    let files = std::fs::read_dir(dir.path()).expect("a directory");
    for file in files.filter_map(|file| std::fs::read(file.ok()?.path()).ok()) {
        let bad = file.iter().find(|b| !matches!(b, 0x20..=0x7E | b'\n'));
        assert_eq!(bad, None);
    }
    for json in [false, true] {
        let mut shown = Vec::new();
        let code = quell::cli::audit::show(dir.path(), json, &mut shown).expect("shown");
        assert_eq!(code, 0);
        let shown = String::from_utf8(shown).expect("UTF-8");
        let bad = shown.chars().find(|c| is_forbidden(*c) && *c != '\n');
        assert_eq!(bad, None);
    }
    let code = quell::cli::audit::verify(dir.path(), false, &mut Vec::new());
    assert!(matches!(code, Ok(0 | 2)), "{code:?}");
}

#[test]
fn comments_hold_no_control_no_link_and_no_html_of_others() {
    let Some(corpus) = corpus("comments_hold_no_control_no_link_and_no_html_of_others") else {
        return;
    };
    let model = scene::response((120, 40));
    let action: ActionView = model.ledger.actions().next().cloned().expect("an action");
    let anchor = Anchor {
        log: "01J".to_owned(),
        n: 1,
        h: "ab".to_owned(),
        at: model.now.utc,
    };
    for raw in &corpus {
        let text = Untrusted::new(String::from_utf8_lossy(raw));
        let mut action = action.clone();
        action.login = text.clone();
        action.account.id = text.raw().to_owned();
        action.evidence = Some(text.clone());
        let pid = action.pid.clone();
        let comment = compose(
            &pid,
            &[&action],
            &text.field(),
            &Standing::Free,
            None,
            &anchor,
        );
        let note = sink::markdown(&text.block());
        for sunk in [&comment, &note] {
            let bad = sunk.chars().find(|c| is_forbidden(*c) && *c != '\n');
            assert_eq!(bad, None, "{sunk:?}");
            assert!(!sunk.contains(['<', '>']), "{sunk}");
            // A backslash before it makes each of them plain text.
            let live = sunk.replace("\\](", "").replace("\\://", "");
            assert!(!live.contains("](") && !live.contains("://"), "{sunk}");
        }
        assert_eq!(comment.matches("quell:").count(), 1, "{comment}");
    }
}
