//! The people of Acme: accounts, groups, roles, factors, clients, sessions, places and devices.
//!
//! What must not live here: a vendor's wire shapes, anything that happens.

use chrono::{DateTime, TimeDelta, Utc};

/// A place on the map with the network it is seen from.
#[derive(Debug)]
pub(crate) struct Place {
    pub city: &'static str,
    pub region: &'static str,
    pub country: &'static str,
    pub iso: &'static str,
    pub lat: f64,
    pub lon: f64,
    pub asn: u32,
    pub org: &'static str,
    /// The first three bytes of its addresses; all are documentation or benchmark ranges.
    pub net: [u8; 3],
}

pub(crate) const PLACES: [Place; 6] = [
    place(
        "Copenhagen",
        "Capital Region",
        "Denmark",
        "DK",
        (55.6761, 12.5683),
        (64_496, "Acme A/S"),
        [192, 0, 2],
    ),
    place(
        "Aarhus",
        "Central Jutland",
        "Denmark",
        "DK",
        (56.1629, 10.2039),
        (64_496, "Acme A/S"),
        [198, 18, 4],
    ),
    place(
        "London",
        "England",
        "United Kingdom",
        "GB",
        (51.5074, -0.1278),
        (64_497, "Acme Ltd"),
        [198, 18, 8],
    ),
    place(
        "Copenhagen",
        "Capital Region",
        "Denmark",
        "DK",
        (55.7, 12.5),
        (64_498, "Nordisk Bredband"),
        [198, 19, 1],
    ),
    place(
        "São Paulo",
        "São Paulo",
        "Brazil",
        "BR",
        (-23.5505, -46.6333),
        (64_510, "Hospedagem Rapida"),
        [203, 0, 113],
    ),
    place(
        "Frankfurt",
        "Hesse",
        "Germany",
        "DE",
        (50.1109, 8.6821),
        (64_511, "Cheap VPS GmbH"),
        [198, 51, 100],
    ),
];

/// Index of the private line of people who work from home.
pub(crate) const HOME: usize = 3;
/// Index of the place from which the attacker works.
pub(crate) const ATTACKER_PLACE: usize = 4;
/// Index of the hosting network from which passwords are sprayed.
pub(crate) const SPRAY_PLACE: usize = 5;
/// The attacker's own address.
pub(crate) const ATTACKER_IP: [u8; 4] = [203, 0, 113, 66];

const fn place(
    city: &'static str,
    region: &'static str,
    country: &'static str,
    iso: &'static str,
    (lat, lon): (f64, f64),
    (asn, org): (u32, &'static str),
    net: [u8; 3],
) -> Place {
    Place {
        city,
        region,
        country,
        iso,
        lat,
        lon,
        asn,
        org,
        net,
    }
}

/// A client program: its user agent and the words that vendors derive from it.
#[derive(Debug)]
pub(crate) struct Agent {
    pub raw: &'static str,
    pub browser: &'static str,
    pub os: &'static str,
    pub device: &'static str,
}

pub(crate) const AGENTS: [Agent; 5] = [
    Agent {
        raw: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        browser: "CHROME",
        os: "Windows 11",
        device: "Computer",
    },
    Agent {
        raw: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
        browser: "SAFARI",
        os: "Mac OS X",
        device: "Computer",
    },
    Agent {
        raw: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        browser: "SAFARI",
        os: "iOS (iPhone)",
        device: "Mobile",
    },
    Agent {
        raw: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        browser: "FIREFOX",
        os: "Linux",
        device: "Computer",
    },
    Agent {
        raw: "python-requests/2.32.5",
        browser: "UNKNOWN",
        os: "Unknown",
        device: "Unknown",
    },
];

/// Index of the attacker's browser and of the sprayer's script.
pub(crate) const ATTACKER_AGENT: usize = 3;
pub(crate) const SCRIPT_AGENT: usize = 4;

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
    pub groups: Vec<usize>,
    pub roles: Vec<(&'static str, &'static str)>,
    pub factors: Vec<Factor>,
    pub clients: Vec<Client>,
    pub sessions: Vec<Session>,
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

const GROUPS: [(&str, &str, &str); 8] = [
    ("Everyone", "All users in your organization", "BUILT_IN"),
    (
        "Payroll-Admin",
        "May change and export payroll",
        "OKTA_GROUP",
    ),
    ("Finance", "Finance department", "APP_GROUP"),
    ("Engineering", "Engineering department", "APP_GROUP"),
    ("Executives", "Members of the board", "OKTA_GROUP"),
    ("SOC", "Security operations", "OKTA_GROUP"),
    (
        "Break-Glass",
        "Emergency access, never disable",
        "OKTA_GROUP",
    ),
    ("Service-Accounts", "Accounts of programs", "OKTA_GROUP"),
];

/// First name, last name, login before the `@`, title, department, groups besides Everyone.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [usize],
);

/// Accounts that the story needs; their positions are the constants below.
const CAST: [Row; 10] = [
    (
        "Mara",
        "Lind",
        "mara.lind",
        "Payroll Lead",
        "Finance",
        &[1, 2],
    ),
    (
        "Kim",
        "Aster",
        "kim.aster",
        "Security Analyst",
        "Security",
        &[5],
    ),
    (
        "Ingrid",
        "Holm",
        "ingrid.holm",
        "Chief Executive Officer",
        "Board",
        &[4],
    ),
    (
        "Break",
        "Glass",
        "breakglass-01",
        "Emergency access",
        "Security",
        &[6],
    ),
    (
        "Payroll",
        "Sync",
        "svc-payroll",
        "Service account",
        "Finance",
        &[7, 1],
    ),
    (
        "Jonas",
        "Okafor",
        "jonas.okafor",
        "Platform Engineer",
        "Engineering",
        &[3],
    ),
    (
        "Jonas",
        "Okafor (admin)",
        "adm-jonas.okafor",
        "Platform Engineer",
        "Engineering",
        &[3],
    ),
    // The first letter `а` of this login is Cyrillic.
    (
        "Mara",
        "Lind",
        "m\u{430}ra.lind",
        "Contractor",
        "External",
        &[],
    ),
    (
        "Mara",
        "Lindt",
        "mara.lindt",
        "Account Manager",
        "Sales",
        &[],
    ),
    (
        "Devi",
        "Rao",
        "devi.rao",
        "Security Analyst",
        "Security",
        &[5],
    ),
];

pub(crate) const VICTIM: usize = 0;
pub(crate) const ANALYST: usize = 1;
pub(crate) const CEO: usize = 2;
pub(crate) const BREAK_GLASS: usize = 3;
pub(crate) const SERVICE: usize = 4;
pub(crate) const TWIN: usize = 5;
pub(crate) const TWIN_ADMIN: usize = 6;
pub(crate) const LOOK_ALIKE: usize = 7;
pub(crate) const COLLEAGUE: usize = 9;

const STAFF: [(&str, &str); 30] = [
    ("Anna", "Berg"),
    ("Bo", "Carlsen"),
    ("Carla", "Diaz"),
    ("David", "Ekman"),
    ("Elif", "Yilmaz"),
    ("Frida", "Gran"),
    ("Georg", "Huber"),
    ("Hana", "Ito"),
    ("Ivan", "Petrov"),
    ("Julia", "Kowalska"),
    ("Karim", "Nasser"),
    ("Lena", "Madsen"),
    ("Milan", "Novak"),
    ("Nora", "Olsen"),
    ("Omar", "Said"),
    ("Petra", "Quist"),
    ("Rosa", "Rossi"),
    ("Sami", "Salo"),
    ("Tara", "Singh"),
    ("Uma", "Patel"),
    ("Viktor", "Wang"),
    ("Wanda", "Zielinska"),
    ("Xenia", "Falk"),
    ("Yusuf", "Demir"),
    ("Zoe", "Martin"),
    ("Nguyen", "Thi Hoa"),
    ("Siobhan", "O'Neill"),
    ("Bjørn", "Ægir"),
    ("Søren", "Kjær"),
    ("Émile", "Zola"),
];

const JOBS: [(&str, &str, &[usize]); 5] = [
    ("Accountant", "Finance", &[2]),
    ("Software Engineer", "Engineering", &[3]),
    ("Sales Representative", "Sales", &[]),
    ("Support Agent", "Support", &[]),
    ("Data Engineer", "Engineering", &[3]),
];

/// The directory as it is at the start.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub people: Vec<Person>,
    pub groups: Vec<Group>,
    next_session: u32,
}

impl Directory {
    /// Builds the same people for the same seed, with times relative to `start`.
    pub fn new(seed: u64, start: DateTime<Utc>) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed ^ 0x00aC_3E);
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
    }

    /// Opens a session and answers its number.
    pub fn open_session(&mut self, person: usize, holder: Holder) -> u32 {
        self.next_session += 1;
        let number = self.next_session;
        if let Some(person) = self.people.get_mut(person) {
            person.sessions.push(Session { number, holder });
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
        sessions: Vec::new(),
        created,
        status_changed: created,
        password_changed: changed,
        last_updated: changed,
        last_login: None,
    }
}

/// Draws an identifier of letters and digits.
pub(crate) fn token(dice: &mut fastrand::Rng, length: usize) -> String {
    std::iter::repeat_with(|| dice.alphanumeric())
        .take(length)
        .collect()
}
