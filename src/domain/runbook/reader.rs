//! Reads a runbook from Markdown: which sections are phases, inputs, tools; the rest is in the files below.
//!
//! Layouts that are read: phases as headings or bold paragraphs, steps as numbered lists, task lists, tables with
//! boxes, bullets under a label, headings, bold paragraphs, lists that Markdown does not know (`2.1 Isolate it`) and
//! lists inside code blocks; phases as items of a list or rows of a table; an own short checklist; one flat list.
//! Nothing is invented where there is nothing, and what was not understood is a notice with its line. What must not
//! live here: io, other files.

mod blocks;
mod conditions;
mod declared;
mod fences;
mod flat;
mod layout;
mod limits;
mod lines;
mod markdown;
mod marks;
mod names;
mod phases;
mod rows;
mod sections;
mod shapes;
mod sources;
mod steps;
mod tables;
mod unmarked;
mod verbs;
mod words;

use self::blocks::Blocks;
use self::declared::{inputs, is_itself, link_steps, links, toolbox};
use self::markdown::read_blocks;
use self::phases::{fenced_lists, phases};
use self::sections::{split, title};
use super::{Notice, Runbook, Step};
use crate::domain::text::Untrusted;

/// Longer texts are read up to here, with a notice.
const LONGEST: usize = 4 * 1024 * 1024;

/// Most notices of one runbook; the last one says how many more there were.
const MOST_NOTICES: usize = 200;

/// Reads a runbook; every text is one, and what was not understood is a notice.
///
/// Texts above 4 MiB are read up to there. `file_name` is the title when the text gives none.
pub fn parse_runbook(text: &str, file_name: &str) -> Runbook {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut notices = Vec::new();
    let read = shortened(text, &mut notices);
    let Blocks { blocks, too_deep } = read_blocks(&unmarked::with_lists(read));
    if let Some(line) = too_deep {
        notice(
            &mut notices,
            line,
            "nested too deep; read as text of what is around it",
        );
    }
    let last = u32::try_from(read.lines().count()).unwrap_or(u32::MAX);
    let mut front_title = None;
    let sections = split(
        shapes::reshaped(blocks),
        last.saturating_add(1),
        &mut front_title,
    );
    let tools = toolbox(&sections);
    let mut phases = phases(&sections, &tools, &mut notices);
    link_steps(&sections, &mut phases);
    fenced_lists(&sections, &phases, &mut notices);
    let links = links(&sections, file_name);
    for line in links.itself {
        notice(
            &mut notices,
            line,
            "the text names itself; the link is not followed",
        );
    }
    for phase in &mut phases {
        not_itself(&mut phase.steps, file_name);
    }
    if phases.iter().all(|phase| phase.steps.is_empty()) {
        notice(&mut notices, 1, "no steps found");
    }
    Runbook {
        file: Untrusted::new(file_name),
        title: title(&sections, front_title, file_name),
        inputs: inputs(&sections),
        phases,
        linked_runbooks: links.runbooks,
        linked_documents: links.documents,
        notices: sorted(notices),
        source: read.to_owned(),
    }
}

/// Takes the links of steps to the text they stand in off them.
fn not_itself(steps: &mut [Step], file_name: &str) {
    for step in steps {
        step.runbooks
            .retain(|path| !is_itself(path.raw(), file_name));
        not_itself(&mut step.substeps, file_name);
    }
}

fn shortened<'a>(text: &'a str, notices: &mut Vec<Notice>) -> &'a str {
    if text.len() <= LONGEST {
        return text;
    }
    let read = (0..4)
        .find_map(|back| text.get(..LONGEST.saturating_sub(back)))
        .unwrap_or_default();
    let line = u32::try_from(read.lines().count()).unwrap_or(u32::MAX);
    notice(notices, line, "longer than 4 MiB; the rest is not read");
    read
}

fn notice(notices: &mut Vec<Notice>, line: u32, text: impl Into<String>) {
    let text = Untrusted::new(text.into());
    notices.push(Notice { line, text });
}

fn sorted(mut notices: Vec<Notice>) -> Vec<Notice> {
    notices.sort_by_key(|notice| notice.line);
    let more = notices.len().saturating_sub(MOST_NOTICES);
    if more > 0 {
        notices.truncate(MOST_NOTICES);
        let line = notices.last().map_or(1, |notice| notice.line);
        notice(
            &mut notices,
            line,
            format!("{more} more notices are not listed"),
        );
    }
    notices
}

#[cfg(test)]
mod tests;
