//! Who made a request, out of `userIdentity` of every type.

use crate::connect::logs::tree::Value;

use super::super::act::login;
use crate::connect::decode::text;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::Party;

/// Gives who made the request; the id is the principal's, else the ARN.
pub(super) fn actor(record: &Value) -> Party {
    let part = |field: &str| text(record, &format!("userIdentity.{field}"));
    let arn = part("arn");
    let principal = part("principalId");
    let kind = part("type").unwrap_or_default();
    // CloudTrail hides what was typed into the name field when no such user exists.
    let named = part("userName").filter(|name| name.raw() != "HIDDEN_DUE_TO_SECURITY_REASONS");
    let tail = |text: &Untrusted, mark: char| {
        let (_, tail) = text.raw().rsplit_once(mark)?;
        (!tail.is_empty()).then(|| Untrusted::new(tail))
    };
    // The last part of an assumed role is the name of the session: the user, for whoever signs in through a provider.
    let session = || {
        arn.as_ref()
            .and_then(|arn| tail(arn, '/'))
            .or_else(|| principal.as_ref().and_then(|id| tail(id, ':')))
    };
    let name = match kind.raw() {
        "Root" => named.or_else(|| Some(Untrusted::new("root"))),
        "AWSService" => part("invokedBy"),
        "AWSAccount" => named
            .or_else(|| principal.as_ref().and_then(|id| tail(id, ':')))
            .or_else(|| part("accountId")),
        "IdentityCenterUser" => named.or_else(|| part("onBehalfOf.userId")),
        "Unknown" => named,
        _ => named.or_else(session),
    };
    let name = name.or_else(|| part("invokedBy").filter(|_| arn.is_none() && principal.is_none()));
    let id = principal.or(arn).or_else(|| part("onBehalfOf.userId"));
    login(id, name)
}
