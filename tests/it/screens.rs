//! Pictures of the whole screen, drawn from models made by hand, and what holds of all of them.
//!
//! `QUELL_PICTURES=folder` writes every picture as a file of terminal bytes, to be looked at.

use std::sync::Arc;

use proptest::prelude::*;
use quell::app::command::Context;
use quell::app::message::Handed;
use quell::app::model::closing::CloseDialog;
use quell::app::model::contained;
use quell::app::model::{Layer, Load, Model, Pane, Purpose};
use quell::app::report;
use quell::domain::case::Subject;
use quell::domain::containment::confirm::{Confirmation, DialogKey};
use quell::domain::fault::Fault;
use quell::domain::one_time::{OneTime, RANDOM};
use quell::domain::report::Target;
use quell::domain::report::layout::comment;
use quell::domain::text::{Safe, Untrusted};
use quell::domain::verdict::Verdict;
use quell::terminal::backend::{LeanBackend, SizeSource};
use quell::terminal::egress::{Allowed, Egress};
use quell::terminal::features::Features;
use quell::ui::theme::{Colors, Theme};
use ratatui::Terminal;
use ratatui_textarea::TextArea;
use rstest::rstest;

use crate::harness::screen::{drawn, picture, theme};
use crate::{scene, scene_list};

/// Writes the frame as the terminal would get it, where the environment asks for it.
fn dump(name: &str, model: &Model, theme: &Theme, (width, height): (u16, u16)) {
    let Some(folder) = std::env::var_os("QUELL_PICTURES") else {
        return;
    };
    let egress = Egress::new(Vec::new(), Allowed::default());
    let size = SizeSource::Fixed(width, height);
    let backend = LeanBackend::new(egress, size, Features::default());
    let mut terminal = Terminal::new(backend).expect("a terminal");
    terminal
        .draw(|frame| quell::ui::draw(model, theme, frame))
        .expect("a frame");
    let bytes = terminal.backend().writer().get_ref().clone();
    std::fs::write(std::path::Path::new(&folder).join(name), bytes).expect("a file");
}

fn scene_of(name: &str, size: (u16, u16)) -> Model {
    match name {
        "empty" => scene::empty(size),
        "queue" => scene::queue(size),
        "open" => scene::open(size),
        "confirm" => {
            let mut model = scene::open(size);
            let mut confirmation = Confirmation::open(scene::plan(false));
            confirmation.drawn(std::time::Duration::ZERO);
            for c in "mara.lind@".chars() {
                confirmation.key(DialogKey::Char(c), scene::now().boot);
            }
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(confirmation),
                said: None,
                scroll: 0,
            });
            model
        }
        "secret" => {
            let mut model = scene::response(size);
            let aid = scene::plan(false).steps[0].aid.clone();
            model.layers.push(Layer::Secret(Box::new(Handed {
                aid,
                login: "mara.lind@acme.example".into(),
                secret: Arc::new(OneTime::password(&[7; RANDOM])),
            })));
            model
        }
        "marked" => {
            let mut model = scene::queue(size);
            model.queue.move_to(1);
            model.queue.mark();
            model.queue.mark();
            let snoozed = [scene::case_id(4801)].into();
            model.queue.set_snoozed(snoozed);
            model
        }
        "closing" => {
            let mut model = scene::open(size);
            let id = model
                .open
                .as_ref()
                .map(|open| open.id.clone())
                .expect("a case is open");
            let mut dialog = CloseDialog::new(
                vec![(id.clone(), "#4812".into())],
                Some(Verdict::TrueWithImpact),
                4,
            );
            let task = |id: &str, title: &str| (Untrusted::new(id), Untrusted::new(title));
            let open = vec![
                task("~1", "Tell the helpdesk"),
                task("~2", "Lock out the account"),
            ];
            dialog.open.insert(id, Ok(open));
            dialog
                .area
                .insert_str("The password was stolen; the account is contained.");
            model.layers.push(Layer::Close(Box::new(dialog)));
            model
        }
        "card" => {
            let mut model = scene::open(size);
            model.layers.push(Layer::Card { scroll: 0 });
            model
        }
        "others" => {
            let mut model = scene::open(size);
            let user = Subject::User(Untrusted::new("mara.lind"));
            model
                .queue
                .subjects
                .insert(scene::case_id(4801), user.clone());
            model.queue.subjects.insert(scene::case_id(4790), user);
            if let Some(open) = &mut model.open {
                open.similar = Load::Ready(Vec::new(), scene::now());
            }
            model.layers.push(Layer::Related { cursor: 0 });
            model
        }
        "commands" => {
            let mut model = scene::queue(size);
            model.layers.push(Layer::Search {
                typed: "cl".to_owned(),
                cursor: 0,
            });
            model
        }
        "refused" => {
            let mut model = scene::open(size);
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(Confirmation::open(scene::plan(true))),
                said: Some("a guard refuses this plan".into()),
                scroll: 0,
            });
            model
        }
        "second" => {
            let mut model = scene::open(size);
            let mut plan = scene::plan(false);
            plan.need = Some(scene::need());
            plan.campaign = Some("phish-2026-03".to_owned());
            model.layers.push(Layer::Confirm {
                confirmation: Box::new(Confirmation::open(plan)),
                said: None,
                scroll: 0,
            });
            model
        }
        "approvals" => {
            let mut model = scene::asked(size);
            model.layers.push(Layer::Approvals { cursor: 0 });
            model
        }
        "approve" => {
            let mut model = scene::asked(size);
            let mut consent = scene::consent(&model);
            for c in "mara.lind@".chars() {
                consent.key(DialogKey::Char(c), scene::now().boot);
            }
            model.layers.push(Layer::Approve {
                consent: Box::new(consent),
                said: None,
                scroll: 0,
            });
            model
        }
        "contained" => scene::response(size),
        "response" => {
            let mut model = scene::response(size);
            model.layers.push(Layer::Response { scroll: 0 });
            model
        }
        "escalation" => {
            let mut model = scene::open(size);
            model.escalation = Some(scene::escalation());
            model.layers.push(Layer::Escalation { scroll: 0 });
            model
        }
        "documents" | "report" | "preview" => report_of(name, size),
        "unfinished" => {
            let mut model = scene::response(size);
            model.show_unfinished();
            model
        }
        "held" | "held-none" | "held-end" => {
            let mut model = if name == "held-none" {
                scene::open(size)
            } else {
                scene::held(size)
            };
            model.layers.push(Layer::Contained { cursor: 0 });
            let of = contained::rows(&model)
                .first()
                .and_then(contained::Contained::held)
                .map(Box::new);
            if let (Some(of), "held-end") = (of, name) {
                model.layers.push(Layer::HoldEnd {
                    of,
                    watch: false,
                    cursor: 2,
                });
            }
            model
        }
        "watched" => {
            let mut model = scene::recovering(size);
            model.layers.push(Layer::Contained { cursor: 3 });
            model
        }
        "help" => {
            let mut model = scene::open(size);
            model.layers.push(Layer::Help {
                context: Context::Activity,
                scroll: 0,
            });
            model
        }
        "contain" => {
            let mut model = scene::response(size);
            model.layers.push(Layer::Contain { cursor: 1 });
            model
        }
        "likelihood" => {
            let mut model = scene::open(size);
            model.layers.push(Layer::Likelihood { cursor: 2 });
            model
        }
        "search" => {
            let mut model = scene::open(size);
            model.layers.push(Layer::Search {
                typed: "go to".to_owned(),
                cursor: 3,
            });
            model
        }
        "filter" => {
            let mut model = scene::queue(size);
            model.queue.set_filter("mfa".to_owned());
            model.layers.push(Layer::Filter {
                before: String::new(),
                esc: false,
            });
            model
        }
        "note" => {
            let mut model = scene::open(size);
            let mut area =
                TextArea::from(["The user confirms: not in Lagos.", "Manager informed."]);
            area.move_cursor(ratatui_textarea::CursorMove::End);
            model.layers.push(Layer::Writing {
                purpose: Purpose::Note(scene::case_id(4812)),
                area: Box::new(area),
                esc: false,
            });
            model
        }
        "checklist" => {
            let mut model = scene::response(size);
            model.focus = Pane::Checklist;
            model.checklist_cursor = 3;
            model
        }
        "actions" => {
            let mut model = scene::response(size);
            model.focus = Pane::Actions;
            model.actions_cursor = 2;
            model
        }
        "failed" => failed(size),
        "hostile" => scene::hostile(size),
        other => scene_list::of(other, size).unwrap_or_else(|| panic!("no scene {other}")),
    }
}

/// Every source down in its own way, and a case whose account could not be read.
fn failed(size: (u16, u16)) -> Model {
    let mut model = scene::open(size);
    for (place, source) in (0u64..).zip(&mut model.sources) {
        source.heard.good = Some(std::time::Duration::from_secs(100_000 - 100 - place * 400));
        source.bad_records = usize::from(place == 0);
    }
    let fault =
        Fault::new("failed to search logs at elastic: no answer in 10 s").hint("check the tunnel");
    if let Some(open) = &mut model.open {
        open.account = Load::Failed(
            Fault::new("failed to read mara.lind at okta: 429 after 3 tries"),
            scene::now(),
        );
        open.activity = quell::app::model::ActivityPane::begin(2, 72, scene::now());
        open.activity.fault = Some(fault.clone());
        open.activity.loading = None;
    }
    model.audit_fault = Some(Fault::new("no space left on the disk"));
    model.say(quell::app::message::Level::Error, fault.what, fault.hint);
    model
}

/// A report: its phase is chosen, it is written, it is looked at before the post.
fn report_of(name: &str, size: (u16, u16)) -> Model {
    let mut model = scene::response(size);
    let cursor = report::current(&model);
    let of = Target {
        case: model.open.as_ref().expect("a case is open").id.clone(),
        subject: report::rows(&model)[cursor].subject.clone(),
    };
    if name == "documents" {
        model.layers.push(Layer::Documents { cursor });
        return model;
    }
    let text = report::compose(&model, &of);
    let of = Box::new(of);
    model.layers.push(Layer::Writing {
        purpose: Purpose::Document(of.clone()),
        area: Box::new(TextArea::from(text.lines())),
        esc: false,
    });
    if name == "preview" {
        let (text, by) = (Untrusted::new(text), model.operator.signed());
        model.layers.push(Layer::Preview {
            of,
            shown: Untrusted::new(comment(&text, &by)).block(),
            text,
            by,
            empty: 1,
            known: Vec::new(),
            scroll: 0,
        });
    }
    model
}

#[rstest]
fn pictures(
    #[values(
        "empty",
        "queue",
        "marked",
        "closing",
        "card",
        "others",
        "commands",
        "open",
        "confirm",
        "secret",
        "refused",
        "second",
        "approvals",
        "approve",
        "contained",
        "response",
        "escalation",
        "documents",
        "report",
        "preview",
        "unfinished",
        "held",
        "held-none",
        "held-end",
        "watched",
        "help",
        "contain",
        "likelihood",
        "search",
        "filter",
        "note",
        "checklist",
        "list-gate",
        "list-inputs",
        "list-link",
        "list-nested",
        "list-waive",
        "list-waived",
        "list-closed",
        "list-skip",
        "list-back",
        "actions",
        "event",
        "event-filter",
        "pivot",
        "messages",
        "runbook-choice",
        "planning",
        "window",
        "quit",
        "snooze",
        "ask",
        "user",
        "rearm",
        "reading-request",
        "opening",
        "left",
        "left-end",
        "left-failed",
        "left-marked",
        "removal",
        "removals",
        "removals-end",
        "failed",
        "hostile"
    )]
    name: &str,
    #[values((80, 24), (120, 40), (200, 60))] size: (u16, u16),
    #[values("dark", "no-color")] look: &str,
) {
    let model = scene_of(name, size);
    let theme = theme(look);
    let file = format!("{name}-{}x{}-{look}", size.0, size.1);
    dump(&file, &model, &theme, size);
    let text = picture(&drawn(&model, &theme, size));
    if look == "dark" || ["queue", "open", "confirm", "failed"].contains(&name) {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(file, text);
        });
    }
}

#[rstest]
#[case("open", (120, 40), "light")]
#[case("open", (120, 40), "ansi16")]
#[case("open", (60, 15), "dark")]
#[case("open", (59, 15), "dark")]
fn more_pictures(#[case] name: &str, #[case] size: (u16, u16), #[case] look: &str) {
    let model = scene_of(name, size);
    let theme = theme(look);
    let file = format!("{name}-{}x{}-{look}", size.0, size.1);
    dump(&file, &model, &theme, size);
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(file, picture(&drawn(&model, &theme, size)));
    });
}

#[test]
fn ascii_is_ascii_where_the_data_is() {
    let size = (120, 40);
    let theme = theme("dark").with_ascii(true);
    let model = scene_of("contained", size);
    dump("contained-ascii", &model, &theme, size);
    let text = picture(&drawn(&model, &theme, size));
    let others: String = text.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(others, "");
}

#[rstest]
fn colours_only_repeat_what_words_say(
    #[values("queue", "open", "contained", "response", "failed", "confirm")] name: &str,
) {
    let size = (120, 40);
    let model = scene_of(name, size);
    let strip = |text: String| {
        text.lines()
            .filter(|line| !line.starts_with("styles"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let dark = strip(picture(&drawn(&model, &theme("dark"), size)));
    for look in ["light", "ansi16", "no-color"] {
        assert_eq!(
            strip(picture(&drawn(&model, &theme(look), size))),
            dark,
            "{look}"
        );
    }
}

#[test]
fn hostile_text_reaches_the_terminal_only_as_visible_marks() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        for focus in Pane::ALL {
            let mut model = scene::hostile(size);
            model.focus = focus;
            let egress = Egress::new(Vec::new(), Allowed::default());
            let backend = LeanBackend::new(
                egress,
                SizeSource::Fixed(size.0, size.1),
                Features::default(),
            );
            let mut terminal = Terminal::new(backend).expect("a terminal");
            terminal
                .draw(|frame| quell::ui::draw(&model, &theme("dark"), frame))
                .expect("a frame");
            assert_eq!(terminal.backend().writer().violations(), 0);
            let text = picture(&drawn(&model, &theme("dark"), size));
            assert!(text.contains("^["), "the escape character is shown");
            if [Pane::Cases, Pane::Activity].contains(&focus) {
                assert!(text.contains("[look-alike]"), "{size:?} {focus:?}");
            }
        }
    }
}

#[test]
fn an_emulator_shows_the_same_cells() {
    let size = (120, 40);
    let model = scene::hostile(size);
    let buffer = drawn(&model, &theme("dark"), size);
    let egress = Egress::new(Vec::new(), Allowed::default());
    let backend = LeanBackend::new(
        egress,
        SizeSource::Fixed(size.0, size.1),
        Features::of_term("tmux"),
    );
    let mut terminal = Terminal::new(backend).expect("a terminal");
    terminal
        .draw(|frame| quell::ui::draw(&model, &theme("dark"), frame))
        .expect("a frame");
    let cells = |n: u16| std::num::NonZeroU16::new(n).expect("not zero");
    let mut parser = vt100::Parser::new(cells(size.1), cells(size.0), 0);
    parser.process(terminal.backend().writer().get_ref());
    for y in 0..size.1 {
        for x in 0..size.0 {
            let shown = parser.screen().cell(y, x).expect("a cell");
            if shown.is_wide_continuation() {
                continue;
            }
            let text = if shown.has_contents() {
                shown.contents()
            } else {
                " "
            };
            assert_eq!(buffer[(x, y)].symbol(), text, "{x},{y}");
        }
    }
}

/// Bytes of each frame while something is done to a model.
struct Meter(Terminal<LeanBackend<Egress<Vec<u8>>>>, Theme);

impl Meter {
    fn new(model: &Model, size: (u16, u16)) -> Self {
        let egress = Egress::new(Vec::new(), Allowed::default());
        let features = Features::of_term("xterm-256color");
        let backend = LeanBackend::new(egress, SizeSource::Fixed(size.0, size.1), features);
        let mut meter = Self(
            Terminal::new(backend).expect("a terminal"),
            Theme::choose(Some("dark"), false, Colors::Indexed).expect("a theme"),
        );
        meter.frame(model);
        meter
    }

    fn frame(&mut self, model: &Model) -> u64 {
        let before = self.0.backend().written();
        let theme = &self.1;
        self.0
            .draw(|frame| quell::ui::draw(model, theme, frame))
            .expect("a frame");
        self.0.backend().written() - before
    }
}

#[test]
fn an_idle_console_writes_nothing_and_the_clock_little() {
    let size = (120, 40);
    let mut model = scene::response(size);
    let mut meter = Meter::new(&model, size);
    assert_eq!(meter.frame(&model), 0);
    model.now.boot += std::time::Duration::from_secs(5);
    model.now.utc += chrono::TimeDelta::seconds(5);
    assert_eq!(meter.frame(&model), 0, "five seconds later");
}

#[rstest]
#[case(Pane::Cases, 165)]
#[case(Pane::Activity, 165)]
fn a_moved_cursor_costs_few_bytes(#[case] pane: Pane, #[case] most: u64) {
    let size = (120, 40);
    let mut model = scene::huge(size, 500, 2_000);
    model.focus = pane;
    let mut meter = Meter::new(&model, size);
    let mut sum = 0;
    for step in 0..100 {
        match pane {
            Pane::Cases => model.queue.move_to(step + 1),
            _ => {
                if let Some(open) = &mut model.open {
                    open.activity.move_to(step);
                }
            }
        }
        sum += meter.frame(&model);
    }
    println!("{pane:?}: {} bytes a key", sum / 100);
    assert!(sum / 100 <= most, "{pane:?}: {} bytes a key", sum / 100);
}

#[test]
fn another_pane_costs_two_titles() {
    let size = (120, 40);
    let mut model = scene::open(size);
    let mut meter = Meter::new(&model, size);
    let mut costs = Vec::new();
    for pane in [Pane::Checklist, Pane::Actions, Pane::Cases, Pane::Activity] {
        model.focus = pane;
        costs.push(meter.frame(&model));
    }
    println!("pane switch: {costs:?} bytes");
    assert!(costs.iter().sum::<u64>() / 4 <= 120, "{costs:?}");
}

#[test]
fn a_letter_of_the_filter_costs_few_bytes() {
    let size = (120, 40);
    let mut model = scene::queue(size);
    model.layers.push(Layer::Filter {
        before: String::new(),
        esc: false,
    });
    model.queue.set_filter("mara".to_owned());
    let mut costs = Vec::new();
    let mut meter = Meter::new(&model, size);
    // The rows stay as they are: only the letter itself changes.
    for filter in ["mara.", "mara.l", "mara.li", "mara.lin"] {
        model.queue.set_filter(filter.to_owned());
        costs.push(meter.frame(&model));
    }
    println!("filter: {costs:?} bytes a letter");
    assert!(costs.iter().all(|cost| *cost <= 72), "{costs:?}");
}

fn any_layer() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![
        None,
        Some("confirm"),
        Some("secret"),
        Some("response"),
        Some("help"),
        Some("contain"),
        Some("search"),
        Some("note"),
        Some("unfinished"),
        Some("held"),
        Some("held-end"),
        Some("watched"),
        Some("escalation"),
        Some("likelihood"),
        Some("filter"),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    /// No size, no focus and no cursor makes drawing panic.
    #[test]
    fn drawing_never_panics(
        width in prop_oneof![0u16..130, 130u16..1000],
        height in prop_oneof![0u16..45, 45u16..300],
        pane in 0usize..4,
        zoom: bool,
        cursor in 0usize..200,
        layer in any_layer(),
        ascii: bool,
    ) {
        let size = (width, height);
        let mut model = match layer {
            Some(layer) => scene_of(layer, size),
            None => scene::hostile(size),
        };
        model.focus = Pane::ALL[pane];
        model.zoom = zoom;
        model.checklist_cursor = cursor;
        model.actions_cursor = cursor;
        model.queue.move_to(cursor);
        if let Some(open) = &mut model.open {
            open.activity.move_to(cursor);
        }
        if let Some(
            Layer::Response { scroll: at }
            | Layer::Help { scroll: at, .. }
            | Layer::Contain { cursor: at }
            | Layer::Unfinished { cursor: at, .. }
            | Layer::Contained { cursor: at }
            | Layer::HoldEnd { cursor: at, .. }
            | Layer::Likelihood { cursor: at }
            | Layer::Search { cursor: at, .. },
        ) = model.layers.last_mut()
        {
            *at = cursor;
        }
        drawn(&model, &theme("dark").with_ascii(ascii), size);
    }

    /// Any text from outside can be read in full, wherever it is scrolled to.
    #[test]
    fn reading_never_panics(text in ".{0,400}", scroll in 0usize..50, width in 60u16..100) {
        let size = (width, 20);
        let mut model = scene::empty(size);
        model.layers.push(Layer::Reading {
            title: Safe::fixed("a record"),
            text: Untrusted::new(text).block(),
            scroll,
        });
        drawn(&model, &theme("dark"), size);
    }
}

/// A storm of sizes, from one cell to far more than any screen: no panic, and nothing but the one line where it is small.
#[test]
fn a_storm_of_sizes_is_survived() {
    let theme = Theme::choose(Some("dark"), false, Colors::Indexed).expect("a theme");
    let mut dice = fastrand::Rng::with_seed(5);
    let mut sizes: Vec<(u16, u16)> = vec![
        (1, 1),
        (1, 300),
        (1000, 1),
        (1000, 300),
        (59, 15),
        (60, 14),
        (60, 15),
        (200, 60),
    ];
    sizes.extend((0..60).map(|_| (dice.u16(1..320), dice.u16(1..100))));
    for name in ["open", "confirm", "queue", "closing", "card"] {
        for size in &sizes {
            let mut model = scene_of(name, *size);
            model.focus = Pane::ALL[dice.usize(0..4)];
            let text = drawn(&model, &theme, *size);
            if (size.0 < 60 || size.1 < 15) && size.0 >= 34 {
                assert!(
                    format!("{text:?}").contains("quell needs 60x15"),
                    "{size:?}"
                );
            }
        }
    }
}
