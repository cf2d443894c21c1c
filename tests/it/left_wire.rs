//! What may be left, at all four providers: every request and answer by the vendor's specification, every removal read back.

use std::collections::BTreeSet;

use quell::connect::capability::ProofQuery;
use quell::domain::account::Account;
use quell::domain::containment::kind::ActionKind;
use quell::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind};
use quell::drill::Options;
use quell::drill::wire::Idp;
use serde_json::json;

use crate::spec;
use crate::wiretap::{Seen, Tapped};

fn at(idp: Idp) -> Options {
    Options {
        idp,
        ..Options::default()
    }
}

/// Judges a request and its answer.
fn judge(seen: &Seen) -> Result<(), String> {
    let vendor = if seen.path.ends_with("/token") {
        "token"
    } else {
        seen.vendor
    };
    let what = format!("{} {}", seen.method, seen.path);
    spec::check_request(vendor, &seen.method, &seen.path, &seen.headers, &seen.body)
        .map_err(|fault| format!("request {what}: {fault}"))?;
    let (status, body) = seen.answer.as_ref().ok_or("no answer came")?;
    spec::check_answer(vendor, &seen.method, &seen.path, *status, body)
        .map_err(|fault| format!("answer to {what}: {fault}"))
}

fn proof(account: &Account, item: &Item) -> ProofQuery {
    ProofQuery {
        kind: ActionKind::RemoveItem,
        item: Some(item.clone()),
        account: account.id.clone(),
        not_before: account.server_date,
        before: None,
        request_id: None,
        path: None,
        ahead: 0,
        used: Vec::new(),
        others: Vec::new(),
        after: None,
    }
}

fn of_kind(left: &LeftBehind, kind: RemnantKind) -> Vec<&Remnant> {
    let all = left.remnants.iter();
    all.filter(|one| one.item.kind == kind).collect()
}

fn named(left: &LeftBehind, kind: RemnantKind, words: &str) -> Remnant {
    let all = of_kind(left, kind);
    let found = all.iter().find(|one| one.item.name.raw().contains(words));
    (*found.unwrap_or_else(|| panic!("no {kind:?} {words}: {all:?}"))).clone()
}

/// Removes one thing by a confirmed action: there before, gone after.
async fn remove(house: &Tapped, remnant: &Remnant) {
    let account = house.victim().await;
    let query = proof(&account, &remnant.item);
    let identity = house.identity();
    let before = identity.read_back(&query).await.unwrap();
    assert_eq!(before.matches, Some(false), "{before:?}");
    assert!(before.evidence.raw().contains("is still listed"));
    let action = house.confirm_removal(&account, remnant);
    assert_eq!(action.call().method, "DELETE");
    let accepted = identity.perform(&action, None).await.unwrap();
    assert_eq!(accepted.status, 204);
    let after = identity.read_back(&query).await.unwrap();
    assert_eq!(after.matches, Some(true), "{after:?}");
    assert!(after.evidence.raw().contains("is not listed any more"));
    // A second send is refused, and says so.
    assert!(identity.perform(&action, None).await.is_err());
}

fn routes(seen: &[Seen]) -> BTreeSet<String> {
    let deletes = seen.iter().filter(|one| one.method == "DELETE");
    let word = |part: &str| {
        let words = ["authenticator-enrollments", "federated-identity"];
        let is_id = part.len() >= 17 || part.starts_with("sess50") || part.contains("%20");
        if is_id && !words.contains(&part) {
            "{id}"
        } else {
            part
        }
        .to_owned()
    };
    let path = |one: &Seen| {
        let path = one.path.split('?').next().unwrap_or_default();
        let parts: Vec<String> = path.split('/').map(word).collect();
        parts.join("/")
    };
    deletes.map(path).collect()
}

#[tokio::test]
async fn what_okta_lists_is_removed_one_by_one() {
    let house = Tapped::with(at(Idp::Okta)).await;
    let account = house.victim().await;
    let left = house.identity().left_behind(&account.id).await.unwrap();
    assert_eq!(of_kind(&left, RemnantKind::OauthGrant).len(), 7);
    assert_eq!(of_kind(&left, RemnantKind::RefreshToken).len(), 2);
    // Two factors, which are enrollments, too, and one enrollment that the policy keeps out of the factors.
    assert_eq!(of_kind(&left, RemnantKind::MfaMethod).len(), 3);
    let unread: Vec<RemnantKind> = left.unread.iter().map(|one| one.kind).collect();
    assert_eq!(unread, [RemnantKind::Session]);
    let phone = named(&left, RemnantKind::MfaMethod, "phone +447700906065");
    assert!(phone.since.is_some() && phone.before.raw().contains("phone_number"));
    let step = house.identity().removal(&phone.item, &account).unwrap();
    assert!(step.facts.limits.as_str().contains("2 factors stay"));
    remove(&house, &phone).await;
    assert!(left.elsewhere().contains(&RemnantKind::InboxRule));
    let second = named(&left, RemnantKind::RecoveryData, "second mail");
    let device = of_kind(&left, RemnantKind::Device)[0].clone();
    for shown in [&second, &device] {
        assert!(shown.kept.is_some());
        assert!(house.identity().removal(&shown.item, &account).is_err());
    }
    let tokens = named(&left, RemnantKind::RefreshToken, "MailSync Helper");
    assert!(tokens.details[0].raw().starts_with("2 tokens") && tokens.since.is_some());
    assert!(tokens.before.raw().contains("files.read.all"));
    remove(&house, &tokens).await;
    let scope = "MailSync Helper: files.read.all";
    remove(&house, &named(&left, RemnantKind::OauthGrant, scope)).await;
    let factor = named(&left, RemnantKind::MfaMethod, "Galaxy A15");
    let step = house.identity().removal(&factor.item, &account).unwrap();
    assert!(
        step.facts.effect.as_str().contains("1 more"),
        "{:?}",
        step.facts
    );
    assert!(step.facts.limits.as_str().contains("last MFA method"));
    remove(&house, &factor).await;
    // As Okta does: the other method of Okta Verify went with it.
    assert_eq!(house.victim().await.factors, Some(Vec::new()));
    let ledger = house.drill.ledger();
    assert_eq!(ledger.targets("remove_factor").len(), 2);
    assert_eq!(ledger.targets("remove_grant").len(), 1);
    assert_eq!(ledger.targets("revoke_tokens").len(), 1);
    assert_eq!(ledger.targets("remove_enrollment").len(), 1);
    let seen = house.seen();
    let expected = [
        "/api/v1/users/{id}/authenticator-enrollments/{id}",
        "/api/v1/users/{id}/clients/{id}/tokens",
        "/api/v1/users/{id}/factors/{id}",
        "/api/v1/users/{id}/grants/{id}",
    ];
    assert_eq!(routes(&seen), expected.map(str::to_owned).into());
    if !spec::specifications("what_okta_lists_is_removed_one_by_one") {
        return;
    }
    for one in &seen {
        assert_eq!(judge(one), Ok(()));
    }
}

#[tokio::test]
async fn what_keycloak_lists_is_removed_one_by_one() {
    let house = Tapped::with(at(Idp::Keycloak)).await;
    let account = house.victim().await;
    let left = house.identity().left_behind(&account.id).await.unwrap();
    assert_eq!(left.unread, []);
    assert_eq!(of_kind(&left, RemnantKind::OauthGrant).len(), 2);
    assert_eq!(of_kind(&left, RemnantKind::RefreshToken).len(), 3);
    assert_eq!(of_kind(&left, RemnantKind::MfaMethod).len(), 2);
    let online = of_kind(&left, RemnantKind::Session);
    let online = online[0].clone();
    assert!(online.since.is_some() && online.last_used.is_some());
    remove(&house, &online).await;
    let offline = named(&left, RemnantKind::RefreshToken, "Acme Mail for iOS");
    remove(&house, &offline).await;
    let now = house.identity().left_behind(&account.id).await.unwrap();
    // The consent outlives its offline session.
    let consent = named(&now, RemnantKind::OauthGrant, "Acme Mail for iOS");
    assert!(
        !consent
            .details
            .iter()
            .any(|one| one.raw().contains("offline tokens"))
    );
    let consent = named(&left, RemnantKind::OauthGrant, "MailSync Helper");
    assert!(consent.details[1].raw().contains("offline tokens"));
    remove(&house, &consent).await;
    let now = house.identity().left_behind(&account.id).await.unwrap();
    assert_eq!(
        of_kind(&now, RemnantKind::RefreshToken),
        Vec::<&Remnant>::new()
    );
    let otp = named(&left, RemnantKind::MfaMethod, "Galaxy A15");
    let step = house.identity().removal(&otp.item, &account).unwrap();
    let limits = step.facts.limits.as_str();
    assert!(limits.contains("1 other method stays"), "{limits}");
    assert!(limits.contains("access tokens live on"), "{limits}");
    remove(&house, &otp).await;
    let account = house.victim().await;
    let link = named(&left, RemnantKind::LinkedAccount, "github mlind-work");
    assert!(link.before.raw().contains("9117042"));
    remove(&house, &link).await;
    let last = named(&left, RemnantKind::MfaMethod, "iPhone");
    let step = house.identity().removal(&last.item, &account).unwrap();
    assert!(step.facts.limits.as_str().contains("last MFA method"));
    let ledger = house.drill.ledger();
    assert_eq!(ledger.targets("end_session").len(), 1);
    assert_eq!(ledger.targets("unlink").len(), 1);
    assert_eq!(ledger.targets("remove_factor").len(), 1);
    assert_eq!(ledger.targets("remove_grant").len(), 1);
    let seen: Vec<Seen> = house
        .seen()
        .into_iter()
        .filter(|one| one.vendor == "keycloak")
        .collect();
    let expected = [
        "/admin/realms/acme/sessions/{id}",
        "/admin/realms/acme/users/{id}/consents/{id}",
        "/admin/realms/acme/users/{id}/credentials/{id}",
        "/admin/realms/acme/users/{id}/federated-identity/github",
    ];
    assert_eq!(routes(&seen), expected.map(str::to_owned).into());
    if !spec::specifications("what_keycloak_lists_is_removed_one_by_one") {
        return;
    }
    for one in &seen {
        assert_eq!(judge(one), Ok(()));
    }
}

/// A removal that was confirmed is sent as it was confirmed, to nothing else.
#[tokio::test]
async fn a_removal_is_sent_for_the_item_that_was_confirmed() {
    for idp in [Idp::Okta, Idp::Keycloak] {
        let house = Tapped::with(at(idp)).await;
        let account = house.victim().await;
        let left = house.identity().left_behind(&account.id).await.unwrap();
        let [one, other] = [0, 1].map(|at| of_kind(&left, RemnantKind::MfaMethod)[at].clone());
        let call = |remnant: &Remnant| house.confirm_removal(&account, remnant).call().clone();
        assert_ne!(call(&one), call(&other));
        let mut mixed = one.clone();
        mixed.item.id = "../../x".into();
        assert!(house.identity().removal(&mixed.item, &account).is_err());
        // Nobody else's account either.
        let mut elsewhere = account.clone();
        elsewhere.id = quell::domain::ids::AccountId::new(elsewhere.id.connection, "00u/../x");
        assert!(house.identity().removal(&one.item, &elsewhere).is_err());
        house.seen();
        let none = house
            .identity()
            .prepare(ActionKind::RemoveItem, &account.id);
        assert!(none.is_err(), "{none:?}");
        assert_eq!(house.seen().len(), 0);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_proves_nothing() {
    for (idp, path, kind) in [
        (Idp::Okta, "/grants", RemnantKind::OauthGrant),
        (Idp::Okta, "/clients", RemnantKind::RefreshToken),
        (Idp::Okta, "/devices", RemnantKind::Device),
        (Idp::Keycloak, "/consents", RemnantKind::OauthGrant),
        (Idp::Keycloak, "/credentials", RemnantKind::MfaMethod),
        (Idp::Keycloak, "/sessions", RemnantKind::Session),
        (
            Idp::Keycloak,
            "/federated-identity",
            RemnantKind::LinkedAccount,
        ),
        (
            Idp::Entra,
            "/oauth2PermissionGrants",
            RemnantKind::OauthGrant,
        ),
        (Idp::Entra, "/appRoleAssignments", RemnantKind::OauthGrant),
        (
            Idp::Entra,
            "/authentication/methods",
            RemnantKind::MfaMethod,
        ),
        (Idp::Entra, "/messageRules", RemnantKind::InboxRule),
        (Idp::Entra, "/registeredDevices", RemnantKind::Device),
        (Idp::Google, "/tokens", RemnantKind::OauthGrant),
        (Idp::Google, "/asps", RemnantKind::AppPassword),
        (Idp::Google, "/aliases", RemnantKind::MailAlias),
        (Idp::Google, "/devices/mobile", RemnantKind::Device),
        (Idp::Google, "/settings/filters", RemnantKind::InboxRule),
        (Idp::Google, "/forwardingAddresses", RemnantKind::Forwarding),
    ] {
        let house = Tapped::with(at(idp)).await;
        let account = house.victim().await;
        let whole = house.identity().left_behind(&account.id).await.unwrap();
        house.fault(&json!({"server": "identity", "fault": "403", "path": path}));
        let left = house.identity().left_behind(&account.id).await.unwrap();
        let unread = left.unread.iter().find(|one| one.kind == kind);
        let reason = unread.map(|one| one.reason.as_str()).unwrap_or_default();
        assert!(reason.contains("403"), "{idp:?} {path}: {left:?}");
        assert_eq!(of_kind(&left, kind), Vec::<&Remnant>::new());
        if let Some(one) = of_kind(&whole, kind).first() {
            let read = house
                .identity()
                .read_back(&proof(&account, &one.item))
                .await;
            assert!(read.is_err(), "{idp:?} {path}: {read:?}");
        }
    }
}

/// A gateway that answers 404 for a thing's own address proves no removal: the list has it, or nobody knows.
#[tokio::test]
async fn what_its_own_address_does_not_find_is_gone_only_where_it_is_not_listed() {
    let house = Tapped::with(at(Idp::Okta)).await;
    let account = house.victim().await;
    let identity = house.identity();
    let left = identity.left_behind(&account.id).await.unwrap();
    for (list, kind, words) in [
        ("/grants", RemnantKind::OauthGrant, "Helper: files.read.all"),
        ("/factors", RemnantKind::MfaMethod, "Galaxy A15"),
        (
            "/authenticator-enrollments",
            RemnantKind::MfaMethod,
            "phone +447700906065",
        ),
    ] {
        let remnant = named(&left, kind, words);
        let query = proof(&account, &remnant.item);
        let arm = |fault: &str, path: &str| {
            house.fault(
                &json!({"server": "identity", "fault": fault, "path": path, "method": "GET"}),
            );
        };
        let own = format!("{list}/");
        arm("404", &own);
        let read = identity.read_back(&query).await.unwrap();
        assert_eq!(read.matches, Some(false), "{list}: {read:?}");
        assert!(read.evidence.raw().contains("is still listed"));
        let found = identity.remnant(&account.id, &remnant.item).await.unwrap();
        assert_eq!(found.map(|one| one.item), Some(remnant.item.clone()));
        // The list cannot be read either.
        for fault in ["403", "404"] {
            arm(fault, list);
            let read = identity.read_back(&query).await;
            assert!(read.is_err(), "{list} {fault}: {read:?}");
            house.fault(&json!({"server": "identity", "fault": "none"}));
            arm("404", &own);
        }
        let action = house.confirm_removal(&account, &remnant);
        identity.perform(&action, None).await.unwrap();
        house.fault(&json!({"server": "identity", "fault": "none"}));
        house.seen();
        let read = identity.read_back(&query).await.unwrap();
        assert_eq!(read.matches, Some(true), "{list}: {read:?}");
        // The thing, the user, and the one list that is needed.
        let seen = house.seen();
        let path = |one: &Seen| one.path.split('?').next().unwrap_or_default().to_owned();
        let paths: Vec<String> = seen.iter().map(path).collect();
        assert_eq!(paths.len(), 3, "{paths:?}");
        assert!(paths[0].contains(&own) && paths[2].ends_with(list));
    }
}

/// A part of a kind that was not read hides nothing of the other part, and proves nothing.
#[tokio::test]
async fn of_two_lists_of_methods_one_is_enough_to_show_and_not_to_prove() {
    for (idp, path, words, there) in [
        (Idp::Okta, "/authenticator-enrollments", "Galaxy A15", 2),
        // Without the factors nothing tells which enrollment is one of them.
        (Idp::Okta, "/factors", "phone +447700906065", 3),
        (Idp::Google, "/verificationCodes", "2-step verification", 1),
    ] {
        let house = Tapped::with(at(idp)).await;
        let account = house.victim().await;
        let whole = house.identity().left_behind(&account.id).await.unwrap();
        // An Okta Classic organisation has no such list.
        for fault in ["404", "403"] {
            house.fault(&json!({"server": "identity", "fault": "none"}));
            house.fault(&json!({"server": "identity", "fault": fault, "path": path}));
            let left = house.identity().left_behind(&account.id).await.unwrap();
            let kind = RemnantKind::MfaMethod;
            assert_eq!(of_kind(&left, kind).len(), there, "{path}: {left:?}");
            named(&left, kind, words);
            let unread = left.unread.iter().find(|one| one.kind == kind);
            let reason = unread.map(|one| one.reason.as_str()).unwrap_or_default();
            assert!(reason.contains(fault), "{path}: {reason}");
            // Who has no list of enrollments at all has read all that there is.
            let is_whole = path == "/authenticator-enrollments" && fault == "404";
            assert_eq!(left.read.contains(&kind), is_whole, "{path} {fault}");
            let of_other = of_kind(&whole, kind)
                .into_iter()
                .find(|one| !left.remnants.iter().any(|now| now.item == one.item));
            if let Some(one) = of_other {
                let read = house
                    .identity()
                    .read_back(&proof(&account, &one.item))
                    .await;
                let is_proven = read.is_ok_and(|read| read.matches == Some(true));
                assert!(!is_proven, "{path} {fault}");
            }
        }
    }
}
