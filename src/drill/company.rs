//! The people of Acme: accounts, groups, roles, factors, clients, sessions, places and devices.
//!
//! What must not live here: a vendor's wire shapes, anything that happens.

mod cast;
mod places;

use chrono::{DateTime, TimeDelta, Utc};

pub(crate) use cast::*;
pub(crate) use places::*;

use super::wire::Idp;

/// Who opened a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Owner,
    Attacker,
}

/// A live session at the identity provider.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub number: u32,
    pub holder: Holder,
    pub at: DateTime<Utc>,
    pub ip: &'static str,
}

/// One enrolled factor.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    pub id: String,
    pub kind: &'static str,
    pub provider: &'static str,
    pub name: String,
    pub created: DateTime<Utc>,
}

/// An OAuth client that holds refresh tokens of the user.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub id: String,
    pub name: &'static str,
    pub scopes: &'static [&'static str],
    /// Ids of the refresh tokens.
    pub tokens: Vec<String>,
    pub created: DateTime<Utc>,
}

/// What a user let a client do.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub id: String,
    /// Id of the client.
    pub client: String,
    pub name: &'static str,
    pub scope: &'static str,
    pub created: DateTime<Utc>,
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub id: String,
    pub login: String,
    pub email: String,
    pub first: String,
    pub last: String,
    pub title: &'static str,
    pub department: &'static str,
    pub office: usize,
    pub agent: usize,
    pub host: String,
    /// Last byte of the address at the office and at home.
    pub line: u8,
    pub status: &'static str,
    pub from_directory: bool,
    /// Whether the account is another tenant's, at Entra ID.
    pub guest: bool,
    /// Further addresses, at Entra ID.
    pub other_mails: Vec<String>,
    pub groups: Vec<usize>,
    pub roles: Vec<(&'static str, &'static str)>,
    pub factors: Vec<Factor>,
    pub clients: Vec<Client>,
    pub grants: Vec<Grant>,
    /// A second address by which the password can be had back.
    pub second_email: Option<&'static str>,
    /// Aliases that were taken away, at Google.
    pub gone_aliases: Vec<String>,
    /// Authenticators that only Okta's list of enrollments has: the policy lets nobody use them.
    pub enrollments: Vec<Factor>,
    /// Provider, id and name of an account elsewhere by which one can sign in, at Keycloak.
    pub linked: Option<[&'static str; 3]>,
    pub sessions: Vec<Session>,
    /// Administrator roles by a role that holds them or a group above; Keycloak names them on their own.
    pub inherited: Vec<&'static str>,
    /// What Keycloak asks of the person at the next sign-in.
    pub required: Vec<String>,
    /// Seconds since 1970; tokens of before are refused.
    pub not_before: i64,
    pub created: DateTime<Utc>,
    pub status_changed: DateTime<Utc>,
    pub password_changed: DateTime<Utc>,
    pub last_updated: DateTime<Utc>,
    pub last_login: Option<DateTime<Utc>>,
}

impl Person {
    pub fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

/// A group of the directory.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub id: String,
    pub name: &'static str,
    pub description: &'static str,
    pub kind: &'static str,
}

/// Whose entries the identity provider's are at the SIEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub dataset: &'static str,
    pub provider: &'static str,
    /// As people write it.
    pub name: &'static str,
}

impl Source {
    /// Gives that of a provider.
    pub fn of(idp: Idp) -> Self {
        let (dataset, provider, name) = match idp {
            Idp::Okta => ("okta.system", "okta", "Okta"),
            Idp::Keycloak => ("keycloak.events", "keycloak", "Keycloak"),
            Idp::Entra => ("entra.audit", "entra", "Entra ID"),
            Idp::Google => ("google.reports", "google", "Google"),
        };
        Self {
            dataset,
            provider,
            name,
        }
    }
}

/// The directory as it is at the start.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    /// Whose entries those of the identity provider are.
    pub source: Source,
    pub people: Vec<Person>,
    pub groups: Vec<Group>,
    next_session: u32,
}

impl Directory {
    /// Builds the same people for the same seed, with times relative to `start`.
    pub fn new(seed: u64, start: DateTime<Utc>) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed ^ 0x00ac_3e00);
        let groups = GROUPS
            .iter()
            .map(|(name, description, kind)| Group {
                id: format!("00g{}", token(&mut dice, 17)),
                name,
                description,
                kind,
            })
            .collect();
        let mut people = Vec::new();
        for (first, last, local, title, department, groups) in CAST {
            people.push(person(
                &mut dice,
                start,
                (first, last, local),
                (title, department, groups),
            ));
        }
        for (index, (first, last)) in STAFF.into_iter().enumerate() {
            let local: String = format!("{first}.{last}")
                .to_lowercase()
                .chars()
                .map(|c| if c == ' ' || c == '\'' { '-' } else { c })
                .collect();
            let job = JOBS[index % JOBS.len()];
            people.push(person(&mut dice, start, (first, last, &local), job));
        }
        let mut directory = Self {
            source: Source::of(Idp::Okta),
            people,
            groups,
            next_session: 500_000,
        };
        directory.cast(&mut dice, start);
        directory
    }

    /// Gives the story's accounts what sets them apart.
    fn cast(&mut self, dice: &mut fastrand::Rng, start: DateTime<Utc>) {
        let shared = self.people[TWIN].email.clone();
        self.people[TWIN_ADMIN].email = shared;
        self.people[TWIN_ADMIN]
            .roles
            .push(("APP_ADMIN", "Application Administrator"));
        for index in APP_ADMINS {
            self.people[index]
                .roles
                .push(("APP_ADMIN", "Application Administrator"));
        }
        self.people[ANALYST]
            .roles
            .push(("USER_ADMIN", "Group Administrator"));
        self.people[COLLEAGUE]
            .roles
            .push(("USER_ADMIN", "Group Administrator"));
        self.people[BREAK_GLASS]
            .roles
            .push(("SUPER_ADMIN", "Super Administrator"));
        self.people[CEO]
            .roles
            .push(("READ_ONLY_ADMIN", "Read-Only Administrator"));
        self.people[LOOK_ALIKE].created = start - TimeDelta::days(3);
        for index in [BREAK_GLASS, SERVICE] {
            self.people[index].factors.clear();
            self.people[index].from_directory = false;
        }
        let last = self.people.len() - 1;
        for (index, status) in [
            (last, "DEPROVISIONED"),
            (last - 1, "LOCKED_OUT"),
            (last - 2, "SUSPENDED"),
        ] {
            self.people[index].status = status;
            self.people[index].status_changed = start - TimeDelta::days(9);
        }
        let victim = &mut self.people[VICTIM];
        victim.from_directory = true;
        victim.office = 0;
        victim.clients = vec![
            Client {
                id: format!("0oa{}", token(dice, 17)),
                name: "Acme Mail for iOS",
                scopes: &["openid", "offline_access", "mail.read"],
                tokens: vec![format!("oar{}", token(dice, 17))],
                created: start - TimeDelta::days(41),
            },
            Client {
                id: format!("0oa{}", token(dice, 17)),
                name: "MailSync Helper",
                scopes: &["openid", "offline_access", "mail.read", "files.read.all"],
                tokens: vec![
                    format!("oar{}", token(dice, 17)),
                    format!("oar{}", token(dice, 17)),
                ],
                created: start - TimeDelta::minutes(26),
            },
        ];
        victim.factors.push(Factor {
            id: format!("opf{}", token(dice, 17)),
            kind: "push",
            provider: "OKTA",
            name: "Galaxy A15".to_owned(),
            created: start - TimeDelta::minutes(29),
        });
        victim.second_email = Some("mara.l.backup@mail.example");
        victim.enrollments.push(Factor {
            id: format!("sms{}", victim.id.trim_start_matches("00u")),
            kind: "phone",
            provider: "OKTA",
            name: "+447700906065".to_owned(),
            created: start - TimeDelta::minutes(28),
        });
        victim.linked = Some(["github", "9117042", "mlind-work"]);
        for client in &victim.clients {
            for scope in client.scopes {
                victim.grants.push(Grant {
                    id: format!("oag{}", token(dice, 17)),
                    client: client.id.clone(),
                    name: client.name,
                    scope,
                    created: client.created,
                });
            }
        }
    }

    /// Gives the victim nine more grants, each for another right, as an attacker does who wants to be hard to get rid of.
    pub fn give_many_grants(&mut self) {
        const SCOPES: [&str; 9] = [
            "calendars.read",
            "contacts.read",
            "drive.read",
            "groups.read",
            "mail.send",
            "notes.read",
            "people.read",
            "sites.read",
            "tasks.read",
        ];
        let victim = &mut self.people[VICTIM];
        let Some(last) = victim.grants.last().cloned() else {
            return;
        };
        for (scope, place) in SCOPES.into_iter().zip(1u32..) {
            victim.grants.push(Grant {
                id: format!("{}m{place}", last.id),
                scope,
                ..last.clone()
            });
        }
    }

    /// Sets apart who is set apart at Entra ID only.
    pub fn as_tenant(&mut self) {
        // The story's account lives in the cloud, so that its password can be changed there.
        self.people[VICTIM].from_directory = false;
        self.people[VICTIM].other_mails = vec!["mara@home.example".to_owned()];
        let contractor = &mut self.people[LOOK_ALIKE];
        contractor.guest = true;
        contractor.from_directory = false;
        for person in &mut self.people {
            for factor in &mut person.factors {
                factor.provider = "MICROSOFT";
            }
        }
    }

    /// Gives everybody and everything the kind of id that Keycloak and Entra ID give.
    pub fn name_by_uuids(&mut self, seed: u64) {
        let mut dice = fastrand::Rng::with_seed(seed ^ 0x00cc_1d00);
        for person in &mut self.people {
            person.id = uuid(&mut dice);
            for client in &mut person.clients {
                let id = uuid(&mut dice);
                for grant in person
                    .grants
                    .iter_mut()
                    .filter(|one| one.client == client.id)
                {
                    grant.client.clone_from(&id);
                }
                client.id = id;
            }
        }
        for group in &mut self.groups {
            group.id = uuid(&mut dice);
        }
    }

    /// Gives everybody and everything the kind of id that Google gives.
    pub fn name_by_numbers(&mut self, seed: u64) {
        let mut dice = fastrand::Rng::with_seed(seed ^ 0x000d_1617);
        self.people[VICTIM].second_email = Some("mara@home.example");
        for person in &mut self.people {
            person.id = format!("1{:020}", dice.u64(..));
            for client in &mut person.clients {
                let number = dice.u64(100_000_000_000..999_999_999_999);
                let word = token(&mut dice, 8).to_lowercase();
                client.id = format!("{number}-{word}.apps.googleusercontent.com");
            }
        }
        for group in &mut self.groups {
            group.id = format!("0{}", token(&mut dice, 14).to_lowercase());
        }
    }

    /// Opens a session and answers its number.
    pub fn open_session(&mut self, person: usize, holder: Holder, at: DateTime<Utc>) -> u32 {
        self.next_session += 1;
        let number = self.next_session;
        if let Some(person) = self.people.get_mut(person) {
            let ip = match holder {
                Holder::Owner => "198.51.100.23",
                Holder::Attacker => "203.0.113.77",
            };
            person.sessions.push(Session {
                number,
                holder,
                at,
                ip,
            });
            // A person's oldest session ends where the provider's own bound would end it.
            if person.sessions.len() > 50 {
                person.sessions.remove(0);
            }
        }
        number
    }

    /// Finds an account by id, login, or the part of the login before the `@`.
    pub fn find(&self, key: &str) -> Option<usize> {
        let by = |same: &dyn Fn(&Person) -> bool| self.people.iter().position(same);
        by(&|p| p.id == key)
            .or_else(|| by(&|p| p.login.eq_ignore_ascii_case(key)))
            .or_else(|| {
                by(&|p| {
                    p.login
                        .split('@')
                        .next()
                        .is_some_and(|l| l.eq_ignore_ascii_case(key))
                })
            })
    }
}

fn person(
    dice: &mut fastrand::Rng,
    start: DateTime<Utc>,
    (first, last, local): (&str, &str, &str),
    (title, department, groups): (&'static str, &'static str, &[usize]),
) -> Person {
    let login = format!("{local}@acme.example");
    let created = start - TimeDelta::days(200 + dice.i64(0..1500));
    let changed = start - TimeDelta::days(10 + dice.i64(0..160));
    let os = dice.usize(0..3);
    let mut memberships = vec![0];
    memberships.extend_from_slice(groups);
    Person {
        id: format!("00u{}", token(dice, 17)),
        email: login.clone(),
        login,
        first: first.to_owned(),
        last: last.to_owned(),
        title,
        department,
        office: dice.usize(0..3),
        agent: os.min(1),
        host: format!(
            "{}-{:04}",
            if os == 1 { "mac" } else { "wks" },
            dice.u32(1000..9999)
        ),
        line: dice.u8(10..250),
        status: "ACTIVE",
        from_directory: dice.u8(0..10) < 7,
        guest: false,
        other_mails: Vec::new(),
        groups: memberships,
        roles: Vec::new(),
        factors: vec![Factor {
            id: format!("opf{}", token(dice, 17)),
            kind: "push",
            provider: "OKTA",
            name: format!("{first}'s iPhone"),
            created,
        }],
        clients: Vec::new(),
        grants: Vec::new(),
        second_email: None,
        gone_aliases: Vec::new(),
        enrollments: Vec::new(),
        linked: None,
        sessions: Vec::new(),
        inherited: Vec::new(),
        required: Vec::new(),
        not_before: 0,
        created,
        status_changed: created,
        password_changed: changed,
        last_updated: changed,
        last_login: None,
    }
}

fn uuid(dice: &mut fastrand::Rng) -> String {
    let (a, b) = (dice.u64(..), dice.u64(..));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        (b >> 48) & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

/// Draws an identifier of letters and digits.
pub(crate) fn token(dice: &mut fastrand::Rng, length: usize) -> String {
    std::iter::repeat_with(|| dice.alphanumeric())
        .take(length)
        .collect()
}
