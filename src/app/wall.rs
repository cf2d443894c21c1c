//! What the wall knows: open cases, sources with their ages, responses and contained accounts. It decides nothing.
//!
//! A wall has no effects: whatever happens, it can ask nothing of the world, and its only command is to quit. What must
//! not live here: commands of the console, anything that writes, layout.

mod responses;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::keymap::{Chord, Key};
use super::message::Message;
use super::model::Source;
use crate::config::settings::{Role, Settings, Wall as Shown};
use crate::domain::audit::Entry;
use crate::domain::case::{Case, Comment};
use crate::domain::fault::Fault;
use crate::domain::freshness::{Freshness, Heard, Moment};
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::severity::Severity;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

pub use responses::{Contained, Responses, Running};

/// What a wall can be told by a key: nothing but this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ends the wall.
    Quit,
}

/// All keys of a wall; they cannot be bound to anything else, because there is nothing else.
pub const KEYS: [(Chord, Command); 2] = [
    (Chord::char('q'), Command::Quit),
    (
        Chord {
            key: Key::Char('c'),
            ctrl: true,
            alt: false,
        },
        Command::Quit,
    ),
];

/// One open case, as much of it as a wall shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Connection and the vendor's own id.
    pub id: CaseId,
    /// The number people say aloud.
    pub number: Option<u64>,
    /// Its title, shown only where names are.
    pub title: Untrusted,
    /// How bad it is.
    pub severity: Severity,
    /// Login of the owner.
    pub owner: Option<Untrusted>,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// Until when somebody should have taken it.
    pub deadline: Option<DateTime<Utc>>,
}

/// The open cases of one case system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// The open ones.
    pub rows: Vec<Row>,
    /// Whether there are more than were asked for.
    pub truncated: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum News {
    /// A case system was asked for its open cases.
    Cases {
        /// Which.
        source: ConnectionName,
        /// The cases, whether there are more, and how many records could not be read.
        result: Result<(Vec<Case>, bool, usize), Fault>,
    },
    /// A case system was asked for its new comments.
    Comments {
        /// Which.
        source: ConnectionName,
        /// Those that were not told before, oldest first.
        comments: Vec<(CaseId, Comment)>,
        /// Whether all there are could be read.
        result: Result<(), Fault>,
    },
    /// Another source was asked whether it answers; any, when its connection could not be made.
    Asked {
        /// Which.
        source: ConnectionName,
        /// Whether it did.
        result: Result<(), Fault>,
    },
    /// New records of this host's log, in their order.
    Records(Vec<Entry>),
    /// Whether this host's log can be read.
    Log(Result<(), Fault>),
    /// How this host's log was found edited or cut; nothing when it is whole.
    LogWhole(Option<Fault>),
    /// The terminal said something.
    Terminal(Message),
    /// Time went by.
    Tick,
}

/// Everything a wall knows.
#[derive(Clone, Debug)]
pub struct Wall {
    /// What it is configured to, without what it may not use.
    pub settings: Arc<Settings>,
    /// What it shows.
    pub shown: Shown,
    /// Now.
    pub now: Moment,
    /// The sources it asks.
    pub sources: Vec<Source>,
    /// The connections it does not ask, because it has no business with them.
    pub unasked: Vec<ConnectionName>,
    /// Open cases by case system.
    pub boards: BTreeMap<ConnectionName, Board>,
    /// What is done to accounts.
    pub responses: Responses,
    /// Why this host's log cannot be read, if so.
    pub log_fault: Option<Fault>,
    /// How this host's log was found edited or cut, if so: what it says of accounts is not certain then.
    pub log_doubt: Option<Fault>,
    /// Why not all comments of a case system were read, though its cases may be.
    unread: BTreeMap<ConnectionName, Fault>,
    begun: Duration,
}

impl Wall {
    /// Makes a wall that has heard nothing. `settings` are those of the console; `watched` what is left for a wall.
    pub fn new(settings: &Settings, watched: Arc<Settings>, shown: Shown, now: Moment) -> Self {
        let sources = watched.connections.iter().filter_map(|connection| {
            let role = *connection.roles.iter().next_back()?;
            let label: Safe = match role {
                Role::Cases => "cases".into(),
                _ => "SIEM".into(),
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
        });
        let sources: Vec<Source> = sources.collect();
        let is_asked = |name: &ConnectionName| sources.iter().any(|source| source.name == *name);
        let unasked = settings.connections.iter();
        let unasked = unasked
            .map(|connection| connection.name.clone())
            .filter(|name| !is_asked(name))
            .collect();
        Self {
            settings: watched,
            shown,
            now,
            sources,
            unasked,
            boards: BTreeMap::new(),
            responses: Responses::default(),
            log_fault: None,
            log_doubt: None,
            unread: BTreeMap::new(),
            begun: now.boot,
        }
    }

    /// Takes what happened; `false` when the wall is to end.
    pub fn update(&mut self, now: Moment, news: News) -> bool {
        self.now = now;
        match news {
            News::Cases { source, result } => {
                let heard = self.asked(&source, result.as_ref().err().cloned());
                if let Ok((cases, truncated, bad)) = result {
                    if let Some(place) = heard {
                        self.sources[place].bad_records = bad;
                    }
                    let rows = cases.into_iter().filter(|case| case.status.is_open());
                    let rows = rows.map(|case| self.row(case)).collect();
                    self.boards.insert(source, Board { rows, truncated });
                }
            }
            News::Comments {
                source,
                comments,
                result,
            } => {
                self.responses.told(comments, now.utc);
                let fault = result.err();
                if let Some(known) = self.sources.iter_mut().find(|one| one.name == source) {
                    known.fault.clone_from(&fault);
                }
                match fault {
                    Some(fault) => self.unread.insert(source, fault),
                    None => self.unread.remove(&source),
                };
            }
            News::Asked { source, result } => {
                self.asked(&source, result.err());
            }
            News::Records(entries) => self.responses.recorded(&entries),
            News::Log(result) => self.log_fault = result.err(),
            News::LogWhole(doubt) => self.log_doubt = doubt,
            News::Terminal(Message::Key(chord) | Message::Bunched { chord, .. }) => {
                return !KEYS.iter().any(|(key, _)| *key == chord);
            }
            News::Terminal(Message::Ended) => return false,
            // Pasted text is not even counted: a paste quits nothing.
            News::Terminal(_) | News::Tick => {}
        }
        true
    }

    /// Tells whether news may change what is shown: a source that answers as it did before does not.
    pub fn may_show(&self, news: &News) -> bool {
        let well = |source: &ConnectionName| {
            let known = self.sources.iter().find(|one| one.name == *source);
            known.is_some_and(|one| {
                one.fault.is_none() && one.heard.freshness(self.now.boot) == Freshness::Ok
            })
        };
        match news {
            News::Asked { source, result } => result.is_err() || !well(source),
            News::Comments {
                source,
                comments,
                result,
            } => !comments.is_empty() || result.is_err() || !well(source),
            _ => true,
        }
    }

    /// Notes whether a source answered; gives its place.
    fn asked(&mut self, source: &ConnectionName, fault: Option<Fault>) -> Option<usize> {
        let place = self.sources.iter().position(|one| one.name == *source)?;
        let known = self.sources.get_mut(place)?;
        if fault.is_none() {
            known.heard.good = Some(self.now.boot);
        }
        // Cases that are read are not comments that are.
        known.fault = fault.or_else(|| self.unread.get(source).cloned());
        Some(place)
    }

    fn row(&self, case: Case) -> Row {
        let limit = self.settings.sla.get(case.severity.key());
        let deadline = limit
            .and_then(|limit| TimeDelta::from_std(*limit).ok())
            .and_then(|limit| case.created.checked_add_signed(limit));
        Row {
            id: case.id,
            number: case.number,
            title: case.title,
            severity: case.severity,
            owner: case.assignee,
            created: case.created,
            deadline,
        }
    }

    /// Gives the open cases of all case systems.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.boards.values().flat_map(|board| board.rows.iter())
    }

    /// Gives the open cases that nobody has taken: the next deadline first, then the oldest.
    pub fn unclaimed(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows().filter(|row| row.owner.is_none()).collect();
        rows.sort_by_key(|row| {
            let deadline = row.deadline.unwrap_or(DateTime::<Utc>::MAX_UTC);
            (deadline, row.created, row.number)
        });
        rows
    }

    /// Gives the open cases that somebody has: the most severe first, then the oldest.
    pub fn claimed(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows().filter(|row| row.owner.is_some()).collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.severity), row.created, row.number));
        rows
    }

    /// Gives how fresh the cases are: as the case system that was heard longest ago; with none, nothing.
    pub fn cases_freshness(&self) -> Option<Freshness> {
        let cases = self.sources.iter().filter(|one| one.role == Role::Cases);
        let oldest = cases.min_by_key(|source| source.heard.good.unwrap_or_default())?;
        Some(oldest.heard.freshness(self.now.boot))
    }

    /// Tells whether any case system has more open cases than were asked for.
    pub fn is_truncated(&self) -> bool {
        self.boards.values().any(|board| board.truncated)
    }

    /// Gives the page to show of so many: it turns by the clock alone.
    pub fn page_of(&self, pages: usize) -> usize {
        let turn = self.shown.page.as_secs().max(1);
        let turns = self.now.boot.saturating_sub(self.begun).as_secs() / turn;
        let pages = u64::try_from(pages.max(1)).unwrap_or(1);
        usize::try_from(turns % pages).unwrap_or(0)
    }

    /// Gives when the next page is due.
    pub fn next_turn(&self) -> Duration {
        let turn = self.shown.page.as_secs().max(1);
        let turns = self.now.boot.saturating_sub(self.begun).as_secs() / turn;
        self.begun + Duration::from_secs((turns + 1) * turn)
    }

    /// Gives what people call a case.
    pub fn case_word(&self, id: &CaseId) -> Safe {
        let known = self.rows().find(|row| row.id == *id);
        match known.and_then(|row| row.number) {
            Some(number) => safe!("#{}", number),
            // It is closed, or not heard of yet.
            None => "closed".into(),
        }
    }
}
