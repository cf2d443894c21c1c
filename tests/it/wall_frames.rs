//! Pictures of the wall from walls made by hand, and what holds of all of them.
//!
//! `QUELL_PICTURES=folder` writes every picture as a file of terminal bytes, to be looked at.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use quell::app::keymap::Chord;
use quell::app::message::Message;
use quell::app::wall::{News, Responses, Wall};
use quell::config::settings::{EnvironmentKind, Mode, Names, Wall as Shown};
use quell::connect::watching::watched;
use quell::domain::case::{Case, Comment};
use quell::domain::fault::Fault;
use quell::domain::freshness::Moment;
use quell::domain::ids::ConnectionName;
use quell::domain::text::Untrusted;
use quell::terminal::backend::{LeanBackend, SizeSource};
use quell::terminal::egress::{Allowed, Egress};
use quell::terminal::features::Features;
use quell::ui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use rstest::rstest;

use crate::harness::screen::{picture, theme};
use crate::scene;
use crate::wire::is_forbidden;

fn name(text: &str) -> ConnectionName {
    ConnectionName::parse(text).expect("a name")
}

fn later(seconds: u64) -> Moment {
    let now = scene::now();
    Moment {
        utc: now.utc + TimeDelta::seconds(i64::try_from(seconds).expect("few")),
        boot: now.boot + Duration::from_secs(seconds),
    }
}

fn blank(names: Names) -> Wall {
    let settings = scene::settings(Mode::Live, EnvironmentKind::Production);
    let shown = Shown {
        names,
        ..Shown::default()
    };
    let left = Arc::new(watched(&settings));
    Wall::new(&settings, left, shown, scene::now())
}

fn cases(count: usize) -> Vec<Case> {
    let queue = scene::queue((120, 40)).queue;
    let all = queue.all().iter().cycle().take(count).cloned();
    let numbered = (0u64..).zip(all).map(|(place, mut case)| {
        if count > 12 {
            case.number = Some(5_000 + place);
            case.id = scene::case_id(5_000 + place);
        }
        case
    });
    numbered.collect()
}

fn heard(wall: &mut Wall, at: Moment, cases: Vec<Case>) {
    let result = Ok((cases, false, 0));
    let source = name("hive");
    wall.update(at, News::Cases { source, result });
    let source = name("elastic");
    let result = Ok(());
    wall.update(at, News::Asked { source, result });
}

fn told(text: &str) -> News {
    let comment = Comment {
        id: "~c".into(),
        author: "sam@acme.example".into(),
        at: scene::now().utc - TimeDelta::minutes(50),
        message: Untrusted::new(text),
        edited: false,
    };
    News::Comments {
        source: name("hive"),
        comments: vec![(scene::case_id(4797), comment)],
        result: Ok(()),
    }
}

/// No new comments, and whether they could be read.
fn no_comments(result: Result<(), Fault>) -> News {
    News::Comments {
        source: name("hive"),
        comments: Vec::new(),
        result,
    }
}

fn wall_of(scene_name: &str, names: Names) -> Wall {
    let mut wall = blank(names);
    match scene_name {
        "waiting" => {}
        "night" => {
            heard(&mut wall, scene::now(), cases(12));
            wall.responses = Responses::of(scene::held((120, 40)).ledger);
            wall.update(
                scene::now(),
                told(
                    "**Containment record**\n\nAccount: h\\.tanaka\\@acme\\.example (id 00u7 at okta)\n\
                     Account is contained.\nContained until 2026-03-07 20:30:00Z, owner sam.\n\nquell:01PLAN",
                ),
            );
        }
        "running" => {
            heard(&mut wall, scene::now(), cases(12));
            wall.responses = Responses::of(scene::response((120, 40)).ledger);
        }
        "quiet" => heard(&mut wall, scene::now(), Vec::new()),
        "many" => heard(&mut wall, scene::now(), cases(340)),
        "old" | "dead" => {
            heard(&mut wall, scene::now(), cases(12));
            let fault = Fault::new("failed to list cases at hive: no answer in 10 s");
            let source = name("hive");
            let result = Err(fault);
            let age = if scene_name == "old" { 125 } else { 3_700 };
            wall.update(later(age), News::Cases { source, result });
            let fault = Fault::new("failed to list the audit log: permission denied");
            wall.update(later(age), News::Log(Err(fault)));
        }
        other => panic!("no scene {other}"),
    }
    wall
}

fn drawn(wall: &Wall, theme: &Theme, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| quell::ui::wall::draw(wall, theme, frame))
        .expect("a frame");
    terminal.backend().buffer().clone()
}

#[test]
fn what_was_enabled_again_and_is_watched_is_one_line() {
    let mut wall = blank(Names::Short);
    heard(&mut wall, scene::now(), cases(12));
    wall.responses = Responses::of(scene::recovering((120, 40)).ledger);
    let screen = picture(&drawn(&wall, &theme("dark"), (200, 60)));
    for line in [
        "L. S.   enabled again, watched until Mar 9 06:12Z",
        "K. O.   ENABLED AGAIN, SEEN SINCE, watched until Mar 9",
    ] {
        assert!(screen.contains(line), "{screen}");
    }
    assert!(!screen.contains("203.0.113.77"), "{screen}");
}

#[test]
fn what_a_log_says_that_was_edited_or_cut_is_not_shown_as_certain() {
    let mut wall = wall_of("night", Names::Short);
    let broken = Fault::new("the audit log is BROKEN, 2 faults");
    wall.update(scene::now(), News::LogWhole(Some(broken)));
    let wide = |wall: &Wall| picture(&drawn(wall, &theme("dark"), (300, 90)));
    let screen = wide(&wall);
    for line in [
        "log failing",
        "audit log BROKEN or cut: what it says of accounts is not certain",
        "M. L.   contained? until",
        "H. T.   contained until",
        "PARTLY?: no disabling from here holds",
        "log    this host     failing  BROKEN or cut",
    ] {
        assert!(screen.contains(line), "{line}\n{screen}");
    }
    assert!(!screen.contains("2 faults"), "{screen}");
    let small = picture(&drawn(&wall, &theme("dark"), (80, 24)));
    assert!(small.contains("audit log BROKEN or cut"), "{small}");
    wall.responses = Responses::default();
    let none = wide(&wall);
    assert!(!none.contains("this host or a case"), "{none}");
    wall.update(scene::now(), News::LogWhole(None));
    let well = wide(&wall);
    for word in ["BROKEN", "failing", "not certain"] {
        assert!(!well.contains(word), "{well}");
    }
}

/// Another host enabled the account after this one contained it: its comment is the later word.
#[test]
fn what_its_case_says_otherwise_later_is_not_shown_as_certain() {
    let enabled = || {
        let comment = Comment {
            id: "~d".into(),
            author: "sam@acme.example".into(),
            at: later(30).utc,
            message: Untrusted::new(
                "**Containment record**\n\nAccount: mara\\.lind\\@acme\\.example \
                 (id 00u1f9ke2xQ7mZ4tH697 at okta)\nAccount is not contained.\n\nquell:01PLAN",
            ),
            edited: false,
        };
        News::Comments {
            source: name("hive"),
            comments: vec![(scene::case_id(4812), comment)],
            result: Ok(()),
        }
    };
    let certain = "M. L.   contained until";
    let doubted = "M. L.   contained?, its case says otherwise 03:13Z";
    for look in ["dark", "no-color"] {
        for size in [(80, 24), (120, 40), (300, 90)] {
            let mut wall = wall_of("night", Names::Short);
            let mut shown = String::new();
            for turn in 0..12 {
                let at = later(60 + turn * 15);
                if turn == 0 {
                    wall.update(at, enabled());
                }
                heard(&mut wall, at, cases(12));
                shown.push_str(&picture(&drawn(&wall, &theme(look), size)));
            }
            assert!(shown.contains(doubted), "{look} {size:?}\n{shown}");
            assert!(!shown.contains(certain), "{look} {size:?}\n{shown}");
        }
    }
}

type Bytes = Terminal<LeanBackend<Egress<Vec<u8>>>>;

fn bytes(size: (u16, u16)) -> Bytes {
    let egress = Egress::new(Vec::new(), Allowed::default());
    let features = Features::of_term("xterm-256color");
    let backend = LeanBackend::new(egress, SizeSource::Fixed(size.0, size.1), features);
    Terminal::new(backend).expect("a terminal")
}

fn put(terminal: &mut Bytes, wall: &Wall, theme: &Theme) -> u64 {
    let before = terminal.backend().written();
    terminal
        .draw(|frame| quell::ui::wall::draw(wall, theme, frame))
        .expect("a frame");
    terminal.backend().written() - before
}

fn dump(file: &str, wall: &Wall, theme: &Theme, size: (u16, u16)) {
    let Some(folder) = std::env::var_os("QUELL_PICTURES") else {
        return;
    };
    let mut terminal = bytes(size);
    put(&mut terminal, wall, theme);
    let bytes = terminal.backend().writer().get_ref().clone();
    std::fs::write(std::path::Path::new(&folder).join(file), bytes).expect("a file");
}

/// What must stand on the first page of a scene at every size, and what where there is room for columns.
fn words_of(name: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match name {
        "waiting" => (
            &["cases waiting", "not known yet"],
            &["not asked by a wall"],
        ),
        "night" => (
            &["03:12Z", "#4812", "ack 11m"],
            &[
                "Contained accounts",
                "PARTLY: ",
                "by its case",
                "M. L.",
                "J. O.",
            ],
        ),
        "running" => (&["#4812"], &["disable account", "accepted"]),
        "quiet" => (&["every open case has an owner"], &["none that this host"]),
        "many" => (&["Unclaimed, next deadline first", "LATE"], &[]),
        "old" => (&["OLD DATA: "], &["STALE 2m"]),
        "dead" => (&["NO DATA: "], &["no answer 1h"]),
        other => panic!("no scene {other}"),
    }
}

#[rstest]
fn pictures_of_the_wall(
    #[values("waiting", "night", "running", "quiet", "many", "old", "dead")] name: &str,
    #[values((80, 24), (120, 40), (300, 90))] size: (u16, u16),
    #[values("dark", "light", "no-color")] look: &str,
) {
    let wall = wall_of(name, Names::Short);
    let theme = theme(look);
    dump(
        &format!("wall-{name}-{}x{}-{look}", size.0, size.1),
        &wall,
        &theme,
        size,
    );
    let text = picture(&drawn(&wall, &theme, size));
    let (always, wide) = words_of(name);
    let expected = always.iter().chain(wide.iter().filter(|_| size.0 >= 120));
    for word in expected.chain(&["READ ONLY", "CRITICAL", "UNCLAIMED"]) {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    if look == "dark" || (name == "night" && look == "no-color") {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("wall-{name}-{}x{}-{look}", size.0, size.1), text);
        });
    }
    for person in ["mara", "lind", "tomas", "tanaka", "okoro", "travel", "@"] {
        assert!(!text.contains(person), "{person} is in\n{text}");
    }
}

#[test]
fn names_are_shown_where_they_are_allowed() {
    let wall = wall_of("night", Names::Full);
    let text = picture(&drawn(&wall, &theme("dark"), (120, 40)));
    for word in ["h.tanaka@acme.example", "Impossible travel", "j.okoro"] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
}

/// A wall asks no provider: what is past its end may have been enabled since.
#[test]
fn what_is_past_its_end_says_that_it_goes_by_the_log() {
    let mut wall = wall_of("night", Names::Short);
    heard(&mut wall, later(90_000), cases(12));
    let text = picture(&drawn(&wall, &theme("dark"), (300, 90)));
    for words in [
        "contained  PAST ITS END  by the log of Mar ",
        "contained  PAST ITS END  by its case",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
}

#[test]
fn old_data_says_so_in_words_and_nothing_looks_live() {
    let theme = theme("no-color");
    let old = picture(&drawn(&wall_of("old", Names::Short), &theme, (120, 40)));
    assert!(
        old.contains("OLD DATA: the cases are as they were 2m ago"),
        "{old}"
    );
    assert!(old.contains("STALE 2m") && old.contains("OLD 2m"), "{old}");
    let dead = picture(&drawn(&wall_of("dead", Names::Short), &theme, (120, 40)));
    assert!(dead.contains("has not answered for 1h"), "{dead}");
    assert!(dead.contains("no answer 1h"), "{dead}");
    assert!(dead.contains("log not readable"), "{dead}");
}

#[test]
fn comments_that_could_not_be_read_are_a_failing_source_until_they_are() {
    let theme = theme("dark");
    let mut wall = wall_of("quiet", Names::Full);
    let shows = |wall: &Wall, word: &str| {
        let text = picture(&drawn(wall, &theme, (300, 40)));
        assert!(text.contains(word), "{word} is not in\n{text}");
    };
    shows(&wall, "cases ok");
    let fault = Fault::new("failed to read 1 of the comments at hive");
    wall.update(scene::now(), no_comments(Err(fault.clone())));
    for second in 1..5 {
        // Its cases are read all the while.
        heard(&mut wall, later(second), Vec::new());
        shows(&wall, "cases failing");
        wall.update(later(second), no_comments(Err(fault.clone())));
        shows(&wall, "failed to read 1 of the comments");
    }
    assert!(wall.may_show(&no_comments(Ok(()))));
    wall.update(later(5), no_comments(Ok(())));
    shows(&wall, "cases ok");
    heard(&mut wall, later(6), Vec::new());
    shows(&wall, "cases ok");
}

#[test]
fn a_wall_in_ascii_is_ascii() {
    let theme = theme("dark").with_ascii(true);
    for name in ["night", "running", "old", "many"] {
        for size in [(80, 24), (120, 40), (300, 90)] {
            let text = picture(&drawn(&wall_of(name, Names::Full), &theme, size));
            let others: String = text.chars().filter(|c| !c.is_ascii()).collect();
            assert_eq!(others, "", "{name} {size:?}");
        }
    }
}

#[test]
fn it_draws_at_every_size_and_nothing_forbidden() {
    let theme = theme("dark");
    let mut dice = fastrand::Rng::with_seed(3);
    let walls = ["waiting", "night", "many", "dead"].map(|name| wall_of(name, Names::Full));
    for _ in 0..300 {
        let size = (dice.u16(1..320), dice.u16(1..100));
        for wall in &walls {
            let text = picture(&drawn(wall, &theme, size));
            assert!(
                !text.chars().any(|c| c != '\n' && is_forbidden(c)),
                "{size:?}"
            );
        }
    }
}

#[test]
fn titles_written_by_attackers_reach_the_wall_as_safe_text_only() {
    let mut wall = blank(Names::Full);
    let mut rows = cases(3);
    for (case, title) in rows.iter_mut().zip([
        "\u{1b}]0;owned\u{7}\u{1b}[2J",
        "a\u{202e}b\u{200b}c\r\nd",
        "\u{9b}31m red",
    ]) {
        case.title = Untrusted::new(title);
        case.assignee = Some(Untrusted::new(title));
    }
    heard(&mut wall, scene::now(), rows);
    let mut terminal = bytes((120, 40));
    put(&mut terminal, &wall, &theme("dark"));
    assert_eq!(terminal.backend().writer().violations(), 0);
    let text = picture(&drawn(&wall, &theme("dark"), (120, 40)));
    assert!(text.contains("^[]0;owned^G"), "{text}");
}

#[test]
fn a_quiet_wall_writes_nothing_and_its_clock_little() {
    let theme = theme("dark");
    let mut wall = wall_of("quiet", Names::Short);
    let mut terminal = bytes((120, 40));
    assert!(put(&mut terminal, &wall, &theme) > 0);
    // Polls that bring nothing new, for the rest of the minute.
    for second in 1..20 {
        heard(&mut wall, later(second), Vec::new());
        assert!(!wall.may_show(&no_comments(Ok(()))), "second {second}");
        wall.update(later(second), no_comments(Ok(())));
        assert_eq!(put(&mut terminal, &wall, &theme), 0, "second {second}");
    }
    let minute = |second: u64| later(second).utc.timestamp() / 60;
    let mut shown = minute(19);
    for second in (20..3_620).step_by(10) {
        heard(&mut wall, later(second), Vec::new());
        let written = put(&mut terminal, &wall, &theme);
        let changed = minute(second) != shown;
        shown = minute(second);
        // The first one also changes the pen.
        let most = if second == 20 { 60 } else { 20 };
        assert_eq!(written > 0, changed, "{written} bytes at second {second}");
        assert!(written <= most, "{written} bytes at second {second}");
    }
}

#[test]
fn with_cases_a_minute_costs_their_ages_only() {
    let theme = theme("dark");
    let mut wall = wall_of("night", Names::Short);
    let mut terminal = bytes((120, 40));
    put(&mut terminal, &wall, &theme);
    let mut most = 0;
    for minute in 1..120 {
        heard(&mut wall, later(minute * 60), cases(12));
        most = most.max(put(&mut terminal, &wall, &theme));
    }
    println!("most bytes of a minute with twelve open cases: {most}");
    assert!(most < 600, "{most}");
}

#[test]
fn pages_turn_by_themselves_and_come_round() {
    let theme = theme("dark");
    let mut wall = wall_of("many", Names::Short);
    let mut seen = std::collections::BTreeSet::new();
    for turn in 0..40 {
        let at = later(turn * 15);
        heard(&mut wall, at, cases(340));
        let text = picture(&drawn(&wall, &theme, (80, 24)));
        let page = text.lines().find_map(|line| line.split_once("page "));
        let page = page.expect("there are several").1.trim().to_owned();
        seen.insert(page);
    }
    assert!(seen.len() > 2, "{seen:?}");
    let last = seen.iter().next_back().expect("one").clone();
    let (_, pages) = last.split_once(" of ").expect("page N of M");
    assert_eq!(seen.len().to_string(), pages, "{seen:?}");
}

#[test]
fn only_quitting_quits() {
    let mut wall = wall_of("night", Names::Short);
    let quiet = |text: &str| News::Terminal(Message::Key(Chord::parse(text).expect("a chord")));
    for key in [
        "a", "c", "y", "Enter", "Esc", "Ctrl-d", "Alt-q", "Ctrl-q", "Space",
    ] {
        assert!(wall.update(scene::now(), quiet(key)), "{key}");
    }
    assert!(wall.update(scene::now(), News::Terminal(Message::Pasted)));
    assert!(!wall.update(scene::now(), quiet("q")));
    assert!(!wall.update(scene::now(), quiet("Ctrl-c")));
    assert!(!wall.update(scene::now(), News::Terminal(Message::Ended)));
}
