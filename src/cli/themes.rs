//! `quell themes`: which themes there are and how one looks; and the choice of the theme for whatever draws.
//!
//! A theme of one's own is a file: `themes/NAME.toml` beside the configuration, or any path. What must not live here:
//! the form of theme files (`ui::theme`).

use std::fs;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::compose;
use super::reading::ended;
use super::{Failure, OK, UNREADABLE};
use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::store::files;
use crate::terminal::backend::pen;
use crate::terminal::features::is_utf8;
use crate::ui::theme::contrast::{least, ratio};
use crate::ui::theme::{BUILTIN, Colors, Role, Theme, ThemeFault, builtin};

/// Exit code: a theme has text that can hardly be read.
const FAINT: u8 = 1;

/// Roles that show what a theme is like.
const SAMPLE: [Role; 8] = [
    Role::SeverityCritical,
    Role::SeverityHigh,
    Role::SeverityMedium,
    Role::SeverityLow,
    Role::StateProven,
    Role::StateRefuted,
    Role::StateUnknown,
    Role::Dim,
];

/// Which theme is shown; all in short where none is named.
#[derive(Debug, Args)]
pub struct Asked {
    /// Name of a theme, or path of a theme file.
    #[arg(value_name = "THEME")]
    theme: Option<String>,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Tells how many colours this terminal has.
fn colors() -> Colors {
    let (term, colorterm) = (variable("TERM"), variable("COLORTERM"));
    Colors::of_term(
        term.as_deref().unwrap_or_default(),
        colorterm.as_deref().unwrap_or_default(),
    )
}

fn no_color() -> bool {
    variable("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Tells whether only ASCII may be drawn: because it was asked for, or by the locale.
fn is_ascii(asked: bool) -> bool {
    let (all, kind, lang) = (variable("LC_ALL"), variable("LC_CTYPE"), variable("LANG"));
    asked || !is_utf8(all.as_deref(), kind.as_deref(), lang.as_deref())
}

/// Chooses the theme by name or file, configuration and terminal; `NO_COLOR` wins.
///
/// # Errors
/// With exit code 3, every fault of it at once, when there is none of that name or it cannot be read.
pub(super) fn choose(name: Option<&str>, ascii: bool) -> Result<Theme, Failure> {
    let named = name.filter(|_| !no_color()).and_then(file_of);
    let read = match named {
        Some(path) => {
            let text = files::read_config(&path).map_err(|error| compose::file_failure(&error))?;
            Theme::parse(&path.to_string_lossy(), &text, colors())
        }
        None => Theme::choose(name, no_color(), colors()),
    };
    read.map(|theme| theme.with_ascii(is_ascii(ascii)))
        .map_err(failure)
}

fn failure(faults: Vec<ThemeFault>) -> Failure {
    let faults = faults.into_iter().map(|fault| {
        Fault::new(fault.0)
            .hint("`quell themes` lists what there is, and where files of your own go")
    });
    Failure {
        code: UNREADABLE,
        faults: faults.collect(),
    }
}

/// Gives the folder of one's own themes: beside the configuration.
fn folder() -> Option<PathBuf> {
    let config = files::config_path(None).ok()?;
    Some(config.parent()?.join("themes"))
}

/// Gives the file a name stands for; those that quell brings along have none.
fn file_of(name: &str) -> Option<PathBuf> {
    if builtin(name).is_some() {
        return None;
    }
    let is_path =
        name.contains('/') || Path::new(name).extension().is_some_and(|end| end == "toml");
    if is_path {
        return Some(PathBuf::from(name));
    }
    let path = folder()?.join(format!("{name}.toml"));
    path.exists().then_some(path)
}

/// Lists the themes, or shows one role by role.
///
/// # Errors
/// When the theme cannot be read, with exit code 3 and all its faults; when nothing can be printed.
pub fn run(asked: &Asked, out: &mut dyn Write) -> Result<u8, Failure> {
    let colored = io::stdout().is_terminal() && !no_color();
    match &asked.theme {
        None => ended(list(colored, out), OK),
        Some(name) => {
            let theme = if let Some(path) = file_of(name) {
                let text =
                    files::read_config(&path).map_err(|error| compose::file_failure(&error))?;
                Theme::parse(&path.to_string_lossy(), &text, colors())
            } else {
                Theme::choose(Some(name), false, colors())
            };
            let theme = theme.map_err(failure)?;
            let faint = Role::ALL
                .iter()
                .any(|role| ratio(theme.style(*role)) < least(*role));
            ended(show(&theme, colored, out), if faint { FAINT } else { OK })
        }
    }
}

/// Writes a text as a theme draws it, where colours are wanted.
fn drawn(theme: &Theme, role: Role, text: &Safe, colored: bool) -> String {
    if colored {
        let base = pen(theme.style(Role::Text));
        format!("{}{text}{base}", pen(theme.style(role)))
    } else {
        text.to_string()
    }
}

fn list(colored: bool, out: &mut dyn Write) -> io::Result<()> {
    for (name, text) in BUILTIN {
        let theme = Theme::parse(name, text, colors());
        let theme = theme.unwrap_or_else(|_| Theme::plain());
        line(&Safe::fixed(name), &"built in".into(), &theme, colored, out)?;
    }
    let Some(folder) = folder() else {
        return Ok(());
    };
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut own: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    own.sort();
    for path in own {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = Untrusted::new(name).ident();
        let text = files::read_config(&path).map_err(|error| error.to_string());
        let theme = text.and_then(|text| {
            Theme::parse(&path.to_string_lossy(), &text, colors())
                .map_err(|faults| format!("{} faults", faults.len()))
        });
        match theme {
            Ok(theme) => line(&name, &"your own".into(), &theme, colored, out)?,
            Err(why) => writeln!(out, "{name:<14} {}", Untrusted::new(why).line())?,
        }
    }
    let place = Untrusted::new(folder.to_string_lossy()).ident();
    writeln!(
        out,
        "your own: {place}/NAME.toml; `inherits = \"dark\"` and the roles you change; `quell themes NAME` shows all roles"
    )
}

fn line(
    name: &Safe,
    origin: &Safe,
    theme: &Theme,
    colored: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let start = if colored {
        pen(theme.style(Role::Text))
    } else {
        String::new()
    };
    let words = SAMPLE.map(|role| {
        let word = role.key().rsplit('.').next().unwrap_or_default();
        drawn(theme, role, &Untrusted::new(word).field(), colored)
    });
    let end = if colored { "\x1b[m" } else { "" };
    writeln!(
        out,
        "{name:<14} {origin:<9} {start} {} {end}",
        words.join(" ")
    )
}

/// Prints every role: its name as it looks, how well it can be read, and how well it has to be.
fn show(theme: &Theme, colored: bool, out: &mut dyn Write) -> io::Result<()> {
    for role in Role::ALL {
        let style = theme.style(*role);
        let (found, least) = (ratio(style), least(*role));
        let sample = Untrusted::new(format!(" {:<20} ", role.key())).field();
        let sample = drawn(theme, *role, &sample, colored);
        let end = if colored { "\x1b[m" } else { "" };
        let judged = if found < least {
            format!("  TOO FAINT: at least {least}")
        } else {
            String::new()
        };
        writeln!(out, "{sample}{end} {found:>5.1}:1{judged}")?;
    }
    Ok(())
}
