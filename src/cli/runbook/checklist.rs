//! The short list for people: phases, numbered steps with their marks and lines, then what was not understood.
//!
//! What must not live here: what a step is, and the JSON (both `domain::runbook`).

use std::io::{self, Write};

use super::text::wrapped;
use crate::domain::runbook::outline::{Outline, OutlineInput, OutlineStep};
use crate::domain::runbook::{PhaseSection, Runbook, Step};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Columns of a line.
const WIDTH: usize = 100;
/// Columns of a label before it is wrapped.
const LABEL: usize = 58;

/// Prints the short list.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn print(runbook: &Runbook, outline: &Outline, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", runbook.title.line())?;
    if !outline.inputs.is_empty() {
        let inputs = outline.inputs.iter().map(input);
        let line = safe!("Inputs: {}", Safe::join(inputs, &", ".into()));
        for part in wrapped(line.as_str(), WIDTH - 8).into_iter().enumerate() {
            let indent = if part.0 == 0 { "" } else { "        " };
            writeln!(out, "{}{}", indent, part.1)?;
        }
    }
    // The outline has the phases and steps of the runbook in the same order.
    for (phase, own) in runbook.phases.iter().zip(&outline.phases) {
        writeln!(out)?;
        writeln!(out, "{}", heading(phase))?;
        for (number, (step, own)) in (1..).zip(phase.steps.iter().zip(&own.steps)) {
            print_step(number, step, own, out)?;
        }
    }
    print_notices(outline, out)
}

fn input(input: &OutlineInput) -> Safe {
    let mut name = input.name.field();
    for other in &input.alternatives {
        name = safe!("{} or {}", name, other.field());
    }
    match (&input.default, input.optional) {
        (Some(default), _) => safe!("[{} = {}]", name, default.field()),
        (None, true) => safe!("[{}]", name),
        (None, false) => name,
    }
}

fn heading(phase: &PhaseSection) -> Safe {
    let name = phase
        .name
        .as_ref()
        .map_or_else(|| "Steps".into(), Untrusted::field);
    let model = match phase.picerl {
        Some(picerl) if !name.as_str().eq_ignore_ascii_case(picerl.name()) => {
            safe!(" ({})", picerl.name())
        }
        _ => Safe::default(),
    };
    match phase.steps.len() {
        0 => safe!("{}{}: no steps, line {}", name, model, phase.line),
        1 => safe!("{}{}: 1 step", name, model),
        count => safe!("{}{}: {} steps", name, model, count),
    }
}

/// Prints a step: number, label, line; what marks it below where it does not fit beside it.
fn print_step(
    number: usize,
    step: &Step,
    own: &OutlineStep,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut lines = wrapped(step.label.raw(), LABEL).into_iter();
    let first = lines.next().unwrap_or_default();
    let marks = Safe::join(marks(step, own), &", ".into());
    let line = safe!("{:>4}. {:<58} {:>5}", number, first, step.line);
    let room = WIDTH.saturating_sub(line.width() + 2);
    let beside = !marks.is_empty() && marks.width() <= room;
    if beside {
        writeln!(out, "{line}  {marks}")?;
    } else {
        writeln!(out, "{line}")?;
    }
    for more in lines {
        writeln!(out, "      {more}")?;
    }
    if !beside && !marks.is_empty() {
        for part in wrapped(marks.as_str(), WIDTH - 8) {
            writeln!(out, "        {part}")?;
        }
    }
    Ok(())
}

fn marks(step: &Step, own: &OutlineStep) -> Vec<Safe> {
    let mut marks: Vec<Safe> = Vec::new();
    if step.gate {
        marks.push("GATE".into());
    }
    if step.optional {
        marks.push("optional".into());
    }
    marks.extend(step.condition.as_ref().map(Untrusted::field));
    marks.extend(step.time_limit.as_ref().map(|limit| limit.text.field()));
    marks.extend(step.role.as_ref().map(|role| safe!("[{}]", role.field())));
    match step.substeps.len() {
        0 => {}
        1 => marks.push("1 sub-step".into()),
        count => marks.push(safe!("{} sub-steps", count)),
    }
    for tool in &own.tools {
        marks.push(tool.field());
    }
    for path in &own.runbooks {
        marks.push(safe!("-> {}", path.field()));
    }
    marks
}

fn print_notices(outline: &Outline, out: &mut dyn Write) -> io::Result<()> {
    if outline.notices.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    writeln!(out, "Notices: {}", outline.notices.len())?;
    for notice in &outline.notices {
        let mut parts = wrapped(notice.text.raw(), WIDTH - 8).into_iter();
        let first = parts.next().unwrap_or_default();
        writeln!(out, "{}", safe!("{:>6}  {}", notice.line, first))?;
        for part in parts {
            writeln!(out, "        {part}")?;
        }
    }
    Ok(())
}
