//! The comment that documents a plan in the case: composed from the records, found again by its marker.

use super::hold::Hold;
use super::ledger::ActionView;
use super::standing::Standing;
use crate::domain::freshness::time_word;
use crate::domain::ids::PlanId;
use crate::domain::text::{Safe, Untrusted, sink};
use crate::safe;

/// Where the audit chain stood when the comment was composed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Id of the log.
    pub log: String,
    /// Number of its last record.
    pub n: u64,
    /// Hash of its last record, hex.
    pub h: String,
}

/// Gives the text that is searched for before and after a comment is posted.
pub fn marker(pid: &PlanId) -> String {
    format!("quell:{pid}")
}

/// Composes the comment of a plan in Markdown; whatever came from outside is escaped for it.
pub fn compose(
    pid: &PlanId,
    actions: &[&ActionView],
    operator: &Safe,
    standing: &Standing,
    hold: Option<&Hold>,
    anchor: &Anchor,
) -> String {
    let mut lines = vec!["**Containment record**".to_owned(), String::new()];
    if let Some(first) = actions.first() {
        lines.push(format!(
            "Account: {} (id {} at {})",
            sink::markdown(&first.login.ident()),
            sink::markdown(&first.account.shown()),
            first.account.connection,
        ));
    }
    lines.push(format!("Confirmed by: {}", sink::markdown(operator)));
    lines.push(String::new());
    lines.extend(actions.iter().map(|action| line_of(action)));
    lines.push(String::new());
    lines.push(format!("Account is {}.", standing.word()));
    if *standing != Standing::Free {
        lines.extend(hold.map(Hold::sentence));
    }
    lines.push(
        "This was read back from the provider; what the account did since is for the SIEM to say."
            .to_owned(),
    );
    lines.push(
        "Sessions that applications keep themselves cannot be read from the provider.".to_owned(),
    );
    lines.push(String::new());
    lines.push(marker(pid));
    lines.push(format!(
        "audit {} n={} h={}",
        anchor.log, anchor.n, anchor.h
    ));
    lines.push(String::new());
    lines.join("\n")
}

fn line_of(action: &ActionView) -> String {
    let sent = action
        .sent
        .map_or(Safe::from("not sent"), |at| safe!("sent {}", time_word(at)));
    let after = action
        .seconds
        .map_or(Safe::default(), |s| safe!(", after {} s", s));
    let evidence = action
        .evidence
        .as_ref()
        .map(Untrusted::line)
        .unwrap_or_default();
    let evidence = if evidence.is_empty() {
        String::new()
    } else {
        format!(" ({})", sink::markdown(&evidence))
    };
    format!(
        "- {}: **{}**, {sent}{after}{evidence} [action {}]",
        action.kind.word(),
        action.state.word(),
        action.aid
    )
}
