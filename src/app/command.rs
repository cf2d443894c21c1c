//! The one list of commands: id, keys, where they mean something, one line of doc.
//!
//! Keymap, help, key line, `quell keys` and the README's table are printed from it.

/// Where a command means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// In every pane, not in dialogs.
    Everywhere,
    /// In the case queue.
    Cases,
    /// In the activity of the user.
    Activity,
    /// In the checklist.
    Checklist,
    /// In the list of actions.
    Actions,
    /// In a text that scrolls: help, a record, a paragraph, the message log, a response.
    Reading,
    /// In a list to choose from.
    Choosing,
    /// In the preview of a report.
    Preview,
    /// In the actions layer: one letter an action.
    Contain,
    /// In the view of what may be left in the account.
    Left,
    /// In the list of unfinished actions.
    Unfinished,
    /// In the list of everything contained.
    Contained,
}

impl Context {
    /// Tells whether it is one of the four panes.
    pub fn is_pane(self) -> bool {
        matches!(
            self,
            Self::Cases | Self::Activity | Self::Checklist | Self::Actions
        )
    }

    /// Tells whether a key bound in both would be ambiguous.
    pub fn meets(self, other: Self) -> bool {
        self == other
            || (self == Self::Everywhere && other.is_pane())
            || (other == Self::Everywhere && self.is_pane())
    }

    /// Gives the heading used in help and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Cases => "Cases",
            Self::Activity => "Activity",
            Self::Checklist => "Checklist",
            Self::Actions => "Actions",
            Self::Reading => "Reading",
            Self::Choosing => "Choosing",
            Self::Preview => "Preview",
            Self::Contain => "Contain",
            Self::Left => "What may be left",
            Self::Unfinished => "Unfinished actions",
            Self::Contained => "Contained accounts",
        }
    }
}

/// What a key can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each has its doc line in COMMANDS")]
pub enum Command {
    FocusCases,
    FocusActivity,
    FocusChecklist,
    FocusActions,
    FocusNext,
    FocusPrevious,
    Zoom,
    Down,
    Up,
    First,
    Last,
    HalfDown,
    HalfUp,
    Open,
    Back,
    Filter,
    Help,
    Messages,
    Search,
    Refresh,
    Quit,
    Contain,
    Undo,
    Likelihood,
    Note,
    Document,
    Handover,
    PostReport,
    ShowUnfinished,
    ShowResponse,
    Approvals,
    ShowEscalation,
    NextFinding,
    PreviousFinding,
    /// Dismiss the finding, or take that back.
    DismissFinding,
    Window,
    TypeWindow,
    ZoomIn,
    ZoomOut,
    FilterEvents,
    Pivot,
    WhoElse,
    NextSlice,
    MarkEvent,
    TagEvent,
    EventNote,
    AddEvent,
    PostEvent,
    StopLoading,
    Tick,
    SkipStep,
    NotApplicable,
    ReadStep,
    RunStep,
    TickHere,
    OpenLinked,
    StepNote,
    ClosePhase,
    ChooseRunbook,
    ShowInputs,
    ChooseUser,
    Redraw,
    ContainRevoke,
    ContainDisable,
    ContainBoth,
    ContainMonitor,
    ContainNothing,
    ContainReset,
    ContainExpire,
    /// Plans to mark the account as compromised.
    ContainCompromised,
    /// Plans to dismiss the risk of the account.
    ContainDismiss,
    ShowSecret,
    ShowLeft,
    MarkLeft,
    MarkNewLeft,
    RemoveLeft,
    ReadLeft,
    CheckAgain,
    SendAgain,
    CloseWithReason,
    ShowContained,
    ChangeEnd,
    KeepContained,
    Claim,
    CloseCase,
    FalsePositive,
    Snooze,
    Mark,
    Merge,
    SortCases,
    ShowCard,
    ShowRelated,
    CompromiseWindow,
    Copy,
    Suspend,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Id used in `[keys]`.
    pub id: &'static str,
    /// The command.
    pub command: Command,
    /// Where it means something.
    pub context: Context,
    /// Shipped keys.
    pub keys: &'static [&'static str],
    /// One or two words for the key line; empty when it is not shown there.
    pub short: &'static str,
    /// One line of doc.
    pub doc: &'static str,
}

const fn spec(
    id: &'static str,
    command: Command,
    context: Context,
    keys: &'static [&'static str],
    short: &'static str,
    doc: &'static str,
) -> Spec {
    Spec {
        id,
        command,
        context,
        keys,
        short,
        doc,
    }
}

/// All commands.
#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &{
    use Command as C;
    use Context as X;
    [
        spec("down", C::Down, X::Everywhere, &["j", "Down"], "", "move down"),
        spec("up", C::Up, X::Everywhere, &["k", "Up"], "", "move up"),
        spec("first", C::First, X::Everywhere, &["g", "Home"], "", "go to the first row"),
        spec("last", C::Last, X::Everywhere, &["G", "End"], "", "go to the last row"),
        spec("half-down", C::HalfDown, X::Everywhere, &["Ctrl-d", "PageDown"], "", "half a page down"),
        spec("half-up", C::HalfUp, X::Everywhere, &["Ctrl-u", "PageUp"], "", "half a page up"),
        spec("open-case", C::Open, X::Cases, &["Enter"], "open", "open the case under the cursor"),
        spec("filter", C::Filter, X::Cases, &["/"], "filter", "show only cases that contain a text"),
        spec("mark", C::Mark, X::Cases, &["Space"], "mark", "mark the case, or take its mark away"),
        spec("sort", C::SortCases, X::Cases, &["O"], "sort",
            "order the cases by severity, deadline, age or last change"),
        spec("snooze", C::Snooze, X::Cases, &["s"], "snooze",
            "do not show the case for a while, with a reason; or show it again"),
        spec("merge", C::Merge, X::Cases, &["J"], "", "make one case of the marked ones; there is no way back"),
        spec("open-event", C::Open, X::Activity, &["Enter"], "raw", "show the event or finding in full"),
        spec("next-finding", C::NextFinding, X::Activity, &["n"], "finding", "go to the next finding"),
        spec("previous-finding", C::PreviousFinding, X::Activity, &["N"], "", "go to the previous finding"),
        spec("dismiss", C::DismissFinding, X::Activity, &["-"], "dismiss",
            "dismiss the finding with a reason, or take that back; withdraw an event typed in"),
        spec("filter-events", C::FilterEvents, X::Activity, &["/"], "filter",
            "show only events that pass a filter; Tab completes"),
        spec("pivot", C::Pivot, X::Activity, &["p"], "pivot",
            "look from a value of the event at all that have it, at the minutes around it, at other users"),
        spec("window", C::Window, X::Activity, &["t"], "", "change the window: 24, 48, 72 hours"),
        spec("type-window", C::TypeWindow, X::Activity, &["T"], "", "change the window to a length that is typed"),
        spec("zoom-in", C::ZoomIn, X::Activity, &[">"], "", "look at half as much time, around the cursor"),
        spec("zoom-out", C::ZoomOut, X::Activity, &["<"], "", "look at twice as much time"),
        spec("who-else", C::WhoElse, X::Activity, &["w"], "", "show what others did to the account"),
        spec("next-slice", C::NextSlice, X::Activity, &["s"], "",
            "load the older events, where the SIEM has more than were loaded"),
        spec("mark-event", C::MarkEvent, X::Activity, &["Space"], "", "mark the event, or take the mark away"),
        spec("tag-event", C::TagEvent, X::Activity, &["#"], "", "tag the event; the same tag again takes it off"),
        spec("event-note", C::EventNote, X::Activity, &["M"], "", "write a note on the event"),
        spec("add-event", C::AddEvent, X::Activity, &["+"], "", "type in an event that no log has: time and text"),
        spec("post-event", C::PostEvent, X::Activity, &["P"], "", "post the event into the case as a comment, once"),
        spec("stop-loading", C::StopLoading, X::Activity, &["S"], "", "stop loading events"),
        spec("tick", C::Tick, X::Checklist, &["Enter"], "tick",
            "tick the step or open it again; open its list; fold the phase"),
        spec("tick-here", C::TickHere, X::Checklist, &["Space"], "",
            "tick the step also where Enter opens a list; fold the phase"),
        spec("skip", C::SkipStep, X::Checklist, &["-"], "skip", "skip the step, with a reason"),
        spec("not-applicable", C::NotApplicable, X::Checklist, &["0"], "n/a",
            "mark the step as not applicable, with a reason"),
        spec("read", C::ReadStep, X::Checklist, &["v"], "read", "read the paragraph of the runbook it came from"),
        spec("run", C::RunStep, X::Checklist, &["x"], "run", "run what the step names"),
        spec("open-linked", C::OpenLinked, X::Checklist, &["o"], "", "open the list of the runbook that the step names"),
        spec("step-note", C::StepNote, X::Checklist, &["M"], "", "write a note on the step"),
        spec("close-phase", C::ClosePhase, X::Checklist, &["p"], "", "close the phase, or open it again"),
        spec("inputs", C::ShowInputs, X::Checklist, &["i"], "", "show the inputs of the runbook, and type in what is missing"),
        spec("runbook", C::ChooseRunbook, X::Everywhere, &["B"], "", "choose another runbook for the case"),
        spec("run-action", C::Open, X::Actions, &["Enter"], "plan", "plan the action under the cursor"),
        spec("claim", C::Claim, X::Everywhere, &["a"], "take",
            "take the case or all marked ones; give your own one back"),
        spec("contain", C::Contain, X::Everywhere, &["c"], "contain", "open the actions: one letter each"),
        spec("likelihood", C::Likelihood, X::Everywhere, &["l"], "likelihood",
            "judge how likely the account is compromised"),
        spec("document", C::Document, X::Everywhere, &["d"], "document",
            "document a phase in the case; post the record of the response where that is due"),
        spec("handover", C::Handover, X::Everywhere, &["H"], "",
            "write the handover of the open case; with none open, show that of the shift"),
        spec("note", C::Note, X::Everywhere, &["m"], "note", "write a note into the case"),
        spec("undo", C::Undo, X::Everywhere, &["u"], "", "plan to enable the account again"),
        spec("user", C::ChooseUser, X::Everywhere, &["U"], "",
            "choose the user of the case, where it names several"),
        spec("response", C::ShowResponse, X::Everywhere, &["R"], "",
            "show the response: every action with its proof"),
        spec("show-secret", C::ShowSecret, X::Everywhere, &["V"], "",
            "show a new password, or the link to choose one, this once"),
        spec("left", C::ShowLeft, X::Everywhere, &["E"], "",
            "show what an attacker may have left in the account, and remove it"),
        spec("approvals", C::Approvals, X::Everywhere, &["A"], "",
            "show who asks for an approval in the open case"),
        spec("close-case", C::CloseCase, X::Everywhere, &["X"], "",
            "close the case or all marked ones: verdict and comment in one step"),
        spec("false-positive", C::FalsePositive, X::Everywhere, &["f"], "",
            "false positive: undo what is contained, then close with verdict and comment"),
        spec("case-card", C::ShowCard, X::Everywhere, &["I"], "",
            "show the case in full: alert card, window, other cases, tasks, comments"),
        spec("related", C::ShowRelated, X::Everywhere, &["="], "",
            "show other cases of the user, of the same observables, and similar ones"),
        spec("compromise-window", C::CompromiseWindow, X::Everywhere, &["W"], "",
            "say from when to when the account was in other hands"),
        spec("copy", C::Copy, X::Everywhere, &["y"], "",
            "copy what is under the cursor to the terminal's clipboard, where that is switched on"),
        spec("escalation", C::ShowEscalation, X::Everywhere, &["e"], "", "show who is called next, and how"),
        spec("unfinished", C::ShowUnfinished, X::Everywhere, &["F"], "", "show the unfinished actions"),
        spec("contained", C::ShowContained, X::Everywhere, &["C"], "",
            "show everything contained: until when, by whom, what was seen since"),
        spec("search", C::Search, X::Everywhere, &[":"], "all", "search over all commands"),
        spec("help", C::Help, X::Everywhere, &["?"], "help", "show the keys for where you are"),
        spec("messages", C::Messages, X::Everywhere, &["!"], "log", "show the messages"),
        spec("refresh", C::Refresh, X::Everywhere, &["r"], "", "ask every source now"),
        spec("focus-cases", C::FocusCases, X::Everywhere, &["1"], "", "go to the cases"),
        spec("focus-activity", C::FocusActivity, X::Everywhere, &["2"], "", "go to the activity"),
        spec("focus-checklist", C::FocusChecklist, X::Everywhere, &["3"], "", "go to the checklist"),
        spec("focus-actions", C::FocusActions, X::Everywhere, &["4"], "", "go to the actions"),
        spec("focus-next", C::FocusNext, X::Everywhere, &["Tab"], "", "go to the next pane"),
        spec("focus-previous", C::FocusPrevious, X::Everywhere, &["Shift-Tab"], "", "go to the pane before"),
        spec("zoom", C::Zoom, X::Everywhere, &["z"], "", "give the pane the whole screen, or take it back"),
        spec("back", C::Back, X::Everywhere, &["Esc"], "", "leave: pivot, filter, zoom, marks"),
        spec("redraw", C::Redraw, X::Everywhere, &["Ctrl-l"], "", "draw the whole screen anew"),
        spec("suspend", C::Suspend, X::Everywhere, &["Ctrl-z"], "",
            "give the terminal back to the shell for a while; fg comes back"),
        spec("quit", C::Quit, X::Everywhere, &["q"], "", "quit; asks while an action runs"),
        spec("reading-down", C::Down, X::Reading, &["j", "Down"], "down", "scroll down"),
        spec("reading-up", C::Up, X::Reading, &["k", "Up"], "up", "scroll up"),
        spec("reading-first", C::First, X::Reading, &["g", "Home"], "", "go to the top"),
        spec("reading-last", C::Last, X::Reading, &["G", "End"], "", "go to the end"),
        spec("reading-half-down", C::HalfDown, X::Reading, &["Ctrl-d", "PageDown", "Space"], "",
            "half a page down"),
        spec("reading-half-up", C::HalfUp, X::Reading, &["Ctrl-u", "PageUp"], "", "half a page up"),
        spec("reading-copy", C::Copy, X::Reading, &["y"], "", "copy the text, where that is switched on"),
        spec("reading-secret", C::ShowSecret, X::Reading, &["V"], "",
            "show a new password, or the link to choose one, this once"),
        spec("reading-back", C::Back, X::Reading, &["Esc", "q"], "back", "close it"),
        spec("choosing-down", C::Down, X::Choosing, &["j", "Down"], "", "move down"),
        spec("choosing-up", C::Up, X::Choosing, &["k", "Up"], "", "move up"),
        spec("choosing-first", C::First, X::Choosing, &["g", "Home"], "", "move to the first row"),
        spec("choosing-last", C::Last, X::Choosing, &["G", "End"], "", "move to the last row"),
        spec("choosing-open", C::Open, X::Choosing, &["Enter"], "choose", "choose the row under the cursor"),
        spec("choosing-back", C::Back, X::Choosing, &["Esc", "q"], "back", "choose nothing"),
        spec("preview-down", C::Down, X::Preview, &["j", "Down"], "down", "scroll down"),
        spec("preview-up", C::Up, X::Preview, &["k", "Up"], "up", "scroll up"),
        spec("preview-first", C::First, X::Preview, &["g", "Home"], "", "go to the top"),
        spec("preview-last", C::Last, X::Preview, &["G", "End"], "", "go to the end"),
        spec("preview-half-down", C::HalfDown, X::Preview, &["Ctrl-d", "PageDown", "Space"], "",
            "half a page down"),
        spec("preview-half-up", C::HalfUp, X::Preview, &["Ctrl-u", "PageUp"], "", "half a page up"),
        spec("preview-post", C::PostReport, X::Preview, &["y"], "post it", "post the report as it is shown"),
        spec("preview-back", C::Back, X::Preview, &["Esc", "q"], "edit on", "go back to the text; nothing is posted"),
        spec("contain-both", C::ContainBoth, X::Contain, &["c"], "contain",
            "revoke sessions, disable, revoke again: one plan"),
        spec("contain-revoke", C::ContainRevoke, X::Contain, &["s"], "sessions", "revoke the sessions only"),
        spec("contain-disable", C::ContainDisable, X::Contain, &["a"], "account", "disable the account only"),
        spec("contain-reset", C::ContainReset, X::Contain, &["p"], "",
            "reset the password, and revoke sessions before and after: one plan"),
        spec("contain-expire", C::ContainExpire, X::Contain, &["x"], "", "ask for a new password at the next sign-in"),
        spec("contain-compromised", C::ContainCompromised, X::Contain, &["b"], "",
            "mark the account as compromised at the provider; this keeps nobody out"),
        spec("contain-dismiss", C::ContainDismiss, X::Contain, &["d"], "", "dismiss the risk of the account at the provider"),
        spec("contain-monitor", C::ContainMonitor, X::Contain, &["m"], "monitor",
            "decide to monitor only, with a reason"),
        spec("contain-nothing", C::ContainNothing, X::Contain, &["n"], "no action",
            "decide that no action is needed, with a reason"),
        spec("contain-undo", C::Undo, X::Contain, &["u"], "", "plan to enable the account again"),
        spec("contain-down", C::Down, X::Contain, &["Down"], "", "move down"),
        spec("contain-up", C::Up, X::Contain, &["Up"], "", "move up"),
        spec("contain-open", C::Open, X::Contain, &["Enter"], "plan", "plan the action under the cursor"),
        spec("contain-back", C::Back, X::Contain, &["Esc", "q"], "back", "leave without a decision"),
        spec("left-down", C::Down, X::Left, &["j", "Down"], "", "move down"),
        spec("left-up", C::Up, X::Left, &["k", "Up"], "", "move up"),
        spec("left-first", C::First, X::Left, &["g", "Home"], "", "move to the first row"),
        spec("left-last", C::Last, X::Left, &["G", "End"], "", "move to the last row"),
        spec("left-remove", C::RemoveLeft, X::Left, &["Enter"], "remove",
            "plan to remove all that is marked, or what is under the cursor"),
        spec("left-mark", C::MarkLeft, X::Left, &["Space"], "mark", "mark it to be removed with others, or take its mark away"),
        spec("left-mark-new", C::MarkNewLeft, X::Left, &["a"], "new",
            "mark all that is NEW or LATER, or take these marks away"),
        spec("left-read", C::ReadLeft, X::Left, &["v"], "in full", "show it in full, with the provider's record"),
        spec("left-window", C::CompromiseWindow, X::Left, &["W"], "window",
            "say from when to when the account was in other hands"),
        spec("left-refresh", C::Refresh, X::Left, &["r"], "read again", "ask the provider again"),
        spec("left-response", C::ShowResponse, X::Left, &["R"], "", "show the response: every action with its proof"),
        spec("left-back", C::Back, X::Left, &["Esc", "q"], "back", "go back; nothing changes"),
        spec("unfinished-down", C::Down, X::Unfinished, &["j", "Down"], "", "move down"),
        spec("unfinished-up", C::Up, X::Unfinished, &["k", "Up"], "", "move up"),
        spec("check-again", C::CheckAgain, X::Unfinished, &["c", "Enter"], "check again",
            "read the provider back once more"),
        spec("send-again", C::SendAgain, X::Unfinished, &["s"], "send again",
            "plan the same action anew, with a new confirmation"),
        spec("close-with-reason", C::CloseWithReason, X::Unfinished, &["x"], "close", "close it with a reason"),
        spec("unfinished-back", C::Back, X::Unfinished, &["Esc", "q"], "back",
            "go back; they stay listed and counted"),
        spec("contained-down", C::Down, X::Contained, &["j", "Down"], "", "move down"),
        spec("contained-up", C::Up, X::Contained, &["k", "Up"], "", "move up"),
        spec("contained-open", C::Open, X::Contained, &["Enter"], "open", "open its case"),
        spec("contained-undo", C::Undo, X::Contained, &["u"], "undo", "plan to enable the account again"),
        spec("contained-end", C::ChangeEnd, X::Contained, &["e"], "end", "change until when it is contained or watched"),
        spec("contained-keep", C::KeepContained, X::Contained, &["K"], "keep",
            "keep it until somebody decides, or end its watch"),
        spec("contained-back", C::Back, X::Contained, &["Esc", "q"], "back", "go back; nothing changes"),
    ]
};

/// Gives the table's row of a command in a context.
pub fn spec_of(command: Command, context: Context) -> Option<&'static Spec> {
    COMMANDS
        .iter()
        .find(|spec| spec.command == command && spec.context == context)
        .or_else(|| COMMANDS.iter().find(|spec| spec.command == command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::actions::Choice;

    #[test]
    fn every_choice_of_the_actions_has_a_letter_there() {
        for choice in Choice::ALL {
            let is_it =
                |spec: &&Spec| spec.command == choice.command() && spec.context == Context::Contain;
            let keys = COMMANDS
                .iter()
                .find(is_it)
                .map_or(0, |spec| spec.keys.len());
            assert_eq!(keys, 1, "{choice:?}");
        }
    }
}
