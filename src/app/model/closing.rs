//! The dialog that closes cases: verdict, comment, and what would stay open.

use std::collections::BTreeMap;

use ratatui_textarea::TextArea;

use crate::domain::fault::Fault;
use crate::domain::ids::{AccountId, ActionId, CaseId};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::verdict::Verdict;
use crate::safe;

/// Open tasks of a case, id and title; why they could not be read.
pub type OpenTasks = Result<Vec<(Untrusted, Untrusted)>, Fault>;

/// A false positive that waits for its containment to be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FalsePositive {
    /// The case that is closed then.
    pub case: CaseId,
    /// The account that is enabled first.
    pub account: AccountId,
    /// The enabling, once it is confirmed.
    pub enabling: Option<ActionId>,
}

/// The state of the dialog.
#[derive(Clone, Debug)]
pub struct CloseDialog {
    /// The cases, with the words they are called by.
    pub cases: Vec<(CaseId, Safe)>,
    /// What they turned out to be; nothing is chosen for the analyst.
    pub verdict: Option<Verdict>,
    /// The comment.
    pub area: TextArea<'static>,
    /// The comment of a closing that failed, which came back: leaving loses no text then.
    pub back: Option<Untrusted>,
    /// Tasks that would stay open, as far as they are read.
    pub open: BTreeMap<CaseId, OpenTasks>,
    /// Mandatory steps of the list that are open, where a list of ours is worked.
    pub steps: usize,
    /// The cases whose steps are not among those: they are not open here.
    pub not_counted: Vec<Safe>,
    /// What stays contained or is not over, a line each, as it was judged last.
    pub stays: Vec<Safe>,
    /// Whether it was opened to close a false positive, from which nothing may stay contained.
    pub is_false_positive: bool,
    /// Whether it was said that something stays open, and the next key closes all the same.
    pub warned: bool,
    /// What the last key did.
    pub said: Option<Safe>,
    /// Whether Esc was pressed once.
    pub esc: bool,
}

impl CloseDialog {
    /// Opens it.
    pub fn new(cases: Vec<(CaseId, Safe)>, verdict: Option<Verdict>, steps: usize) -> Self {
        let mut area = TextArea::default();
        area.set_max_histories(0);
        Self {
            cases,
            verdict,
            area,
            back: None,
            open: BTreeMap::new(),
            steps,
            not_counted: Vec::new(),
            stays: Vec::new(),
            is_false_positive: verdict == Some(Verdict::FalsePositive),
            warned: false,
            said: None,
            esc: false,
        }
    }

    /// Gives the comment as typed.
    pub fn comment(&self) -> String {
        self.area.lines().join("\n").trim().to_owned()
    }

    /// Tells whether the tasks of all cases are read.
    pub fn is_read(&self) -> bool {
        self.cases.iter().all(|(id, _)| self.open.contains_key(id))
    }

    /// Tells whether it would close as a false positive what it was opened for.
    pub fn closes_false_positive(&self) -> bool {
        self.is_false_positive && self.verdict == Some(Verdict::FalsePositive)
    }

    /// Says what is missing before it can close anything, if something is.
    pub fn missing(&self) -> Option<Safe> {
        if self.verdict.is_none() {
            return Some("choose a verdict with Up and Down".into());
        }
        if self.comment().is_empty() {
            return Some("write a comment: it stands in the closed case".into());
        }
        if !self.is_read() {
            return Some("the tasks are being read: a moment".into());
        }
        let unread = self.open.values().find_map(|tasks| tasks.as_ref().err())?;
        Some(safe!(
            "its tasks could not be read, so it is not closed: {}",
            unread.what
        ))
    }

    /// Takes what stays contained or is not over by now; what was not said yet is to be confirmed too.
    pub fn judge(&mut self, stays: Vec<Safe>) {
        let is_new = stays.iter().any(|line| !self.stays.contains(line));
        self.warned &= !is_new;
        self.stays = stays;
    }

    /// Forgets what the last keys began: whoever comes back confirms what stays open anew, and gives nothing up by one key.
    pub fn disarm(&mut self) {
        self.warned = false;
        self.said = None;
        self.esc = false;
    }

    /// Tells whether something stays open or contained, or is not over.
    pub fn leaves_open(&self) -> bool {
        !self.open_tasks().is_empty() || self.steps > 0 || !self.stays.is_empty()
    }

    /// Lists the titles of the tasks that would stay open.
    pub fn open_tasks(&self) -> Vec<&(Untrusted, Untrusted)> {
        self.open.values().flatten().flatten().collect()
    }

    /// Goes to another verdict.
    pub fn choose(&mut self, by: isize) {
        let last = Verdict::ALL.len() - 1;
        let at = self
            .verdict
            .and_then(|known| Verdict::ALL.iter().position(|verdict| *verdict == known));
        let to = match at {
            None if by > 0 => 0,
            None => last,
            Some(at) => at.saturating_add_signed(by).min(last),
        };
        self.verdict = Verdict::ALL.get(to).copied();
        self.warned = false;
    }
}
