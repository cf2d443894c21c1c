//! The guards: who must never be contained from here. Asked when a plan is made and again right before a send.
//!
//! They fail closed: what could not be read counts as a refusal.

use super::administrators::{Others, too_few};
use super::kind::ActionKind;
use super::risk;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::ids::AccountId;
use crate::domain::text::{Safe, Untrusted, is_written_alike, look_alike};
use crate::safe;

/// What one guard said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardResult {
    /// Name of the guard.
    pub guard: &'static str,
    /// Why it refuses; `None` when it lets pass.
    pub refusal: Option<Safe>,
}

impl GuardResult {
    /// Tells whether it refuses.
    pub fn refuses(&self) -> bool {
        self.refusal.is_some()
    }
}

/// What the guards judge by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardInput<'a> {
    /// The account as it is now.
    pub account: &'a Account,
    /// Whose token we use, when the provider said so.
    pub own: Option<&'a (AccountId, Untrusted)>,
    /// Own logins by configuration.
    pub own_logins: &'a [String],
    /// Logins or ids never acted on.
    pub protected: &'a [String],
    /// Groups whose members are never acted on, by name or id.
    pub protected_groups: &'a [String],
    /// Whether accounts with an administrator role may be acted on.
    pub allow_administrators: bool,
    /// Who else has its administrator roles.
    pub others: &'a Others,
    /// Kinds in the order they will be sent.
    pub kinds: &'a [ActionKind],
    /// Name the case gave, to be compared with what the provider found.
    pub asked_for: &'a Untrusted,
}

/// Asks every guard; the results stand in their fixed order.
pub fn judge(input: &GuardInput<'_>) -> Vec<GuardResult> {
    vec![
        GuardResult {
            guard: "target",
            refusal: target(input),
        },
        GuardResult {
            guard: "own account",
            refusal: own_account(input),
        },
        GuardResult {
            guard: "protected",
            refusal: protected(input),
        },
        GuardResult {
            guard: "protected groups",
            refusal: protected_groups(input),
        },
        GuardResult {
            guard: "administrators",
            refusal: administrators(input),
        },
        GuardResult {
            guard: "status",
            refusal: status(input),
        },
    ]
}

fn names(account: &Account) -> impl Iterator<Item = &str> {
    [
        Some(account.id.raw()),
        Some(account.login.raw()),
        account
            .mail
            .as_ref()
            .map(super::super::text::Untrusted::raw),
    ]
    .into_iter()
    .flatten()
    .chain(
        account
            .aliases
            .iter()
            .map(super::super::text::Untrusted::raw),
    )
}

/// The account found must carry the name that was asked for: an id letter by letter, a login or mail in any ASCII case.
fn target(input: &GuardInput<'_>) -> Option<Safe> {
    let asked = input.asked_for.raw();
    let account = input.account;
    let by_name = [Some(&account.login), account.mail.as_ref()]
        .into_iter()
        .flatten()
        .chain(&account.aliases)
        .any(|name| name.raw().eq_ignore_ascii_case(asked));
    // Ids of one provider may differ in nothing but case.
    if !asked.is_empty() && (account.id.raw() == asked || by_name) {
        return None;
    }
    if look_alike(input.asked_for, &input.account.login) {
        return Some("the login only looks like the one in the case".into());
    }
    Some("the provider's account carries another name than the case".into())
}

/// Compares for protection: what a person would read as the entry is protected by it, so that `ÆGIR` in a list still protects
/// `ægir`.
pub(super) fn folds(name: &str, entry: &str) -> bool {
    let entry = entry.trim();
    !entry.is_empty() && is_written_alike(name, entry)
}

fn own_account(input: &GuardInput<'_>) -> Option<Safe> {
    let by_token = input.own.is_some_and(|(id, login)| {
        *id == input.account.id || names(input.account).any(|n| folds(n, login.raw()))
    });
    let by_config = input
        .own_logins
        .iter()
        .any(|own| names(input.account).any(|name| folds(name, own)));
    if by_token || by_config {
        return Some("this is your own account".into());
    }
    input
        .own
        .is_none()
        .then(|| "the provider did not say whose token this is".into())
}

fn protected(input: &GuardInput<'_>) -> Option<Safe> {
    input
        .protected
        .iter()
        .any(|entry| names(input.account).any(|name| folds(name, entry)))
        .then(|| "the account is on the protected list".into())
}

fn protected_groups(input: &GuardInput<'_>) -> Option<Safe> {
    if input.protected_groups.is_empty() {
        return None;
    }
    let Some(groups) = &input.account.groups else {
        return Some("its groups could not be read".into());
    };
    let hit = groups.iter().find(|group| {
        input
            .protected_groups
            .iter()
            .any(|entry| folds(group.name.raw(), entry) || group.id.raw() == entry.trim())
    })?;
    Some(safe!(
        "it is a member of the protected group {}",
        hit.name.field()
    ))
}

/// Locking out the last administrators cannot be undone by anybody.
fn administrators(input: &GuardInput<'_>) -> Option<Safe> {
    let undo = input
        .kinds
        .iter()
        .all(|kind| *kind == ActionKind::EnableAccount);
    if undo {
        return None;
    }
    if input.allow_administrators {
        let disables = input.kinds.contains(&ActionKind::DisableAccount);
        return too_few(input.account, input.others).filter(|_| disables);
    }
    match input.account.roles.as_deref() {
        None => Some("its administrator roles could not be read".into()),
        Some([]) => None,
        Some([role, ..]) => Some(safe!(
            "it has the administrator role {}, which only the policy of the host can allow",
            role.field()
        )),
    }
}

fn status(input: &GuardInput<'_>) -> Option<Safe> {
    let status = &input.account.status;
    if input.kinds.contains(&ActionKind::DisableAccount) && *status != AccountStatus::Active {
        return Some(safe!(
            "disable works only from ACTIVE, the status is {}",
            status.word()
        ));
    }
    if let Some(kind) = input.kinds.iter().find(|kind| kind.is_of_password())
        && matches!(status, AccountStatus::Other(_))
    {
        return Some(safe!(
            "{} works only from ACTIVE or DISABLED, the status is {}",
            kind.word(),
            status.word()
        ));
    }
    if input.kinds.contains(&ActionKind::EnableAccount) && *status != AccountStatus::Disabled {
        return Some(safe!(
            "enable works only from DISABLED, the status is {}",
            status.word()
        ));
    }
    let mut kinds = input.kinds.iter();
    kinds.find_map(|kind| risk::refusal(*kind, input.account))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::account::Group;
    use crate::domain::containment::administrators::RoleHeld;
    use crate::domain::containment::samples;

    /// Everything the guards judge by, open to be spoilt.
    struct Ground {
        account: Account,
        own: Option<(AccountId, Untrusted)>,
        own_logins: Vec<String>,
        protected: Vec<String>,
        groups: Vec<String>,
        administrators: bool,
        others: Others,
        kinds: Vec<ActionKind>,
        asked_for: Untrusted,
    }

    fn ground() -> Ground {
        Ground {
            account: Account {
                roles: Some(Vec::new()),
                ..samples::account()
            },
            own: Some((
                AccountId::new(samples::connection(), "00uKim"),
                "kim@acme.example".into(),
            )),
            own_logins: Vec::new(),
            protected: vec!["breakglass@acme.example".to_owned()],
            groups: vec!["Break-Glass".to_owned()],
            administrators: false,
            others: Others::NotAsked,
            kinds: vec![ActionKind::DisableAccount],
            asked_for: samples::account().login,
        }
    }

    /// Gives the guards that refuse.
    fn refusing(ground: &Ground) -> Vec<&'static str> {
        judged(ground).into_iter().map(|(guard, _)| guard).collect()
    }

    /// Gives the guards that refuse, and why.
    fn judged(ground: &Ground) -> Vec<(&'static str, Safe)> {
        judge(&GuardInput {
            account: &ground.account,
            own: ground.own.as_ref(),
            own_logins: &ground.own_logins,
            protected: &ground.protected,
            protected_groups: &ground.groups,
            allow_administrators: ground.administrators,
            others: &ground.others,
            kinds: &ground.kinds,
            asked_for: &ground.asked_for,
        })
        .into_iter()
        .filter_map(|result| Some((result.guard, result.refusal?)))
        .collect()
    }

    #[test]
    fn an_ordinary_account_passes() {
        assert!(refusing(&ground()).is_empty());
    }

    #[rstest]
    #[case("mara.lind@acme.example", true)]
    #[case("MARA.Lind@acme.example", true)]
    #[case("mara@acme.example", true)]
    #[case("00uAbC", true)]
    // Ids of a provider may differ in case alone.
    #[case("00uabc", false)]
    #[case("mara.lind", false)]
    #[case("mara.lindt@acme.example", false)]
    #[case("m\u{430}ra.lind@acme.example", false)]
    #[case(" mara.lind@acme.example", false)]
    #[case("Mara Lind", false)]
    #[case("", false)]
    fn the_target_carries_the_name_that_was_asked_for(#[case] asked: &str, #[case] passes: bool) {
        let mut ground = ground();
        ground.asked_for = asked.into();
        let expected: &[&str] = if passes { &[] } else { &["target"] };
        assert_eq!(refusing(&ground), expected);
    }

    #[test]
    fn an_account_without_a_mail_is_not_found_by_no_name() {
        let mut ground = ground();
        ground.account.mail = Some("".into());
        ground.asked_for = "".into();
        assert_eq!(refusing(&ground), ["target"]);
    }

    #[test]
    fn an_alias_is_a_name_of_the_account_for_every_guard() {
        let mut ground = ground();
        ground.asked_for = "M.Lind@acme.example".into();
        assert_eq!(refusing(&ground), ["target"]);
        ground.account.aliases = vec!["m.lind@acme.example".into()];
        assert!(refusing(&ground).is_empty());
        ground.protected.push("m.lind@ACME.example".to_owned());
        ground.own_logins.push("m.lind@acme.example".to_owned());
        assert_eq!(refusing(&ground), ["own account", "protected"]);
    }

    #[test]
    fn a_look_alike_is_called_one() {
        let mut ground = ground();
        ground.asked_for = "m\u{430}ra.lind@acme.example".into();
        let said = target(&GuardInput {
            account: &ground.account,
            own: ground.own.as_ref(),
            own_logins: &[],
            protected: &[],
            protected_groups: &[],
            allow_administrators: false,
            others: &Others::NotAsked,
            kinds: &[],
            asked_for: &ground.asked_for,
        });
        assert_eq!(
            said.as_ref().map(Safe::as_str),
            Some("the login only looks like the one in the case")
        );
    }

    #[rstest]
    #[case("00uAbC", "somebody", &["own account"])]
    #[case("00uKim", "Mara.LIND@acme.example", &["own account"])]
    #[case("00uKim", "mara@acme.example", &["own account"])]
    #[case("00uKim", "mara.lindt@acme.example", &[])]
    fn the_own_account_is_refused_by_id_login_and_mail(
        #[case] id: &str,
        #[case] login: &str,
        #[case] expected: &[&str],
    ) {
        let mut ground = ground();
        ground.own = Some((AccountId::new(samples::connection(), id), login.into()));
        assert_eq!(refusing(&ground), expected);
    }

    #[test]
    fn not_knowing_whose_token_it_is_refuses() {
        let mut ground = ground();
        ground.own = None;
        assert_eq!(refusing(&ground), ["own account"]);
        ground.own_logins = vec!["MARA.lind@ACME.example".to_owned()];
        ground.own = self::ground().own;
        assert_eq!(refusing(&ground), ["own account"]);
    }

    #[rstest]
    #[case("mara.lind@acme.example", "mara.lind@acme.example", true)]
    #[case("mara.lind@acme.example", "MARA.LIND@ACME.EXAMPLE", true)]
    #[case("mara.lind@acme.example", " mara.lind@acme.example ", true)]
    #[case("mara.lind@acme.example", "00uAbC", true)]
    #[case("mara.lind@acme.example", "mara@acme.example", true)]
    #[case("ægir@acme.example", "ÆGIR@acme.example", true)]
    #[case("zoe\u{308}@acme.example", "zo\u{eb}@acme.example", true)]
    #[case("mara.lind@acme.example", "mara", false)]
    #[case("mara.lind@acme.example", "", false)]
    fn the_protected_list_knows_every_name(
        #[case] login: &str,
        #[case] entry: &str,
        #[case] refused: bool,
    ) {
        let mut ground = ground();
        ground.account.login = login.into();
        ground.asked_for = login.into();
        ground.protected = vec![entry.to_owned()];
        let expected: &[&str] = if refused { &["protected"] } else { &[] };
        assert_eq!(refusing(&ground), expected);
    }

    #[rstest]
    #[case(Some(("00g9", "break-glass")), "Break-Glass", true)]
    #[case(Some(("00g9", "Other")), "00g9", true)]
    #[case(Some(("00g9", "Other")), " 00g9 ", true)]
    #[case(Some(("00g9", "Geschu\u{308}tzt ")), "Gesch\u{fc}tzt", true)]
    #[case(Some(("00g9", "Other")), "00G9", false)]
    #[case(Some(("00g9", "Break-Glass-Readers")), "Break-Glass", false)]
    #[case(None, "Break-Glass", true)]
    fn a_protected_group_refuses_and_so_does_not_knowing(
        #[case] group: Option<(&str, &str)>,
        #[case] entry: &str,
        #[case] refused: bool,
    ) {
        let mut ground = ground();
        ground.account.groups = group.map(|(id, name)| {
            vec![Group {
                id: id.into(),
                name: name.into(),
            }]
        });
        ground.groups = vec![entry.to_owned()];
        let expected: &[&str] = if refused { &["protected groups"] } else { &[] };
        assert_eq!(refusing(&ground), expected);
    }

    /// Every part of a snapshot that may have failed to be read, alone: refused with its reason, or no guard judges by it.
    type Spoil = (fn(&mut Ground), Option<(&'static str, &'static str)>);

    #[test]
    fn what_could_not_be_read_refuses_with_its_reason() {
        type Said = (&'static str, &'static str);
        let groups: Said = ("protected groups", "its groups could not be read");
        let roles: Said = (
            "administrators",
            "its administrator roles could not be read",
        );
        let owner: Said = (
            "own account",
            "the provider did not say whose token this is",
        );
        // Taken apart whole: a new part of the snapshot has to be thought of here.
        let Account {
            id: _,
            login: _,
            name: _,
            mail: _,
            aliases: _,
            status: _,
            vendor_status: _,
            status_changed: _,
            last_sign_in: _,
            password_changed: _,
            tokens_valid_from: _,
            source: _,
            groups: _,
            roles: _,
            factors: _,
            token_clients: _,
            sessions: _,
            required: _,
            risk: _,
            gaps: _,
            zone: _,
            server_date: _,
        } = samples::account();
        let spoil: [Spoil; 11] = [
            (|g| g.account.groups = None, Some(groups)),
            (|g| g.account.roles = None, Some(roles)),
            (|g| g.own = None, Some(owner)),
            (|g| g.account.factors = None, None),
            (|g| g.account.token_clients = None, None),
            (|g| g.account.mail = None, None),
            (|g| g.account.source = None, None),
            (|g| g.account.password_changed = None, None),
            (|g| g.account.status_changed = None, None),
            (|g| g.account.last_sign_in = None, None),
            (|g| g.account.server_date = None, None),
        ];
        let kinds = ActionKind::ALL.into_iter();
        for kind in kinds.filter(|kind| *kind != ActionKind::EnableAccount) {
            for (place, (spoil, expected)) in spoil.iter().enumerate() {
                let mut ground = ground();
                ground.kinds = vec![kind];
                spoil(&mut ground);
                let expected: Vec<Said> = expected.iter().copied().collect();
                let said = judged(&ground);
                let said: Vec<_> = said.iter().map(|(g, why)| (*g, why.as_str())).collect();
                assert_eq!(said, expected, "{kind:?} {place}");
            }
        }
        let mut nothing = ground();
        (nothing.account.groups, nothing.account.roles, nothing.own) = (None, None, None);
        assert_eq!(
            refusing(&nothing),
            ["own account", "protected groups", "administrators"]
        );
    }

    #[test]
    fn unreadable_groups_matter_only_where_groups_are_protected() {
        let mut ground = ground();
        ground.account.groups = None;
        ground.groups.clear();
        assert!(refusing(&ground).is_empty());
    }

    #[rstest]
    #[case(Some(vec!["APP_ADMIN".into()]), ActionKind::DisableAccount, false, true)]
    #[case(Some(vec!["APP_ADMIN".into()]), ActionKind::RevokeSessions, false, true)]
    // Allowed by the policy, but who would be left was not counted.
    #[case(Some(vec!["APP_ADMIN".into()]), ActionKind::DisableAccount, true, true)]
    #[case(Some(vec!["APP_ADMIN".into()]), ActionKind::RevokeSessions, true, false)]
    #[case(Some(Vec::new()), ActionKind::DisableAccount, true, false)]
    #[case(Some(Vec::new()), ActionKind::DisableAccount, false, false)]
    #[case(None, ActionKind::DisableAccount, false, true)]
    #[case(None, ActionKind::DisableAccount, true, true)]
    #[case(None, ActionKind::RevokeSessions, true, false)]
    fn administrators_are_refused_and_so_is_not_knowing(
        #[case] roles: Option<Vec<Untrusted>>,
        #[case] kind: ActionKind,
        #[case] allowed: bool,
        #[case] refused: bool,
    ) {
        let mut ground = ground();
        ground.account.roles = roles;
        ground.kinds = vec![kind];
        ground.administrators = allowed;
        let expected: &[&str] = if refused { &["administrators"] } else { &[] };
        assert_eq!(refusing(&ground), expected);
    }

    #[rstest]
    #[case(2, &[])]
    #[case(1, &["administrators"])]
    fn an_administrator_is_disabled_only_where_two_others_stay(
        #[case] others: usize,
        #[case] expected: &[&str],
    ) {
        let mut ground = ground();
        ground.account.roles = Some(vec!["APP_ADMIN".into()]);
        ground.administrators = true;
        ground.others = Others::Counted(vec![RoleHeld {
            role: "APP_ADMIN".into(),
            others,
        }]);
        assert_eq!(refusing(&ground), expected);
        ground.kinds = vec![ActionKind::RevokeSessions, ActionKind::DisableAccount];
        assert_eq!(refusing(&ground), expected);
        // Counting allows nothing that the policy does not.
        ground.administrators = false;
        assert_eq!(refusing(&ground), ["administrators"]);
    }

    #[test]
    fn a_risk_that_is_not_known_stops_only_what_is_said_of_it() {
        let mut ground = ground();
        ground.account.risk = None;
        for kind in ActionKind::ALL {
            ground.account.status = if kind == ActionKind::EnableAccount {
                AccountStatus::Disabled
            } else {
                AccountStatus::Active
            };
            ground.kinds = vec![kind];
            let expected: &[&str] = if kind.is_of_risk() { &["status"] } else { &[] };
            assert_eq!(refusing(&ground), expected, "{kind:?}");
        }
    }

    #[test]
    fn an_administrator_may_be_enabled_again() {
        let mut ground = ground();
        ground.account.roles = None;
        ground.account.status = AccountStatus::Disabled;
        ground.kinds = vec![ActionKind::EnableAccount];
        assert!(refusing(&ground).is_empty());
    }

    #[rstest]
    #[case(AccountStatus::Active, ActionKind::DisableAccount, true)]
    #[case(AccountStatus::Disabled, ActionKind::DisableAccount, false)]
    #[case(AccountStatus::Other("LOCKED_OUT".into()), ActionKind::DisableAccount, false)]
    #[case(AccountStatus::Disabled, ActionKind::EnableAccount, true)]
    #[case(AccountStatus::Active, ActionKind::EnableAccount, false)]
    #[case(AccountStatus::Active, ActionKind::ResetPassword, true)]
    #[case(AccountStatus::Disabled, ActionKind::ResetPassword, true)]
    #[case(AccountStatus::Other("LOCKED_OUT".into()), ActionKind::ResetPassword, false)]
    #[case(AccountStatus::Active, ActionKind::ExpirePassword, true)]
    #[case(AccountStatus::Other("RECOVERY".into()), ActionKind::ExpirePassword, false)]
    #[case(AccountStatus::Active, ActionKind::RevokeSessions, true)]
    #[case(AccountStatus::Disabled, ActionKind::RevokeSessions, true)]
    #[case(AccountStatus::Other("LOCKED_OUT".into()), ActionKind::RevokeSessions, true)]
    fn the_status_fits_the_kind(
        #[case] status: AccountStatus,
        #[case] kind: ActionKind,
        #[case] passes: bool,
    ) {
        let mut ground = ground();
        ground.account.status = status;
        ground.kinds = vec![ActionKind::RevokeSessions, kind];
        let expected: &[&str] = if passes { &[] } else { &["status"] };
        assert_eq!(refusing(&ground), expected);
    }
}
