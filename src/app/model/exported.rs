//! Exported logs on the screen without a case: what is shown then, and which keys cannot do their work.
//!
//! What must not live here: reading the files.

use chrono::{DateTime, Utc};

use super::comments::OwnComments;
use super::{ActivityPane, Load, Looks, Model, OpenCase, Pane};
use crate::app::command::Command;
use crate::app::message::SearchEnd;
use crate::domain::case::Subject;
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::Activity;
use crate::domain::timeline::finding::Finding;

/// What is shown instead of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The files in words.
    pub files: Safe,
    /// The only user that is looked at, where one was asked for.
    pub user: Option<Untrusted>,
    /// When the log ends, which is "now" for everything that is shown.
    pub ends: Option<DateTime<Utc>>,
}

impl Model {
    /// Shows the events of exported logs in the activity pane, which is all there is then.
    pub fn show_exported(
        &mut self,
        exported: Exported,
        connection: ConnectionName,
        activity: Activity,
        findings: Vec<Finding>,
    ) {
        let timed = || activity.rows().filter(|row| !row.untimed());
        let first = timed().next().map(|row| row.at());
        let span = first.zip(exported.ends).map(|(first, last)| last - first);
        // One more than whole hours: the first event must not fall off the axis.
        let hours = span.map_or(1, |span| span.num_hours().saturating_add(2));
        let mut pane = ActivityPane::begin(1, u32::try_from(hours).unwrap_or(u32::MAX), self.now);
        pane.loading = None;
        pane.ended = Some(SearchEnd {
            events: activity.len(),
            truncated: false,
        });
        pane.activity = activity;
        pane.told(findings);
        let contained_since = None;
        pane.refresh(&self.settings.timeline.tuning, &[], contained_since);
        pane.move_to(0);
        self.open = Some(OpenCase {
            id: CaseId::new(connection, "exported"),
            file: Load::Idle,
            subject: Subject::NoUser,
            user: exported.user.clone(),
            account: Load::Idle,
            looks: Looks::default(),
            activity: pane,
            related_seen: None,
            comments: OwnComments::default(),
            left: Load::Idle,
            left_marked: Vec::new(),
            similar: Load::Idle,
            back: None,
        });
        self.exported = Some(exported);
        self.keep_to_exported();
    }

    /// Keeps the one pane there is for exported logs on the whole screen.
    pub(in crate::app) fn keep_to_exported(&mut self) {
        if self.exported.is_some() {
            self.focus = Pane::Activity;
            self.zoom = true;
        }
    }

    /// Says why a command cannot do its work on exported logs, if it cannot.
    pub fn lacking_case(&self, command: Command) -> Option<&'static str> {
        use Command as C;
        self.exported.as_ref()?;
        match command {
            C::FocusCases
            | C::FocusChecklist
            | C::FocusActions
            | C::FocusNext
            | C::FocusPrevious
            | C::Zoom => Some("exported logs have this one pane only"),
            C::Refresh | C::Window | C::TypeWindow | C::NextSlice | C::WhoElse | C::StopLoading => {
                Some("the files were read whole; there is no source to ask")
            }
            C::Contain
            | C::ContainBoth
            | C::ContainRevoke
            | C::ContainDisable
            | C::ContainMonitor
            | C::ContainNothing
            | C::ContainReset
            | C::ContainExpire
            | C::ContainCompromised
            | C::ContainDismiss
            | C::ShowSecret
            | C::Undo
            | C::CheckAgain
            | C::SendAgain
            | C::CloseWithReason
            | C::ShowContained
            | C::ChangeEnd
            | C::KeepContained
            | C::ShowUnfinished
            | C::ShowResponse
            | C::Approvals => {
                Some("nothing can be done to an account here: no system is connected")
            }
            C::Likelihood
            | C::DismissFinding
            | C::Note
            | C::Document
            | C::Handover
            | C::PostReport
            | C::ShowEscalation
            | C::Tick
            | C::TickHere
            | C::SkipStep
            | C::NotApplicable
            | C::ReadStep
            | C::RunStep
            | C::StepNote
            | C::ClosePhase
            | C::OpenLinked
            | C::ChooseRunbook
            | C::ShowInputs
            | C::ChooseUser
            | C::MarkEvent
            | C::TagEvent
            | C::EventNote
            | C::AddEvent
            | C::PostEvent
            | C::Claim
            | C::CloseCase
            | C::FalsePositive
            | C::Snooze
            | C::Mark
            | C::Merge
            | C::SortCases
            | C::ShowCard
            | C::ShowRelated
            | C::CompromiseWindow => Some("that belongs to a case; exported logs have none"),
            _ => None,
        }
    }
}
