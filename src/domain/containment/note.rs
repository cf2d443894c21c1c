//! The comment that documents a plan in the case: composed from the records, found again by its marker.

use super::ledger::ActionView;
use super::standing::Standing;
use crate::domain::ids::PlanId;
use crate::domain::text::{Safe, sink};
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
    anchor: &Anchor,
) -> String {
    let mut text = String::from("**Containment record**\n\n");
    if let Some(first) = actions.first() {
        text.push_str(&format!(
            "Account: {} (id {} at {})\n",
            sink::markdown(&first.login.ident()),
            sink::markdown(&first.account.shown()),
            first.account.connection,
        ));
    }
    text.push_str(&format!("Confirmed by: {}\n\n", sink::markdown(operator)));
    for action in actions {
        let at = action.sent.map_or_else(
            || "not sent".to_owned(),
            |at| format!("sent {}", at.format("%Y-%m-%d %H:%M:%SZ")),
        );
        let evidence = action
            .evidence
            .as_ref()
            .map_or_else(Safe::default, |text| text.line());
        text.push_str(&format!(
            "- {}: **{}**, {at}",
            action.kind.word(),
            action.state.word()
        ));
        if let Some(seconds) = action.seconds {
            text.push_str(&format!(", after {seconds} s"));
        }
        if !evidence.is_empty() {
            text.push_str(&format!(" ({})", sink::markdown(&evidence)));
        }
        text.push_str(&format!(" [action {}]\n", action.aid));
    }
    let standing = safe!("\nAccount is {}.\n", standing.word());
    text.push_str(standing.as_str());
    text.push_str("Sessions that applications keep themselves cannot be read from the provider.\n");
    text.push_str(&format!(
        "\n{}\naudit {} n={} h={}\n",
        marker(pid),
        anchor.log,
        anchor.n,
        anchor.h
    ));
    text
}
