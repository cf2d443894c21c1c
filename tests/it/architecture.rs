//! The rules of ARCHITECTURE.md that can be read from the source: imports run downwards, the pure rooms are pure,
//! files stay short, and words that mean unfinished work are not there.
//!
//! The checker is a function over a path and a text, so that the tests below can show it failing.

use std::fs;
use std::path::Path;

use rstest::rstest;

mod lexer;

use lexer::{Token, code_of, paths_of, tokens_of, without_tests};

/// Each room with the rooms it may use; whatever is not named is forbidden.
const ROOMS: [(&str, &[&str]); 10] = [
    ("domain", &[]),
    ("config", &["domain"]),
    ("app", &["config", "domain"]),
    ("ui", &["app", "config", "domain"]),
    ("terminal", &["app", "config", "domain"]),
    ("connect", &["config", "domain"]),
    ("store", &["config", "domain"]),
    ("engine", &["connect", "store", "app", "config", "domain"]),
    ("drill", &["domain"]),
    (
        "cli",
        &[
            "engine", "ui", "terminal", "drill", "connect", "store", "app", "config", "domain",
        ],
    ),
];
/// Rooms without io, clock and async.
const PURE: [&str; 4] = ["domain", "config", "app", "ui"];
/// Crates that a pure room has no business with.
const WORLDLY: [&str; 6] = [
    "tokio",
    "tokio_util",
    "reqwest",
    "axum",
    "rustix",
    "futures",
];
/// Parts of the standard library that are the world.
const WORLD: [&str; 5] = ["fs", "net", "process", "env", "thread"];
const CLOCKS: [&str; 4] = ["Utc", "Local", "Instant", "SystemTime"];
const PRINTING: [&str; 5] = ["println", "eprintln", "print", "eprint", "dbg"];
/// Most lines of a file without its tests.
const MOST_LINES: usize = 500;
/// Names that say nothing.
const EMPTY_NAMES: [&str; 7] = [
    "utils", "util", "helpers", "helper", "common", "manager", "misc",
];

/// Checks one file of `src`; `path` is relative to `src`, with `/`.
fn faults(path: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let own = without_tests(&code);
    let tokens = tokens_of(&code);
    let own_tokens = tokens_of(&own);
    let mut found = Vec::new();
    check_names(path, text, &mut found);
    check_length(path, &own, &mut found);
    check_layers(path, &tokens, &mut found);
    check_words(path, text, &tokens, &mut found);
    check_printing(path, &own_tokens, &mut found);
    if PURE.contains(&room_of(path)) {
        check_pure(path, &own_tokens, &mut found);
    }
    found
}

/// Gives the room of a file: the folder, or the file that opens it.
fn room_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first)
}

fn check_names(path: &str, text: &str, found: &mut Vec<String>) {
    let known = matches!(path, "main.rs" | "lib.rs")
        || ROOMS.iter().any(|(room, _)| *room == room_of(path));
    if !known {
        found.push(format!("{path}: is in none of the ten rooms"));
    }
    for part in path.split('/') {
        let name = part.strip_suffix(".rs").unwrap_or(part);
        if name == "mod" || EMPTY_NAMES.contains(&name) {
            found.push(format!(
                "{path}: the name {name} does not say what is in it"
            ));
        }
    }
    let is_test = path.ends_with("/tests.rs");
    if !is_test && !text.starts_with("//!") {
        found.push(format!(
            "{path}:1: does not open with //! what lives here and what must not"
        ));
    }
}

fn check_length(path: &str, own: &str, found: &mut Vec<String>) {
    let lines = own.trim_end().lines().count();
    if lines > MOST_LINES && !path.ends_with("/tests.rs") {
        found.push(format!(
            "{path}: has {lines} lines without its tests, more than {MOST_LINES}"
        ));
    }
}

fn check_layers(path: &str, tokens: &[Token<'_>], found: &mut Vec<String>) {
    let room = room_of(path);
    let allowed: &[&str] = match path {
        "main.rs" => &["cli"],
        _ => ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .map_or(&[], |(_, below)| below),
    };
    // How many times `super` leads out of the room.
    let depth = path.matches('/').count() + 1;
    for (line, segments) in paths_of(tokens) {
        let ups = segments
            .iter()
            .take_while(|segment| **segment == "super")
            .count();
        let target = match segments.first() {
            Some(&("crate" | "quell")) => segments.get(1),
            Some(&"super") if ups >= depth => segments.get(ups),
            _ => None,
        };
        let Some(target) = target.filter(|target| ROOMS.iter().any(|(name, _)| name == *target))
        else {
            continue;
        };
        if *target != room && !allowed.contains(target) {
            found.push(format!("{path}:{line}: {room} must not use {target}"));
        }
    }
}

fn check_pure(path: &str, tokens: &[Token<'_>], found: &mut Vec<String>) {
    for (line, segments) in paths_of(tokens) {
        let first = segments.first().copied().unwrap_or_default();
        let second = segments.get(1).copied().unwrap_or_default();
        let reads_clock = segments
            .windows(2)
            .any(|pair| CLOCKS.contains(&pair[0]) && pair[1] == "now");
        if WORLDLY.contains(&first)
            || (first == "std" && WORLD.contains(&second) && !is_address(&segments))
            || reads_clock
            || segments.contains(&"SystemTime")
        {
            found.push(format!(
                "{path}:{line}: a pure room must not use {}",
                segments.join("::")
            ));
        }
    }
    for pair in tokens.windows(2) {
        let waits = (pair[0].text == "async" && matches!(pair[1].text, "fn" | "move" | "{" | "|"))
            || (pair[0].text == "." && pair[1].text == "await");
        if waits {
            found.push(format!(
                "{path}:{}: a pure room must not be async",
                pair[0].line
            ));
        }
    }
}

/// Tells whether it is a plain value for an address: those are in `std::net` too and reach nothing.
fn is_address(segments: &[&str]) -> bool {
    matches!(
        segments,
        [
            "std",
            "net",
            "IpAddr" | "Ipv4Addr" | "Ipv6Addr" | "SocketAddr",
            ..
        ]
    )
}

fn check_words(path: &str, text: &str, tokens: &[Token<'_>], found: &mut Vec<String>) {
    for window in tokens.windows(2) {
        if matches!(window[0].text, "todo" | "unimplemented") && window[1].text == "!" {
            found.push(format!(
                "{path}:{}: {}! is not finished",
                window[0].line, window[0].text
            ));
        }
    }
    for (at, window) in tokens.windows(4).enumerate() {
        let outer = window[0].text == "#" && window[1].text == "[" && window[2].text == "allow";
        let inner = window[0].text == "#"
            && window[1].text == "!"
            && window[2].text == "["
            && window[3].text == "allow";
        if outer || inner {
            found.push(format!(
                "{path}:{}: use #[expect] with a reason, not allow",
                tokens[at].line
            ));
        }
    }
    for (at, line) in text.lines().enumerate() {
        // Only as the first word of a comment: the runbook reader speaks of the word itself.
        let comment = line.split_once("//").map_or("", |(_, comment)| comment);
        let comment = comment.trim_start_matches(['/', '!', '*', ' ']);
        let first = comment.split(|c: char| !c.is_alphanumeric()).next();
        if first.is_some_and(|word| matches!(word, "TODO" | "FIXME" | "XXX")) {
            found.push(format!(
                "{path}:{}: says that something is not finished",
                at + 1
            ));
        }
    }
}

fn check_printing(path: &str, tokens: &[Token<'_>], found: &mut Vec<String>) {
    if path == "main.rs" || room_of(path) == "cli" {
        return;
    }
    for pair in tokens.windows(2) {
        if PRINTING.contains(&pair[0].text) && pair[1].text == "!" {
            let (line, name) = (pair[0].line, pair[0].text);
            found.push(format!(
                "{path}:{line}: only cli prints, and this is {name}!"
            ));
        }
    }
}

/// Gives every Rust file below a folder with its text, by its path relative to the folder.
fn files_below(root: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path
                    .strip_prefix(root)
                    .expect("it is below")
                    .to_string_lossy();
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                files.push((relative.replace('\\', "/"), text));
            }
        }
    }
    files.sort();
    files
}

fn root(folder: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

#[test]
fn the_source_keeps_the_rules() {
    let files = files_below(&root("src"));
    assert!(files.len() > 10, "the source was not found");
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, text)| faults(path, text))
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn main_is_thin() {
    let text = fs::read_to_string(root("src/main.rs")).expect("main.rs is there");
    assert!(text.lines().count() < 60);
}

#[test]
fn no_file_of_tests_is_forgotten() {
    let files = files_below(&root("tests/it"));
    let main = fs::read_to_string(root("tests/it/main.rs")).expect("main.rs is there");
    let main = code_of(&main);
    let listed: Vec<&str> = main
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    for (path, _) in &files {
        assert!(
            !path.ends_with("mod.rs"),
            "{path}: use a file beside the folder"
        );
        if path != "main.rs" {
            assert!(
                listed.contains(&room_of(path)),
                "tests/it/{path} is not listed in main.rs"
            );
        }
    }
}

#[test]
fn the_map_names_every_room() {
    let map = fs::read_to_string(root("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    for (room, _) in ROOMS {
        assert!(
            map.contains(&format!("`{room}`")),
            "ARCHITECTURE.md says nothing of {room}"
        );
    }
}

#[rstest]
#[case::tokio(
    "app/update.rs",
    "use tokio::time::sleep;",
    "app/update.rs:2: a pure room must not use tokio::time::sleep"
)]
#[case::tokio_call(
    "ui/x.rs",
    "fn f() { tokio::spawn(g()); }",
    "ui/x.rs:2: a pure room must not use tokio::spawn"
)]
#[case::grouped(
    "domain/x.rs",
    "use std::{fmt, fs::{self, File}};",
    "domain/x.rs:2: a pure room must not use std::fs::self"
)]
#[case::clock(
    "app/x.rs",
    "fn f() { let now = chrono::Utc::now(); }",
    "app/x.rs:2: a pure room must not use chrono::Utc::now"
)]
#[case::clock_short(
    "app/x.rs",
    "fn f() -> T { Instant :: now() }",
    "app/x.rs:2: a pure room must not use Instant::now"
)]
#[case::system_time(
    "config/x.rs",
    "use std::time::SystemTime;",
    "config/x.rs:2: a pure room must not use std::time::SystemTime"
)]
#[case::async_fn(
    "app/x.rs",
    "pub async fn f() {}",
    "app/x.rs:2: a pure room must not be async"
)]
#[case::awaits(
    "app/x.rs",
    "fn f() { g()\n.await; }",
    "app/x.rs:3: a pure room must not be async"
)]
#[case::upwards(
    "domain/x.rs",
    "use crate::app::Model;",
    "domain/x.rs:2: domain must not use app"
)]
#[case::upwards_grouped(
    "ui/x.rs",
    "use crate::{domain::text, connect::http};",
    "ui/x.rs:2: ui must not use connect"
)]
#[case::upwards_path(
    "app/x.rs",
    "fn f(_: crate::engine::Poller) {}",
    "app/x.rs:2: app must not use engine"
)]
#[case::upwards_by_super(
    "app/x.rs",
    "use super::super::engine::Poller;",
    "app/x.rs:2: app must not use engine"
)]
#[case::upwards_in_test(
    "domain/x.rs",
    "#[cfg(test)]\nmod tests { use crate::app::Model; }",
    "domain/x.rs:3: domain must not use app"
)]
#[case::sideways(
    "store/x.rs",
    "use crate::connect::http;",
    "store/x.rs:2: store must not use connect"
)]
#[case::drill(
    "engine/x.rs",
    "use crate::drill::Company;",
    "engine/x.rs:2: engine must not use drill"
)]
#[case::main(
    "main.rs",
    "use quell::engine::run;",
    "main.rs:2: main must not use engine"
)]
#[case::room("util.rs", "", "util.rs: is in none of the ten rooms")]
#[case::name(
    "app/helpers.rs",
    "",
    "app/helpers.rs: the name helpers does not say what is in it"
)]
#[case::mod_rs(
    "app/model/mod.rs",
    "",
    "app/model/mod.rs: the name mod does not say what is in it"
)]
#[case::prints(
    "engine/x.rs",
    "fn f() { println!(\"x\"); }",
    "engine/x.rs:2: only cli prints, and this is println!"
)]
#[case::allow(
    "cli/x.rs",
    "#[allow(dead_code)]\nfn f() {}",
    "cli/x.rs:2: use #[expect] with a reason, not allow"
)]
#[case::allow_inner(
    "cli/x.rs",
    "#![allow(dead_code)]",
    "cli/x.rs:2: use #[expect] with a reason, not allow"
)]
#[case::unfinished("cli/x.rs", "fn f() { todo!() }", "cli/x.rs:2: todo! is not finished")]
#[case::note(
    "cli/x.rs",
    "// TODO: later",
    "cli/x.rs:2: says that something is not finished"
)]
fn the_checker_refuses(#[case] path: &str, #[case] body: &str, #[case] expected: &str) {
    let found = faults(path, &format!("//! Says what lives here.\n{body}\n"));
    assert!(
        found.iter().any(|fault| fault == expected),
        "{expected:?} is not in {found:#?}"
    );
}

#[test]
fn the_checker_refuses_a_file_that_is_too_long_or_says_nothing_of_itself() {
    let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(MOST_LINES));
    assert_eq!(
        faults("app/x.rs", &long),
        ["app/x.rs: has 501 lines without its tests, more than 500"]
    );
    let tested = format!(
        "//! Tested.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "fn f() {}\n".repeat(MOST_LINES)
    );
    assert_eq!(faults("app/x.rs", &tested), Vec::<String>::new());
    let silent = faults("app/x.rs", "fn f() {}\n");
    assert_eq!(
        silent,
        ["app/x.rs:1: does not open with //! what lives here and what must not"]
    );
}

#[rstest]
#[case::comment(
    "app/x.rs",
    "// tokio::spawn and crate::engine are not used here\n/* async fn /* .await */ */"
)]
#[case::text(
    "app/x.rs",
    "const X: &str = \"use tokio::spawn; crate::engine println!(\";"
)]
#[case::raw_text("app/x.rs", "const X: &str = r#\"a \" crate::engine::X async fn\"#;")]
#[case::quotes(
    "app/x.rs",
    "const X: [char; 3] = ['\"', '\\'', '{']; fn f<'a>(x: &'a str) -> &'a str { x }"
)]
#[case::tests_read_files(
    "domain/x.rs",
    "#[cfg(test)]\nmod tests { use std::fs; fn f() { fs::read(\"x\"); } }"
)]
#[case::own_room("app/x.rs", "use crate::app::y; use super::z; use crate::safe;")]
#[case::below(
    "ui/x.rs",
    "use crate::{app::Model, config::settings, domain::text::Safe};"
)]
#[case::top(
    "cli/x.rs",
    "use crate::{engine, ui, terminal, drill, connect}; fn f() { println!(\"x\"); }"
)]
#[case::other_now(
    "domain/x.rs",
    "fn f(now: Now) { x.now(); Clock::now(); std::time::Duration::from_secs(1); }"
)]
#[case::address(
    "domain/x.rs",
    "use std::net::{IpAddr, Ipv4Addr}; // the word TODO is a word here"
)]
#[case::supers("domain/audit/x.rs", "use super::super::app_store;")]
fn the_checker_lets_pass(#[case] path: &str, #[case] body: &str) {
    let found = faults(path, &format!("//! Says what lives here.\n{body}\n"));
    assert!(found.is_empty(), "{found:#?}");
}
