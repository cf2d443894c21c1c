//! What the analyst makes of findings: dismissals, and which actions they put first.

use super::panes::write;
use crate::app::actions::offered_first;
use crate::app::effect::Effect;
use crate::app::model::{Layer, ListRow, Model, Purpose};
use crate::domain::audit::{Body, FindingDismissed};
use crate::domain::text::Untrusted;
use crate::domain::timeline::finding::FindingKey;

/// Asks why the finding under the cursor means nothing, or why it counts again.
///
/// An event that was typed in is withdrawn.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    if let Some(effects) = super::activity::withdraw(model) {
        return effects;
    }
    let asked = model.open.as_ref().and_then(|open| {
        let pane = &open.activity;
        let Some(ListRow::Finding(index)) = pane.rows.get(pane.cursor) else {
            return None;
        };
        let finding = pane.findings.get(*index)?;
        let counts = pane.dismissal(finding).is_none();
        Some((finding.key(&pane.activity), counts))
    });
    match asked {
        Some((key, counts)) => write(model, Purpose::Dismiss(Box::new(key), counts)),
        None => model.say(
            crate::app::message::Level::Info,
            "no finding under the cursor; n goes to the next",
            None,
        ),
    }
    Vec::new()
}

/// Records what was said of a finding.
pub(super) fn dismissed(
    model: &Model,
    key: FindingKey,
    dismissed: bool,
    reason: Untrusted,
) -> Vec<Effect> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    let said = FindingDismissed {
        case: open.id.clone(),
        account: open.the_account().map(|account| account.id.clone()),
        rule: key.rule,
        event: key.event,
        dismissed,
        reason,
    };
    vec![Effect::Record(vec![Body::FindingDismissed(said)])]
}

/// Opens the actions with the cursor on the one that the likelihood and policy put first.
pub(super) fn contain(model: &mut Model) {
    let cursor = offered_first(model).map_or(0, |(place, _)| place);
    model.layers.push(Layer::Contain { cursor });
}
