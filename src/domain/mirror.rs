//! Tasks of the case system that stand for phases or steps of a checklist: their marks, and what is on record of them.
//!
//! What must not live here: which of two sides is followed (`app`), sending (`engine`).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::audit::{Body, Entry, TaskState, sha256_hex};
use super::case::Task;
use super::ids::CaseId;
use super::text::Untrusted;

/// `kind` of the record that promises a task.
pub const TASK: &str = "task";
/// What the marks of tasks begin with.
pub const MARK: &str = "quell-task:";
/// Status of a task that is done, as the case system writes it.
pub const COMPLETED: &str = "Completed";
/// Status of a task that was left out.
pub const CANCEL: &str = "Cancel";
/// Status of a task that was done and is not any more.
pub const IN_PROGRESS: &str = "InProgress";

const BY_TASK: &str = "by task, ";
const REOPENED: &str = "task reopened, ";

/// What becomes tasks in the case system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mirror {
    /// Nothing.
    #[default]
    Off,
    /// Every phase.
    Phases,
    /// Every step of the first level.
    Steps,
}

/// A task that is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// The mark by which it is found again; stands in its description.
    pub marker: String,
    /// Title, 1 to 128 characters.
    pub title: String,
    /// Group, 1 to 64 characters.
    pub group: String,
    /// Text below the title: Markdown, already escaped, with the mark.
    pub description: String,
}

/// What is on record of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The vendor's id.
    pub task: Untrusted,
    /// Its status as last seen.
    pub status: Untrusted,
    /// When it was changed last, by the vendor's clock, in milliseconds.
    pub changed_ms: i64,
    /// Whether that status was ours.
    pub ours: bool,
    /// The status it is to get, and since when.
    pub wish: Option<(Untrusted, DateTime<Utc>)>,
}

/// The tasks of all cases, by the case and the mark.
#[derive(Clone, Debug, Default)]
pub struct Mirrored {
    tasks: BTreeMap<(CaseId, String), Known>,
}

impl Mirrored {
    /// Folds one record.
    pub fn apply(&mut self, entry: &Entry) {
        let Body::TaskState(state) = &entry.body else {
            return;
        };
        let key = (state.case.clone(), state.marker.clone());
        let known = self.tasks.entry(key).or_insert_with(|| Known {
            task: state.task.clone(),
            status: Untrusted::default(),
            changed_ms: 0,
            ours: false,
            wish: None,
        });
        if state.wished {
            known.wish = Some((state.status.clone(), entry.ts));
            return;
        }
        let wish = known.wish.take();
        *known = Known {
            task: state.task.clone(),
            status: state.status.clone(),
            changed_ms: state.changed_ms,
            ours: wish.is_some_and(|(wished, _)| wished == state.status),
            wish: None,
        };
    }

    /// Gives what is known of a task.
    pub fn get(&self, case: &CaseId, marker: &str) -> Option<&Known> {
        self.tasks.get(&(case.clone(), marker.to_owned()))
    }

    /// Counts the tasks on record.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Tells whether none is on record.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Goes through the tasks that do not have the status they are to get.
    pub fn wishes(&self) -> impl Iterator<Item = (&CaseId, &str, &Known)> {
        self.tasks
            .iter()
            .filter(|(_, known)| known.wish.is_some())
            .map(|((case, marker), known)| (case, marker.as_str(), known))
    }
}

/// Makes the mark of what is named by its parts: the same for every console that works on the case.
pub fn marker(case: &CaseId, parts: &[&str]) -> String {
    let mut named = case.raw().to_owned();
    for part in parts {
        named.push('\0');
        named.push_str(part);
    }
    let digest = sha256_hex(named.as_bytes());
    format!("{MARK}{}", digest.chars().take(24).collect::<String>())
}

/// Finds the task of a mark: of copies the oldest that was not cancelled.
pub fn find<'a>(tasks: &'a [Task], marker: &str) -> Option<&'a Task> {
    let marked = tasks.iter().filter(|task| task.bears(marker));
    marked.min_by_key(|task| (task.status.raw() == CANCEL, task.created_ms(), &task.id))
}

/// Writes what was seen of a task as a record.
pub fn seen(case: &CaseId, marker: &str, task: &Task) -> TaskState {
    TaskState {
        case: case.clone(),
        marker: marker.to_owned(),
        task: task.id.clone(),
        status: task.status.clone(),
        by: task.changed_by.clone(),
        changed_ms: task.changed_ms(),
        wished: false,
    }
}

/// Says that a completed task ticked an item.
pub fn by_task(task: &Task) -> Untrusted {
    Untrusted::new(format!("{BY_TASK}{}", who(task)))
}

/// Says that a task that was open again opened its item.
pub fn reopened(task: &Task) -> Untrusted {
    Untrusted::new(format!("{REOPENED}{}", who(task)))
}

/// Tells whether an item was opened by its task: then only a person or the task ticks it again.
pub fn is_reopening(evidence: &Untrusted) -> bool {
    evidence.raw().starts_with(REOPENED)
}

fn who(task: &Task) -> &str {
    let who = task.changed_by.as_ref().or(task.assignee.as_ref());
    who.map_or("nobody named", Untrusted::raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::samples::{case, entry};

    fn state(status: &str, wished: bool) -> Body {
        Body::TaskState(TaskState {
            case: case(),
            marker: "quell-task:1".to_owned(),
            task: "~9".into(),
            status: status.into(),
            by: None,
            changed_ms: 5,
            wished,
        })
    }

    fn folded(records: &[(&str, bool)]) -> Mirrored {
        let mut mirrored = Mirrored::default();
        for (n, (status, wished)) in (1..).zip(records) {
            mirrored.apply(&entry(n, n.cast_signed(), state(status, *wished)));
        }
        mirrored
    }

    #[test]
    fn a_wish_holds_until_the_task_was_seen_again() {
        let mirrored = folded(&[("Waiting", false), ("Completed", true)]);
        assert_eq!(mirrored.wishes().count(), 1);
        let mirrored = folded(&[
            ("Waiting", false),
            ("Completed", true),
            ("Completed", false),
        ]);
        assert_eq!(mirrored.wishes().count(), 0);
        let known = mirrored.get(&case(), "quell-task:1");
        assert!(known.is_some_and(|known| known.ours && known.status.raw() == "Completed"));
        let theirs = folded(&[("Waiting", false), ("Completed", false)]);
        assert!(
            theirs
                .get(&case(), "quell-task:1")
                .is_some_and(|known| !known.ours)
        );
    }

    #[test]
    fn a_mark_is_the_same_everywhere_and_differs_by_part() {
        assert_eq!(marker(&case(), &["a", "b"]), marker(&case(), &["a", "b"]));
        assert_ne!(marker(&case(), &["a", "b"]), marker(&case(), &["ab"]));
    }
}
