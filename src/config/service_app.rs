//! The fields of a connection that speaks as a service app: its id, its key, its scopes.
//!
//! What must not live here: signing, the vendor's scopes.

use super::fault::Faults;
use super::section::{Entry, Section};
use super::settings::{ServiceApp, Vendor};

/// Most scopes that are asked for.
const SCOPES_MAX: usize = 50;

/// Reads them; the outer `None` means that one is missing or wrong.
#[expect(
    clippy::option_option,
    reason = "not wanted and wrong are two different things here"
)]
pub(super) fn parse(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    vendor: Vendor,
) -> Option<Option<ServiceApp>> {
    if vendor != Vendor::Okta {
        return Some(None);
    }
    let client_id = section.get("client_id");
    let key_id = section.get("key_id");
    let scopes = section.get("scopes");
    let Some(client_id) = client_id else {
        for entry in [key_id, scopes].into_iter().flatten() {
            let hint = "it belongs to a service app, which client_id names";
            entry.fault(
                faults,
                "means nothing without client_id".into(),
                Some(hint.into()),
            );
        }
        return Some(None);
    };
    let client_id = client_id.text(faults).map(str::to_owned);
    let key_id = key_id.map(|entry| entry.text(faults).map(str::to_owned));
    let scopes = scopes.map(|entry| scopes_of(faults, &entry));
    Some(Some(ServiceApp {
        client_id: client_id?,
        key_id: key_id.map_or(Some(None), |id| id.map(Some))?,
        scopes: scopes.map_or(Some(None), |all| all.map(Some))?,
    }))
}

fn scopes_of(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<Vec<String>> {
    let list = entry.list(faults)?;
    if list.is_empty() || list.len() > SCOPES_MAX {
        let hint = "leave it out to ask for those that are needed";
        entry.fault(faults, "is not 1 to 50 scopes".into(), Some(hint.into()));
        return None;
    }
    let names: Vec<String> = list
        .iter()
        .filter_map(|part| {
            let text = part.text(faults)?;
            let is_scope = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_scope {
                part.fault(faults, "is not the name of a scope".into(), None);
            }
            is_scope.then(|| text.to_owned())
        })
        .collect();
    (names.len() == list.len()).then_some(names)
}
