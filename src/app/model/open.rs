//! The open case: its file, the account behind its user, the activity, and where one was in it.
//!
//! What must not live here: the other panes.

use chrono::{DateTime, Utc};

use super::comments::OwnComments;
use super::{ActivityPane, Model};
use crate::domain::account::Account;
use crate::domain::audit::CaseLeft;
use crate::domain::case::{Case, CaseFile, Subject};
use crate::domain::casework::judged::{Declined, Whose};
use crate::domain::containment::remnant::{Item, LeftBehind};
use crate::domain::fault::Fault;
use crate::domain::freshness::Moment;
use crate::domain::ids::CaseId;
use crate::domain::likelihood::Likelihood;
use crate::domain::text::{Safe, Untrusted};

/// Something that is loaded.
#[derive(Clone, Debug)]
pub enum Load<T> {
    /// Nobody asked.
    Idle,
    /// Asked, not answered; since when.
    Loading(Moment),
    /// Answered, and when.
    Ready(T, Moment),
    /// Failed, and when.
    Failed(Fault, Moment),
}

impl<T> Load<T> {
    /// Gives the value, if there is one.
    pub fn ready(&self) -> Option<&T> {
        match self {
            Self::Ready(value, _) => Some(value),
            _ => None,
        }
    }
}

/// What the identity provider said about the user of the case.
#[derive(Clone, Debug)]
pub enum Found {
    /// Exactly one account.
    One(Box<Account>),
    /// None carries the name.
    Nobody,
    /// Several carry it: refused.
    Several(Vec<Account>),
}

/// How the account is looked up again and again while its case is open.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// When it was last asked for.
    pub asked: Option<Moment>,
    /// Why the last reading failed, where that was said already.
    pub fault: Option<Safe>,
    /// The account as it was read last, and when, where nobody carries the name any more.
    pub was: Option<(Box<Account>, Moment)>,
}

/// The open case.
#[derive(Clone, Debug)]
pub struct OpenCase {
    /// Which.
    pub id: CaseId,
    /// The case in full.
    pub file: Load<Box<CaseFile>>,
    /// Whom it is about.
    pub subject: Subject,
    /// The name looked up: the only one, or the chosen one.
    pub user: Option<Untrusted>,
    /// The account behind the name.
    pub account: Load<Found>,
    /// How it is looked up again.
    pub looks: Looks,
    /// What may be left in the account.
    pub left: Load<Box<LeftBehind>>,
    /// What of it is marked, to be removed by one plan.
    pub left_marked: Vec<Item>,
    /// The activity of the user.
    pub activity: ActivityPane,
    /// When the other cases of the user were last shown.
    pub related_seen: Option<Moment>,
    /// Comments of ours that are in it, or were.
    pub comments: OwnComments,
    /// The cases that the case system finds similar.
    pub similar: Load<Vec<Case>>,
    /// Where the cursors stood when it was left, until that is restored.
    pub back: Option<(CaseLeft, DateTime<Utc>)>,
}

impl OpenCase {
    /// Gives the account, when there is exactly one.
    pub fn the_account(&self) -> Option<&Account> {
        match self.account.ready() {
            Some(Found::One(account)) => Some(account),
            _ => None,
        }
    }

    /// Gives the account, or the one that carried the name until nobody did.
    pub fn last_account(&self) -> Option<&Account> {
        let was = self.looks.was.as_ref().map(|(account, _)| account.as_ref());
        self.the_account().or(was)
    }

    /// Gives when the account was last asked for, or read; `None` where nobody asked.
    pub fn looked(&self) -> Option<Moment> {
        let read = match &self.account {
            Load::Idle => None,
            Load::Loading(at) | Load::Ready(_, at) | Load::Failed(_, at) => Some(*at),
        };
        let both = [read, self.looks.asked].into_iter().flatten();
        both.max_by_key(|at| at.boot)
    }
}

impl Model {
    /// Gives the users of a case that is about several; while it was not read, as far as the queue knows.
    pub fn users_of(&self, case: &CaseId) -> Option<&[Untrusted]> {
        let open = self.open.as_ref().filter(|open| open.id == *case);
        let read = open.filter(|open| open.file.ready().is_some());
        let subject = match read {
            Some(open) => &open.subject,
            None => self.queue.subjects.get(case)?,
        };
        match subject {
            Subject::Several(names) => Some(names.as_slice()),
            Subject::NoUser | Subject::User(_) => None,
        }
    }

    /// Gives whose judgements count in the open case.
    fn whose<'a>(&self, open: &'a OpenCase) -> Whose<'a> {
        Whose {
            account: open.the_account().map(|account| &account.id),
            login: open.user.as_ref(),
            is_one_of_several: self.users_of(&open.id).is_some(),
        }
    }

    /// Gives the likelihood that a person judged for the account of the open case, and when.
    pub fn likelihood_in(&self, open: &OpenCase) -> Option<(Likelihood, DateTime<Utc>)> {
        let work = self.casework.case(&open.id)?;
        work.likelihoods.of(self.whose(open)).copied()
    }

    /// Gives the decision not to contain the account of the open case.
    pub fn decision_in(&self, open: &OpenCase) -> Option<&Declined> {
        let work = self.casework.case(&open.id)?;
        work.decisions.of(self.whose(open))
    }
}
