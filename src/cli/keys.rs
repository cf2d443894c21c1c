//! `quell keys`: all commands with their keys, from the one table.

use std::io::{self, Write};
use std::path::Path;

use super::{Failure, OK, broken_pipe, compose};
use crate::app::command::{COMMANDS, Context};
use crate::app::keymap::Keymap;

const CONTEXTS: [Context; 12] = [
    Context::Everywhere,
    Context::Cases,
    Context::Activity,
    Context::Checklist,
    Context::Actions,
    Context::Reading,
    Context::Choosing,
    Context::Preview,
    Context::Contain,
    Context::Left,
    Context::Unfinished,
    Context::Contained,
];

/// Prints the table; with a configuration, its keys.
///
/// # Errors
/// When the configuration given cannot be used, or nothing can be printed.
pub fn print(markdown: bool, config: Option<&Path>, out: &mut dyn Write) -> Result<u8, Failure> {
    let keymap = match config {
        Some(path) => compose::load(Some(path))?.keymap,
        None => Keymap::default(),
    };
    match table(&keymap, markdown, out) {
        Ok(()) => Ok(OK),
        Err(error) => broken_pipe(&error),
    }
}

/// Writes the table.
///
/// # Errors
/// When `out` cannot be written.
pub fn table(keymap: &Keymap, markdown: bool, out: &mut dyn Write) -> io::Result<()> {
    if markdown {
        writeln!(
            out,
            "| where | keys | what | id for `[keys]` |\n|---|---|---|---|"
        )?;
    }
    for context in CONTEXTS {
        if !markdown {
            writeln!(out, "{}", context.word())?;
        }
        for spec in COMMANDS.iter().filter(|spec| spec.context == context) {
            let keys: Vec<String> = keymap
                .keys_of(spec.id)
                .iter()
                .map(ToString::to_string)
                .collect();
            if markdown {
                let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                writeln!(
                    out,
                    "| {} | {} | {} | `{}` |",
                    context.word(),
                    keys.join(" "),
                    spec.doc,
                    spec.id
                )?;
            } else {
                writeln!(out, "  {:<22}{:<62}{}", keys.join(" "), spec.doc, spec.id)?;
            }
        }
    }
    Ok(())
}
