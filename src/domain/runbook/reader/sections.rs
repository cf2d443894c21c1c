//! Blocks into sections: headings, and bold paragraphs that stand for headings, with what is below them.
//!
//! What must not live here: which sections are phases of this runbook, and steps.

use super::blocks::{Block, Inline, Item};
use super::names::{self, Numbering};
use crate::domain::phase::{PhaseName, phase_of_name};
use crate::domain::text::Untrusted;

/// Most words in the name of a phase that has no number.
pub(super) const PHASE_WORDS: usize = 6;

/// Least numbered headings with names of phases that are the phases of a text.
const LEAST_CHAPTERS: usize = 3;

#[expect(
    clippy::struct_excessive_bools,
    reason = "four marks of one heading, none of which follows from another"
)]
/// A heading or a bold paragraph, with the blocks up to the next one.
pub(super) struct Section {
    /// 0 for what stands before the first heading.
    pub level: u8,
    pub heading: Option<Inline>,
    /// Whether it is a bold paragraph that stands for a heading.
    pub bold: bool,
    pub numbering: Numbering,
    pub name: String,
    /// Whether the name begins like that of a phase.
    pub phase_like: bool,
    pub line: u32,
    pub end: u32,
    /// Boilerplate, or below boilerplate: never steps.
    pub aside: bool,
    /// A section above it begins like a phase.
    pub inside_phase: bool,
    pub blocks: Vec<Block>,
}

/// Cuts the blocks into sections at headings and at bold paragraphs that name a phase, a step or boilerplate.
pub(super) fn split(
    blocks: Vec<Block>,
    end: u32,
    front_title: &mut Option<String>,
) -> Vec<Section> {
    let mut sections = vec![without_heading(0, 1, end, false)];
    let numbered = NumberedPhases::of(&blocks);
    let mut real_level = 0_u8;
    let mut aside_level = None;
    let mut phase_level = None;
    for block in blocks {
        let (level, bold, heading) = match block {
            Block::FrontMatter(text) => {
                *front_title = front_matter_title(&text);
                continue;
            }
            Block::Apart { level, line } => {
                real_level = level;
                if let Some(section) = sections.last_mut() {
                    section.end = line;
                    let level = level.saturating_add(1);
                    let aside = section.aside;
                    sections.push(without_heading(level, line, end, aside));
                }
                continue;
            }
            Block::Heading { level, text } => {
                real_level = level;
                (level, false, text)
            }
            Block::Paragraph(text) if is_bold_heading(&text) => {
                (real_level.saturating_add(1), true, text)
            }
            other => {
                if let Some(section) = sections.last_mut() {
                    section.blocks.push(other);
                }
                continue;
            }
        };
        let (numbering, name) = names::without_numbering(&heading.text);
        let line = heading.lines.start;
        if let Some(section) = sections.last_mut() {
            section.end = line;
        }
        // Steps may stand one level too deep, below a heading of something else.
        let surely =
            matches!(numbering, Numbering::Phase | Numbering::Step) || names::is_short_list(&name);
        if aside_level.is_some_and(|aside| level <= aside || surely) {
            aside_level = None;
        }
        if phase_level.is_some_and(|phase| level <= phase) {
            phase_level = None;
        }
        let inside_phase = phase_level.is_some();
        let phase_like = heading.phase || numbered.may_be(numbering) && begins_with_phase(&name);
        if !inside_phase && phase_like {
            phase_level = Some(level);
        }
        let titled = sections.len() > 1;
        let lists_phases = names::lists_phases(&name);
        if aside_level.is_none() && titled && names::is_boilerplate(&name) {
            aside_level = Some(level);
        }
        sections.push(Section {
            level,
            heading: Some(heading),
            bold,
            numbering,
            name,
            phase_like,
            line,
            end,
            aside: aside_level.is_some() || (titled && lists_phases),
            inside_phase,
            blocks: Vec::new(),
        });
    }
    keep_to_chapters(&mut sections);
    keep_parts(&mut sections);
    sections
}

/// Below *Detection and analysis* headings that name nothing but the same phase (*Analysis steps*) are parts of it.
fn keep_parts(sections: &mut [Section]) {
    let mut i = 0;
    while i < sections.len() {
        let outer = sections
            .get(i)
            .filter(|s| s.phase_like && !s.inside_phase && !s.bold);
        let Some(of_name) = outer.map(|section| phase_of_name(&section.name)) else {
            i += 1;
            continue;
        };
        let inner: Vec<usize> = below(sections, i)
            .filter(|j| sections.get(*j).is_some_and(|s| s.phase_like))
            .collect();
        let same = |j: &usize| {
            let section = sections.get(*j);
            section.is_some_and(|s| {
                phase_of_name(&s.name) == of_name && s.numbering != Numbering::Phase
            })
        };
        let next = i + 1 + below(sections, i).count();
        if of_name.is_some() && inner.iter().all(same) {
            for j in inner {
                if let Some(section) = sections.get_mut(j) {
                    section.phase_like = false;
                }
            }
        }
        i = next;
    }
}

/// Whether headings with numbers are phases where they begin like one: *Step 1: Identify the app* is a step among
/// others, *Step 1: Identification* is a phase.
struct NumberedPhases {
    steps: bool,
    ordinals: bool,
}

impl NumberedPhases {
    fn of(blocks: &[Block]) -> Self {
        let (mut steps, mut phases) = (0_usize, 0_usize);
        let (mut ordinals, mut like, mut strict) = (0_usize, 0_usize, 0_usize);
        for block in blocks {
            let text = match block {
                Block::Heading { text, .. } => text,
                Block::Paragraph(text) if text.is_all_bold() => text,
                _ => continue,
            };
            match names::without_numbering(&text.text) {
                (Numbering::Step, name) => {
                    steps += 1;
                    phases += usize::from(only_names_phases(&name));
                }
                (Numbering::Ordinal, name) => {
                    ordinals += 1;
                    like += usize::from(begins_with_phase(&name));
                    strict += usize::from(only_names_phases(&name));
                }
                _ => {}
            }
        }
        Self {
            steps: phases * 2 > steps,
            ordinals: strict > 0 || like * 2 > ordinals,
        }
    }

    fn may_be(&self, numbering: Numbering) -> bool {
        match numbering {
            Numbering::Step => self.steps,
            Numbering::Ordinal => self.ordinals,
            Numbering::None | Numbering::Phase => true,
        }
    }
}

/// What stands before the first heading, or after phases that stand in a list or a table.
fn without_heading(level: u8, line: u32, end: u32, aside: bool) -> Section {
    Section {
        level,
        heading: None,
        bold: false,
        numbering: Numbering::None,
        name: String::new(),
        phase_like: false,
        line,
        end,
        aside,
        inside_phase: false,
        blocks: Vec::new(),
    }
}

/// Where a text numbers its phases (`1. Preparation`, `2. Detect`), a heading below one of them that has the name of
/// any of them (*Identify indicators* below *Detect*) is a part of it and no phase.
fn keep_to_chapters(sections: &mut [Section]) {
    let is_chapter = |section: &Section| {
        section.numbering == Numbering::Ordinal && section.phase_like && !section.bold
    };
    let Some(level) = sections
        .iter()
        .filter(|section| is_chapter(section))
        .map(|section| section.level)
        .min()
    else {
        return;
    };
    let named: Vec<Option<PhaseName>> = sections
        .iter()
        .filter(|section| section.level == level && is_chapter(section))
        .map(|section| phase_of_name(&section.name))
        .collect();
    if named.len() < LEAST_CHAPTERS {
        return;
    }
    let mut inside = false;
    for section in sections {
        if section.level <= level {
            inside = section.level == level && is_chapter(section);
        } else if inside && section.phase_like && named.contains(&phase_of_name(&section.name)) {
            section.phase_like = false;
        }
    }
}

fn front_matter_title(text: &str) -> Option<String> {
    let value = |line: &str| {
        let (key, value) = line.split_once(':')?;
        let value = value.trim().trim_matches(['"', '\'']).trim();
        (matches!(key, "title" | "name") && !value.is_empty()).then(|| value.to_owned())
    };
    text.lines().find_map(value)
}

/// A paragraph of nothing but bold words is a heading when it names a phase, a step or boilerplate.
pub(super) fn is_bold_heading(text: &Inline) -> bool {
    let words = text.text.trim();
    if text.phase {
        return true;
    }
    if !text.is_all_bold() || words.ends_with(['.', '!', '?']) {
        return false;
    }
    let (numbering, name) = names::without_numbering(words);
    let short = name.split_whitespace().count() <= PHASE_WORDS;
    numbering != Numbering::None
        || names::is_boilerplate(&name)
        || (short && begins_with_phase(&name))
}

pub(super) fn begins_with_phase(name: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().take(3).collect();
    let is = |at: usize, known: &[&str]| {
        words
            .get(at)
            .is_some_and(|word| known.iter().any(|one| one.eq_ignore_ascii_case(word)))
    };
    // *Possible investigation steps*, *Response and remediation*.
    let skipped = if is(0, &["possible"]) {
        1
    } else if is(0, &["response"]) && is(1, &["and", "&"]) {
        2
    } else {
        0
    };
    let first = words.get(skipped).copied().unwrap_or_default();
    if phase_of_name(first).is_some() {
        return true;
    }
    if words.len() < 2 {
        return false;
    }
    match phase_of_name(name) {
        Some(PhaseName::Feedback) => true,
        Some(_) => name
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("post")),
        None => false,
    }
}

/// Words that stand beside the name of a phase and change nothing of it.
const BESIDE: &[&str] = &[
    "and",
    "&",
    "of",
    "the",
    "for",
    "phase",
    "stage",
    "incident",
    "post",
    "after",
    "action",
    "actions",
    "activity",
    "activities",
    "learned",
    "learnt",
    "review",
    "report",
    "initial",
    "early",
    "response",
    "steps",
    "und",
    "y",
    "et",
    "e",
];

/// Tells whether a name is made of nothing but names of phases: *Detection and Analysis*, not *Identify the user*.
pub(super) fn only_names_phases(name: &str) -> bool {
    let phase = |word: &str| phase_of_name(word).is_some();
    let beside = |word: &str| BESIDE.iter().any(|known| known.eq_ignore_ascii_case(word));
    let words = || {
        name.split(|c: char| !c.is_alphanumeric() && c != '&')
            .filter(|word| !word.is_empty())
    };
    let plain = !name.ends_with(['.', '!', '?']) && words().count() <= 8;
    plain && phase_of_name(name).is_some() && words().all(|word| phase(word) || beside(word))
}

pub(super) fn title(sections: &[Section], front: Option<String>, file_name: &str) -> Untrusted {
    let first = sections.get(1).filter(|section| is_title(section));
    let top = sections
        .iter()
        .find(|section| section.level == 1 && is_title(section));
    let heading = top.or(first).and_then(|section| section.heading.as_ref());
    // *Incident response checklist* above everything is the name of the whole too.
    let whole = sections
        .get(1)
        .filter(|section| section.level == 1 && below(sections, 1).count() + 2 >= sections.len())
        .and_then(|section| section.heading.as_ref())
        .map(|heading| heading.text.trim());
    let of_table = sections
        .first()
        .and_then(|section| title_of_table(&section.blocks));
    match (of_table, heading, front) {
        (Some(title), _, _) => Untrusted::new(title),
        (_, Some(heading), _) => Untrusted::new(heading.text.trim()),
        (_, _, Some(front)) => Untrusted::new(front),
        _ if whole.is_some() => Untrusted::new(whole.unwrap_or_default()),
        _ => Untrusted::new(file_name.rsplit('/').next().unwrap_or_default()),
    }
}

/// A table above all headings whose first row is the title.
fn title_of_table(blocks: &[Block]) -> Option<String> {
    blocks.iter().find_map(|block| match block {
        Block::Table(table) => match table.header.as_slice() {
            [name, title, ..] if name.text.trim().eq_ignore_ascii_case("title") => {
                Some(title.text.trim().to_owned()).filter(|title| !title.is_empty())
            }
            _ => None,
        },
        _ => None,
    })
}

/// A heading that names a part of a runbook is not the name of the whole.
fn is_title(section: &Section) -> bool {
    let part = names::is_boilerplate(&section.name)
        || names::is_short_list(&section.name)
        || names::is_workflow(&section.name)
        || only_names_phases(&section.name)
        || section.numbering == Numbering::Phase;
    let whole = section.heading.as_ref().is_some_and(|text| !text.phase);
    whole && !section.bold && !part
}

/// Goes through the sections below one, by their index.
pub(super) fn below(sections: &[Section], i: usize) -> impl Iterator<Item = usize> {
    let level = sections.get(i).map_or(0, |section| section.level);
    (i + 1..sections.len()).take_while(move |j| sections.get(*j).is_some_and(|s| s.level > level))
}

pub(super) fn section_lists(sections: &[Section], i: usize) -> usize {
    let lists = |section: &Section| {
        section
            .blocks
            .iter()
            .filter(|b| matches!(b, Block::List(_)))
            .count()
    };
    let own = sections.get(i).map_or(0, lists);
    own + below(sections, i)
        .filter_map(|j| sections.get(j))
        .map(lists)
        .sum::<usize>()
}

pub(super) fn items(section: &Section) -> impl Iterator<Item = (&Item, &Inline)> {
    section.blocks.iter().flat_map(|block| {
        let items = match block {
            Block::List(list) => list.items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(|item| {
            let first = item.blocks.iter().find_map(|block| match block {
                Block::Paragraph(inline) => Some(inline),
                _ => None,
            });
            first.map(|first| (item, first))
        })
    })
}
