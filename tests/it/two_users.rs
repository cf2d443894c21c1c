//! A case that names two users: what was judged or decided for one is not said of the other.

use std::sync::Arc;

use quell::app::actions::offered_first;
use quell::app::keymap::Chord;
use quell::app::message::Message;
use quell::app::model::{Found, Layer, Load, Model};
use quell::app::report;
use quell::app::update::update;
use quell::domain::account::Account;
use quell::domain::audit::{Body, Decided, DecisionKind, LikelihoodSet};
use quell::domain::case::{Subject, UserSource};
use quell::domain::containment::standing::Standing;
use quell::domain::ids::AccountId;
use quell::domain::likelihood::Likelihood;
use quell::domain::text::Untrusted;
use rstest::rstest;
use serde_json::json;

use crate::harness::app::{TestApp, company, records};
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
        login: None,
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
    let mut model = two();
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
fn the_response_says_whose_standing_it_is_where_it_lists_acts_on_another_user() {
    let said = |model: &mut Model| {
        model.layers.push(Layer::Response { scroll: 0 });
        crate::harness::screen::text(model, (120, 40))
    };
    let mut model = scene::response((120, 40));
    let own = said(&mut model.clone());
    assert!(own.contains("The account is partly contained: "), "{own}");

    choose(&mut model, "frida");
    let open = model.open.as_ref().expect("a case is open");
    let frida = open.the_account().expect("it is known").id.clone();
    let since = scene::now().utc;
    model.standings.insert(frida, Standing::Contained { since });
    let other = said(&mut model);
    assert!(other.contains("frida is contained."), "{other}");
    assert!(!other.contains("The account is contained"), "{other}");
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

/// A case that names elif and frida.
fn two() -> Model {
    let mut model = scene::open((120, 40));
    let names = ["elif", "frida"].map(Untrusted::new).to_vec();
    model.open.as_mut().expect("a case is open").subject = Subject::Several(names);
    model
}

#[test]
fn what_an_old_log_does_not_say_of_whom_is_said_of_nobody() {
    let mut model = two();
    let case = model.open.as_ref().expect("a case is open").id.clone();
    let judged = Body::Likelihood(LikelihoodSet {
        case: case.clone(),
        account: None,
        login: None,
        value: "HIGH".to_owned(),
        proposed: None,
    });
    let decided = Body::Decision(Decided {
        case: case.clone(),
        account: None,
        login: Untrusted::default(),
        decision: DecisionKind::NoAction,
        reason: Untrusted::new("a test of ours"),
    });
    for body in [judged, decided] {
        model.casework.apply(&scene::record(body));
    }
    for login in ["elif", "frida"] {
        choose(&mut model, login);
        let (likelihood, decisions) = reported(&model);
        assert_eq!(likelihood, None);
        assert_eq!(decisions.len(), 1);
        assert!(decisions[0].starts_with("no action for a user not known, decided "));
        let open = model.open.as_ref().expect("a case is open");
        assert!(model.decision_in(open).is_none());
    }
    // Among the cases of a shift it says that it is not known.
    let open = model.open.take().expect("a case is open");
    model.queue.subjects.insert(case.clone(), open.subject);
    let (word, _) = report::facts(&model, &case)
        .likelihood
        .expect("it was judged");
    assert_eq!(word.as_str(), "HIGH for a user not known");
}

#[rstest]
#[case::a_likelihood("l")]
#[case::no_action("cn")]
#[case::monitor_only("cm")]
fn a_judgement_that_is_being_made_is_not_taken_for_another_user(#[case] keys: &str) {
    let mut model = two();
    choose(&mut model, "frida");
    for key in keys.chars() {
        let _ = update(&mut model, scene::now(), Message::Key(Chord::char(key)));
    }
    assert_eq!(model.layers.len(), 1, "{:?}", model.layers);

    // The case is read again and does not name her any more.
    let settings = Arc::make_mut(&mut model.settings);
    settings.connections[0].case_user = vec![UserSource::TagPrefix("user:".to_owned())];
    let open = model.open.as_ref().expect("a case is open");
    let (case, mut file) = (
        open.id.clone(),
        open.file.ready().expect("it is read").clone(),
    );
    file.case.tags = vec![Untrusted::new("user:elif")];
    let read = Message::CaseRead {
        case,
        result: Ok(file),
    };
    let _ = update(&mut model, scene::now(), read);
    let user = model.open.as_ref().and_then(|open| open.user.clone());
    assert_eq!(user, Some(Untrusted::new("elif")));
    assert!(model.layers.is_empty(), "{:?}", model.layers);
}

/// Opens the case of two users; gives the names among which it asks to choose.
async fn open_two(app: &mut TestApp) -> Vec<Untrusted> {
    app.until("the queue is filled", |model| !model.queue.is_empty())
        .await;
    app.keys("/two people<Enter><Enter>");
    let model = app
        .until("it asks who", |model| {
            matches!(model.layers.last(), Some(Layer::ChooseUser { .. }))
        })
        .await;
    let Some(Layer::ChooseUser { names, .. }) = model.layers.last() else {
        panic!("not asked: {:?}", model.layers)
    };
    names.clone()
}

/// Gives what is judged of the chosen user, and whether it was decided to do nothing.
fn judged(model: &Model) -> Option<(Option<Likelihood>, bool)> {
    let open = model.open.as_ref()?;
    let likelihood = model.likelihood_in(open).map(|(value, _)| value);
    Some((likelihood, model.decision_in(open).is_some()))
}

/// Waits until a user is chosen and looked up, or could not be.
async fn looked_up(app: &mut TestApp, name: &Untrusted, is_known: bool) -> Model {
    app.until("the user is looked up", |model| {
        model.open.as_ref().is_some_and(|open| {
            let failed = matches!(open.account, Load::Failed(..));
            open.user.as_ref() == Some(name)
                && open.the_account().is_some() == is_known
                && failed != is_known
        })
    })
    .await
}

fn why_first(model: &Model) -> Option<String> {
    offered_first(model).map(|(_, why)| why.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_judged_while_the_provider_is_down_is_judged_alone() {
    let (drill, state) = (company().await, tempfile::tempdir().expect("a directory"));
    drill
        .fault(&json!({"server": "identity", "fault": "500", "rate": 1.0}))
        .expect("the fault is known");
    let mut app = TestApp::start(&drill, state.path());
    let names = open_two(&mut app).await;
    let [first, second] = names.as_slice() else {
        panic!("not two: {names:?}")
    };

    // Of nobody nothing is judged.
    app.keys("<Esc>lcn");
    let model = app.sync().await;
    assert!(model.layers.is_empty(), "{:?}", model.layers);
    for line in ["likelihood", "no action"] {
        let line = format!("{line}: 2 users, choose one with U");
        assert!(model.log.iter().any(|one| one.text.as_str() == line));
    }

    app.keys("U<Enter>");
    looked_up(&mut app, first, false).await;
    app.keys("lG<Enter>").keys("cna test of ours<Enter>");
    let model = app
        .until("the first is judged", |model| {
            judged(model) == Some((Some(Likelihood::Confirmed), true))
        })
        .await;
    assert_eq!(why_first(&model).as_deref(), Some("likelihood CONFIRMED"));
    let hint = format!(
        "the account is not known: kept for {} by this name",
        first.field()
    );
    let hints = model.log.iter().filter_map(|line| line.hint.as_ref());
    assert_eq!(hints.filter(|one| one.as_str() == hint).count(), 2);

    let not_of = |model: &Model| {
        assert_eq!(judged(model), Some((None, false)));
        assert_ne!(why_first(model).as_deref(), Some("likelihood CONFIRMED"));
        let (likelihood, decisions) = reported(model);
        assert_eq!(likelihood, None);
        let of_first = format!("no action for {}, decided ", first.ident());
        assert_eq!(decisions.len(), 1);
        assert!(decisions[0].starts_with(&of_first), "{decisions:?}");
    };
    app.keys("Uj<Enter>");
    not_of(&looked_up(&mut app, second, false).await);
    app.end().await;
    let kept: Vec<(Option<AccountId>, Option<Untrusted>)> = records(state.path())
        .into_iter()
        .filter_map(|entry| match entry.body {
            Body::Likelihood(set) => Some((set.account, set.login)),
            _ => None,
        })
        .collect();
    assert_eq!(kept, [(None, Some(first.clone()))]);

    // The next console, with the provider back.
    drill
        .fault(&json!({"server": "identity", "fault": "none"}))
        .expect("it is taken back");
    let mut app = TestApp::start(&drill, state.path());
    open_two(&mut app).await;
    app.keys("j<Enter>");
    not_of(&looked_up(&mut app, second, true).await);
    app.keys("U<Enter>");
    let model = looked_up(&mut app, first, true).await;
    assert_eq!(judged(&model), Some((Some(Likelihood::Confirmed), true)));
    app.end().await;
}
