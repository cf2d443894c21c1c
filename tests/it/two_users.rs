//! A case that names two users: what was judged or decided for one is not said of the other.

use quell::app::actions::offered_first;
use quell::app::model::{Found, Load, Model};
use quell::app::report;
use quell::domain::account::Account;
use quell::domain::audit::{Body, Decided, DecisionKind, LikelihoodSet};
use quell::domain::case::Subject;
use quell::domain::ids::AccountId;
use quell::domain::likelihood::Likelihood;
use quell::domain::text::Untrusted;

use crate::scene;

/// Gives an account of that name at the same provider.
fn account(login: &str) -> Account {
    let one = scene::account();
    Account {
        id: AccountId::new(one.id.connection.clone(), login),
        login: Untrusted::new(login),
        ..one
    }
}

/// Chooses one user of the open case.
fn choose(model: &mut Model, login: &str) {
    let open = model.open.as_mut().expect("a case is open");
    open.user = Some(Untrusted::new(login));
    open.account = Load::Ready(Found::One(Box::new(account(login))), scene::now());
}

/// Judges the chosen user, and decides to do nothing.
fn judge(model: &mut Model, value: Likelihood) {
    let open = model.open.as_ref().expect("a case is open");
    let account = open.the_account().expect("it is known");
    let judged = Body::Likelihood(LikelihoodSet {
        case: open.id.clone(),
        account: Some(account.id.clone()),
        value: value.word().to_owned(),
        proposed: None,
    });
    let decided = Body::Decision(Decided {
        case: open.id.clone(),
        account: Some(account.id.clone()),
        login: account.login.clone(),
        decision: DecisionKind::NoAction,
        reason: Untrusted::new("a test of ours"),
    });
    for body in [judged, decided] {
        model.casework.apply(&scene::record(body));
    }
}

/// Gives what a report says of the likelihood and of decisions not to contain.
fn reported(model: &Model) -> (Option<String>, Vec<String>) {
    let open = model.open.as_ref().expect("a case is open");
    let facts = report::facts(model, &open.id);
    let lines = facts.decisions.iter().map(ToString::to_string);
    (
        facts.likelihood.map(|(word, _)| word.to_string()),
        lines.filter(|line| line.contains("no action")).collect(),
    )
}

#[test]
fn a_judgement_of_one_user_is_not_said_of_the_other() {
    let mut model = scene::open((120, 40));
    let names = ["elif", "frida"].map(Untrusted::new).to_vec();
    model.open.as_mut().expect("a case is open").subject = Subject::Several(names);
    choose(&mut model, "frida");
    let (before, offered) = (reported(&model), offered_first(&model));
    assert_eq!(before, (None, Vec::new()));

    choose(&mut model, "elif");
    judge(&mut model, Likelihood::Medium);
    let (likelihood, decisions) = reported(&model);
    assert_eq!(likelihood.as_deref(), Some("MEDIUM"));
    assert_eq!(decisions.len(), 1);
    assert!(decisions[0].starts_with("no action for elif, decided "));
    let why = offered_first(&model).map(|(_, why)| why.to_string());
    assert_eq!(why.as_deref(), Some("likelihood MEDIUM"));

    choose(&mut model, "frida");
    assert_eq!(reported(&model), (None, decisions));
    assert_eq!(offered_first(&model), offered);
    let open = model.open.as_ref().expect("a case is open");
    assert!(model.likelihood_in(open).is_none());
    assert!(model.decision_in(open).is_none());

    judge(&mut model, Likelihood::High);
    let (likelihood, decisions) = reported(&model);
    assert_eq!(likelihood.as_deref(), Some("HIGH"));
    assert!(decisions[1].starts_with("no action for frida, decided "));
}

#[test]
fn a_case_of_one_user_names_nobody_and_has_the_latest() {
    let mut model = scene::open((120, 40));
    for value in [Likelihood::Medium, Likelihood::High] {
        judge(&mut model, value);
    }
    let known = reported(&model);
    assert_eq!(known.0.as_deref(), Some("HIGH"));
    assert_eq!(known.1.len(), 1);
    assert!(known.1[0].starts_with("no action, decided "));

    // The same while the account is being read.
    model.open.as_mut().expect("a case is open").account = Load::Idle;
    assert_eq!(reported(&model), known);
}
