//! What an account is called: the login of the action on it, and what it was read to be called later.
//!
//! What must not live here: reading accounts; which source is asked for which name.

use crate::domain::account::Account;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::Party;

/// Most logins, and most mail addresses, kept of one account; the oldest goes first.
const NAMES_MAX: usize = 4;

/// The names of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    logins: Vec<Untrusted>,
    mails: Vec<Untrusted>,
}

/// What a reading brought that was not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renamed {
    /// Another login.
    pub login: Option<Untrusted>,
    /// Another mail address than that of an earlier reading.
    pub mail: Option<Untrusted>,
}

impl Called {
    /// Makes the names of an account that is known by its login only.
    pub fn new(login: &Untrusted) -> Self {
        Self {
            logins: vec![login.clone()],
            mails: Vec::new(),
        }
    }

    /// Gives the names with a login as the first.
    #[must_use]
    pub fn with(&self, login: &Untrusted) -> Self {
        let others = self.logins.iter().filter(|one| !is_same(one, login));
        Self {
            logins: std::iter::once(login).chain(others).cloned().collect(),
            mails: self.mails.clone(),
        }
    }

    /// Takes over what a reading of the account calls it, and gives what is new; `login` is what it is called on record.
    pub fn learn(&mut self, login: &Untrusted, read: &Account) -> Renamed {
        let is_other = !is_same(&read.login, login);
        let is_new = is_other && keep(&mut self.logins, &read.login);
        // The first mail address that is read says nothing of a change: no record tells what it was before.
        let is_first = self.mails.is_empty();
        let mail = read.mail.as_ref();
        let mail = mail.filter(|mail| keep(&mut self.mails, mail) && !is_first);
        Renamed {
            login: is_new.then(|| read.login.clone()),
            mail: mail.cloned(),
        }
    }

    /// Lists all names, each once.
    pub fn all(&self) -> Vec<Untrusted> {
        let mut all: Vec<Untrusted> = Vec::new();
        for name in self.logins.iter().chain(&self.mails) {
            if !holds(&all, name) {
                all.push(name.clone());
            }
        }
        all
    }

    /// Tells whether somebody in an event is named as the account is.
    ///
    /// Two accounts of one person often share a mail address: it tells nothing where the event names a login.
    pub fn is_name_of(&self, party: &Party) -> bool {
        let has = |names: &[Untrusted]| names.iter().any(|name| party.is_named(name));
        has(&self.logins) || party.name.is_none() && has(&self.mails)
    }
}

fn is_same(one: &Untrusted, other: &Untrusted) -> bool {
    one.raw().eq_ignore_ascii_case(other.raw())
}

fn holds(names: &[Untrusted], name: &Untrusted) -> bool {
    names.iter().any(|one| is_same(one, name))
}

/// Keeps a name; `false` where it is none, or is known.
fn keep(names: &mut Vec<Untrusted>, name: &Untrusted) -> bool {
    if name.is_empty() || holds(names, name) {
        return false;
    }
    if names.len() >= NAMES_MAX {
        names.remove(0);
    }
    names.push(name.clone());
    true
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples::account;

    const OLD: &str = "mara.lind@acme.example";
    const NEW: &str = "mara.berg@acme.example";
    const MAIL: &str = "mara@acme.example";

    fn read(login: &str, mail: Option<&str>) -> Account {
        Account {
            login: login.into(),
            mail: mail.map(Into::into),
            ..account()
        }
    }

    fn login(name: &str) -> Renamed {
        Renamed {
            login: Some(name.into()),
            mail: None,
        }
    }

    #[test]
    fn another_login_is_news_once_and_so_is_another_mail_address() {
        let (mut called, old) = (Called::default(), Untrusted::new(OLD));
        let none = Renamed::default();
        assert_eq!(
            called.learn(&old, &read("Mara.Lind@acme.example", None)),
            none
        );
        assert_eq!(
            called.learn(&old, &read(OLD, Some(MAIL))),
            none,
            "its first"
        );
        assert_eq!(called.learn(&old, &read(NEW, Some(MAIL))), login(NEW));
        assert_eq!(called.learn(&old, &read(NEW, Some(MAIL))), none);
        assert_eq!(called.learn(&old, &read("", Some(""))), none, "no names");
        assert_eq!(called.learn(&old, &read(OLD, Some(MAIL))), none, "and back");
        let mail = Renamed {
            login: None,
            mail: Some(NEW.into()),
        };
        assert_eq!(called.learn(&old, &read(OLD, Some(NEW))), mail);
        let all = [OLD, NEW, MAIL].map(Untrusted::new);
        assert_eq!(called.with(&old).all(), all);
        // Contained anew under the later name.
        let all = [NEW, MAIL].map(Untrusted::new);
        assert_eq!(called.with(&NEW.into()).all(), all);
    }

    #[test]
    fn no_more_than_a_few_names_are_kept() {
        let (mut called, old) = (Called::default(), Untrusted::new(OLD));
        for number in 0..50 {
            let name = format!("mara{number}@acme.example");
            called.learn(&old, &read(&name, None));
        }
        let all = called.with(&old).all();
        assert_eq!(all.len(), NAMES_MAX + 1);
        assert_eq!(all.last(), Some(&Untrusted::new("mara49@acme.example")));
    }

    #[rstest]
    #[case::before(Some(OLD), None, true)]
    #[case::now(Some("MARA.berg@acme.example"), None, true)]
    #[case::by_an_address_that_is_the_login(None, Some(NEW), true)]
    #[case::by_mail_alone(None, Some(MAIL), true)]
    #[case::the_other_account_with_that_mail(Some("adm.lind@acme.example"), Some(MAIL), false)]
    #[case::somebody_else(Some("mara@acme.example.org"), None, false)]
    #[case::nobody(None, None, false)]
    fn somebody_is_the_account_by_every_name_of_it(
        #[case] name: Option<&str>,
        #[case] email: Option<&str>,
        #[case] is: bool,
    ) {
        let mut called = Called::default();
        called.learn(&OLD.into(), &read(NEW, Some(MAIL)));
        let party = Party {
            name: name.map(Into::into),
            email: email.map(Into::into),
            ..Party::default()
        };
        assert_eq!(called.with(&OLD.into()).is_name_of(&party), is);
        let by_old = name == Some(OLD);
        assert_eq!(Called::new(&OLD.into()).is_name_of(&party), by_old);
    }
}
