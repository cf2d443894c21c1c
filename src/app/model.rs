//! What the console knows: one tree of plain data, changed only by `update`.

pub mod activity;
pub mod closing;
pub mod comments;
pub mod contained;
pub mod exported;
pub mod filter;
mod handed;
pub mod layer;
pub mod list;
mod open;
mod own_log;
mod pane;
pub mod queue;
pub mod typed;
mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use self::closing::FalsePositive;
use super::alerts::Alerts;
use super::keymap::Keymap;
use super::message::{Handed, Level, Offer, WatchOf};
use super::related::Seen;
use crate::config::settings::{Mode, Role, Settings};
use crate::domain::audit::Entry;
use crate::domain::casework::Casework;
use crate::domain::containment::hold::Stage;
use crate::domain::containment::ledger::Ledger;
use crate::domain::containment::standing::{Standing, standing};
use crate::domain::escalation::Escalation;
use crate::domain::fault::Fault;
use crate::domain::freshness::{Heard, Moment};
use crate::domain::ids::{AccountId, ActionId, CaseId, ConnectionName};
use crate::domain::operator::Operator;
use crate::domain::report::trouble::Tally;
use crate::domain::runbook::Runbook;
use crate::domain::runbook::checklist::{Checklist, ItemId, ListId};
use crate::domain::runbook::choice::Runbooks;
use crate::domain::severity::Severity;
use crate::domain::text::{Safe, Untrusted};

pub use activity::{ActivityPane, ListRow};
pub use exported::Exported;
pub use handed::Showing;
pub use layer::{Held, Layer, Purpose};
pub use list::ListFrame;
pub use open::{Found, Load, Looks, OpenCase};
pub use own_log::OwnLog;
pub use pane::Pane;
pub use queue::Queue;
pub use typed::Typed;
pub use watch::Watch;

/// Most lines kept in the message log.
const LOG_MAX: usize = 500;

/// Columns and rows a screen needs at least.
pub const LEAST: (u16, u16) = (60, 15);

/// How often each connection failed.
pub type Troubles = BTreeMap<ConnectionName, Tally>;

/// Everything the console knows.
#[derive(Clone, Debug)]
pub struct Model {
    /// The configuration.
    pub settings: Arc<Settings>,
    /// Keys to commands.
    pub keymap: Arc<Keymap>,
    /// When the last message came.
    pub now: Moment,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Pane that gets the keys when no layer is open.
    pub focus: Pane,
    /// Whether the focused pane has the whole screen.
    pub zoom: bool,
    /// Every connection and how it is.
    pub sources: Vec<Source>,
    /// Who works here.
    pub operator: Operator,
    /// Whose log this console writes.
    pub own_log: OwnLog,
    /// What the identity provider offers; empty until it is known.
    pub offers: Vec<Offer>,
    /// The case queue.
    pub queue: Queue,
    /// The open case.
    pub open: Option<OpenCase>,
    /// What identity providers raised alerts about.
    pub alerts: Alerts,
    /// The exported logs that are shown instead of cases.
    pub exported: Option<Exported>,
    /// All runbooks and the rules that choose one.
    pub runbooks: Arc<Runbooks>,
    /// The escalation path, where one is configured.
    pub escalation: Option<Arc<Escalation>>,
    /// The runbook the checklist comes from.
    pub runbook: Arc<Runbook>,
    /// The short list.
    pub checklist: Arc<Checklist>,
    /// Cursor of the checklist: index among [`crate::app::checklist::rows`].
    pub checklist_cursor: usize,
    /// Phases unfolded (`true`) or folded by hand.
    pub checklist_folds: BTreeMap<usize, bool>,
    /// Which list of the case is shown.
    pub checklist_list: ListId,
    /// The lists it was opened from, the outermost first.
    pub checklist_above: Vec<ListFrame>,
    /// Cursor of the list of actions.
    pub actions_cursor: usize,
    /// State of every action, folded from records.
    pub ledger: Ledger,
    /// Work on every case, folded from records.
    pub casework: Casework,
    /// Dialogs; the last one gets the keys.
    pub layers: Vec<Layer>,
    /// Messages, oldest first.
    pub log: VecDeque<LogLine>,
    /// Why the audit log can not be written, if so.
    pub audit_fault: Option<Fault>,
    /// That the audit log is broken or not what this host remembers of it, if so.
    pub audit_broken: Option<Fault>,
    /// That the disk of the audit log is nearly full, if so.
    pub audit_low: Option<Fault>,
    /// Why something that other consoles recorded may be missing here, if so.
    pub log_unread: Option<Safe>,
    /// Number of the last search.
    pub last_search: u64,
    /// Whether the console is about to end.
    pub ending: bool,
    /// Steps whose tick by evidence was asked for and is not recorded yet.
    pub evidence_asked: BTreeSet<(CaseId, ItemId)>,
    /// Marks of tasks of which a record is on its way.
    pub tasks_asked: BTreeSet<String>,
    /// When the last key came.
    pub last_key: Moment,
    /// Whether the console was left alone so long that it is READ ONLY until a word is typed.
    pub locked: bool,
    /// How the accounts with proven actions stand.
    pub standings: BTreeMap<AccountId, Standing>,
    /// How the watch over each contained account went.
    pub watched: BTreeMap<(AccountId, WatchOf), Watch>,
    /// Successes after a containment that rang here.
    pub alarmed: BTreeSet<(AccountId, Untrusted)>,
    /// Ends of containments that rang here, by what was said of them.
    pub reminded: BTreeSet<(AccountId, DateTime<Utc>, Stage)>,
    /// Actions confirmed here of which nothing is on record yet: the account is being read again before the send.
    pub going: BTreeSet<ActionId>,
    /// What went wrong on each connection.
    pub troubles: Troubles,
    /// When each case was opened first here, and what had gone wrong by then.
    pub opened: BTreeMap<CaseId, (DateTime<Utc>, Troubles)>,
    /// Comments that ask for an approval and were said already.
    pub requests_told: BTreeSet<Untrusted>,
    /// What was seen in the cases that were opened here.
    pub seen: BTreeMap<CaseId, Seen>,
    /// The case that is being closed as a false positive, while its containment is undone.
    pub false_positive: Option<FalsePositive>,
    /// What waits to be shown once and handed over, oldest first, with when it came.
    pub handed: Vec<(Handed, Moment)>,
    /// When the password of each account of which a secret is here was set, as it was read last, and when that was.
    pub passwords: BTreeMap<AccountId, (DateTime<Utc>, DateTime<Utc>)>,
    /// What was read for the secret that is shown.
    pub showing: Option<Showing>,
    /// What was typed and is not known to be on record or on disk.
    pub typed: Typed,
}

/// Gives the configured times to claim a case by its severity.
fn deadlines(settings: &Settings) -> BTreeMap<Severity, TimeDelta> {
    let known = Severity::ALL.into_iter().filter_map(|severity| {
        let limit = settings.sla.get(severity.key())?;
        Some((severity, TimeDelta::from_std(*limit).ok()?))
    });
    known.collect()
}

/// One connection as the status line shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Configured name.
    pub name: ConnectionName,
    /// What it is to the analyst: `SIEM`, `cases`, `Okta`.
    pub label: Safe,
    /// What it is used for.
    pub role: Role,
    /// When it was heard.
    pub heard: Heard,
    /// Number of the last answer taken.
    pub seq: u64,
    /// Why the last poll failed.
    pub fault: Option<Fault>,
    /// How many records of its last answer could not be read.
    pub bad_records: usize,
}

/// One line of the message log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: DateTime<Utc>,
    /// How much it matters.
    pub level: Level,
    /// What.
    pub text: Safe,
    /// What can be done.
    pub hint: Option<Safe>,
}

/// What a console starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The configuration.
    pub settings: Arc<Settings>,
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// All runbooks and the rules that choose one.
    pub runbooks: Arc<Runbooks>,
    /// The escalation path, where one is configured.
    pub escalation: Option<Arc<Escalation>>,
    /// User of the operating system.
    pub os_user: Untrusted,
    /// Whose log it writes.
    pub own_log: OwnLog,
    /// When it starts.
    pub now: Moment,
    /// Columns and rows.
    pub size: (u16, u16),
}

impl Model {
    /// Makes the model of a console that has not heard anything yet.
    pub fn new(start: Start) -> Self {
        let Start {
            settings,
            keymap,
            runbooks,
            escalation,
            os_user,
            own_log,
            now,
            size,
        } = start;
        let runbook = runbooks.fallback();
        let sources = settings
            .connections
            .iter()
            .filter_map(|connection| {
                // What is said of a connection is its weightiest use: a provider whose log is read too is the provider.
                let role = *connection.roles.iter().next_back()?;
                let label: Safe = match role {
                    Role::Cases => "cases".into(),
                    Role::Activity | Role::Alerts => "SIEM".into(),
                    Role::Identity => connection.vendor.word().into(),
                };
                Some(Source {
                    name: connection.name.clone(),
                    label,
                    role,
                    heard: Heard {
                        since: now.boot,
                        good: None,
                        interval: connection.poll,
                    },
                    seq: 0,
                    fault: None,
                    bad_records: 0,
                })
            })
            .collect();
        let mut queue = Queue::default();
        queue.set_sla(deadlines(&settings));
        let checklist = Arc::new(Checklist::derive(&runbook));
        let checklist_list = ListId::root(runbook.file.clone());
        Self {
            settings,
            keymap,
            now,
            size,
            focus: Pane::Cases,
            zoom: false,
            sources,
            operator: Operator {
                id: Untrusted::default(),
                login: None,
                name: None,
                shared: false,
                os_user,
            },
            own_log,
            offers: Vec::new(),
            queue,
            open: None,
            alerts: Alerts::default(),
            exported: None,
            runbooks,
            escalation,
            runbook,
            checklist,
            checklist_cursor: 0,
            checklist_folds: BTreeMap::new(),
            checklist_list,
            checklist_above: Vec::new(),
            actions_cursor: 0,
            ledger: Ledger::default(),
            casework: Casework::default(),
            layers: Vec::new(),
            log: VecDeque::new(),
            audit_fault: None,
            audit_broken: None,
            audit_low: None,
            log_unread: None,
            last_search: 0,
            ending: false,
            evidence_asked: BTreeSet::new(),
            tasks_asked: BTreeSet::new(),
            last_key: now,
            locked: false,
            standings: BTreeMap::new(),
            watched: BTreeMap::new(),
            alarmed: BTreeSet::new(),
            reminded: BTreeSet::new(),
            going: BTreeSet::new(),
            troubles: BTreeMap::new(),
            opened: BTreeMap::new(),
            requests_told: BTreeSet::new(),
            seen: BTreeMap::new(),
            false_positive: None,
            handed: Vec::new(),
            passwords: BTreeMap::new(),
            showing: None,
            typed: Typed::default(),
        }
    }

    /// Folds the records of earlier sessions; what they left unfinished is put before the analyst.
    pub fn restore(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.ledger.apply(entry);
            self.casework.apply(entry);
        }
        self.judge();
        if self.ledger.unfinished().next().is_some() {
            self.show_unfinished();
        }
    }

    /// Puts the unfinished actions before the analyst, the cursor on the oldest.
    pub fn show_unfinished(&mut self) {
        let aid = self.ledger.unfinished().next().map(|a| a.aid.clone());
        self.layers.push(Layer::Unfinished { cursor: 0, aid });
    }

    /// Keeps the cursor on its action when others above it end; on none when its own did.
    pub(super) fn keep_unfinished_cursor(&mut self) {
        for layer in &mut self.layers {
            if let Layer::Unfinished { cursor, aid } = layer {
                let place = |aid: &ActionId| self.ledger.unfinished().position(|a| a.aid == *aid);
                if let Some(place) = aid.as_ref().and_then(place) {
                    *cursor = place;
                } else {
                    *aid = None;
                    let last = self.ledger.unfinished().count().saturating_sub(1);
                    *cursor = (*cursor).min(last);
                }
            }
        }
    }

    /// Adds a line to the message log.
    pub fn say(&mut self, level: Level, text: impl Into<Safe>, hint: Option<Safe>) {
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        self.log.push_back(LogLine {
            at: self.now.utc,
            level,
            text: text.into(),
            hint,
        });
    }

    /// Counts what was confirmed and has no final word yet.
    pub fn unfinished(&self) -> usize {
        self.ledger.unfinished().count() + self.going.len()
    }

    /// Gives the mode that holds now.
    pub fn mode(&self) -> Mode {
        if self.locked {
            Mode::ReadOnly
        } else {
            self.settings.environment.mode
        }
    }

    /// Makes the console READ ONLY once it was left alone too long; dialogs that lead to an act are closed.
    ///
    /// Those in which somebody writes stay, with their text: they take the key that ends them only after the word, and anew.
    pub fn lock_when_idle(&mut self) {
        let idle = self.now.boot.saturating_sub(self.last_key.boot);
        if self.locked || idle < self.settings.environment.idle_lock {
            return;
        }
        self.locked = true;
        self.false_positive = None;
        self.layers.retain(|layer| {
            !matches!(
                layer,
                Layer::Confirm { .. }
                    | Layer::Planning { .. }
                    | Layer::Contain { .. }
                    | Layer::Approve { .. }
                    | Layer::ReadingRequest { .. }
                    | Layer::HoldEnd { .. }
                    | Layer::Ask(_)
                    | Layer::Secret(_)
            )
        });
        for layer in &mut self.layers {
            match layer {
                Layer::Close(dialog) => dialog.disarm(),
                Layer::Writing { esc, .. } => *esc = false,
                _ => {}
            }
        }
        self.say(
            Level::Warning,
            "left alone: READ ONLY until you type the word arm",
            None,
        );
    }

    /// Judges every account with actions anew; called after records or events came.
    pub fn judge(&mut self) {
        let mut accounts: Vec<AccountId> = Vec::new();
        for action in self.ledger.actions() {
            if !accounts.contains(&action.account) {
                accounts.push(action.account.clone());
            }
        }
        let open = self.open.as_ref();
        self.standings = accounts
            .into_iter()
            .map(|account| {
                let seen = open.filter(|o| o.the_account().is_some_and(|a| a.id == account));
                let mut word = standing(&self.ledger, &account, |since| {
                    seen.is_some_and(|o| o.activity.success_after(since))
                });
                if let Some(Load::Ready(Found::One(account), looked)) = seen.map(|o| &o.account) {
                    word.reconsider(account, looked.utc);
                }
                word.lapse(self.now.utc);
                (account, word)
            })
            .filter(|(_, standing)| *standing != Standing::Free)
            .collect();
        self.watch_from_now();
    }

    /// Gives how the account of the open case stands.
    pub fn standing(&self) -> Option<&Standing> {
        self.standings.get(&self.open.as_ref()?.the_account()?.id)
    }

    /// Gives the age of a moment.
    pub fn age(&self, since: Moment) -> Duration {
        self.now.boot.saturating_sub(since.boot)
    }
}
