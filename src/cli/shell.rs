//! `quell completions` and `quell man`: what shells and `man` read, generated from the command line itself.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

use super::reading::ended;
use super::{Failure, OK};

/// For which shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Which page.
#[derive(Debug, Args)]
pub struct Man {
    /// A subcommand, or one of its own: `audit verify`. None is the page of quell.
    #[arg(value_name = "COMMAND")]
    of: Vec<String>,
}

/// Prints the completions for a shell.
///
/// # Errors
/// When they cannot be printed.
pub fn completions(
    asked: &Completions,
    mut command: Command,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    // The generator has no way to say that the output is gone, so it writes into memory.
    let mut text = Vec::new();
    clap_complete::generate(asked.shell, &mut command, "quell", &mut text);
    ended(out.write_all(&text).and_then(|()| out.flush()), OK)
}

/// Prints a page for `man -l -`.
///
/// # Errors
/// When there is no such subcommand, or it cannot be printed.
pub fn man(asked: &Man, mut command: Command, out: &mut dyn Write) -> Result<u8, Failure> {
    command.build();
    let mut page = &command;
    for word in &asked.of {
        let Some(below) = page.find_subcommand(word) else {
            let what = crate::safe!(
                "there is no subcommand {}",
                crate::domain::text::Untrusted::new(asked.of.join(" ")).field()
            );
            let fault = crate::domain::fault::Fault::new(what).hint("`quell help` lists them");
            return Err(Failure::one(super::USAGE, fault));
        };
        page = below;
    }
    ended(render(page, out), OK)
}

fn render(page: &Command, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    clap_mangen::Man::new(page.clone()).render(&mut text)?;
    out.write_all(&text)?;
    out.flush()
}
