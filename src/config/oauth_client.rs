//! The fields of a connection whose token is fetched: realm, client, and the user of a password grant.
//!
//! What must not live here: fetching it.

use super::fault::Faults;
use super::section::Section;
use super::settings::{OauthClient, Vendor};

/// Reads them; the outer `None` means that one is missing or wrong.
#[expect(
    clippy::option_option,
    reason = "not wanted and wrong are two different things here"
)]
pub(super) fn parse(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    vendor: Vendor,
) -> Option<Option<OauthClient>> {
    if vendor != Vendor::Keycloak {
        return Some(None);
    }
    let mut need = |key: &'static str, example: &'static str| {
        section
            .need(faults, key, example.into())
            .and_then(|entry| entry.text(faults).map(str::to_owned))
    };
    let realm = need("realm", "realm = \"acme\"");
    let client_id = need("client_id", "client_id = \"quell\"");
    let mut optional = |key: &'static str| match section.get(key) {
        None => Some(None),
        Some(entry) => entry.text(faults).map(|text| Some(text.to_owned())),
    };
    let username = optional("username");
    let token_realm = optional("token_realm");
    let (realm, client_id, username, token_realm) = (realm?, client_id?, username?, token_realm?);
    Some(Some(OauthClient {
        token_realm: token_realm.unwrap_or_else(|| realm.clone()),
        realm,
        client_id,
        username,
    }))
}
