//! Who works at Acme: the accounts of the story, the staff, their groups and jobs.

pub(super) const GROUPS: [(&str, &str, &str); 8] = [
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
pub(super) type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [usize],
);

/// Accounts that the story needs; their positions are the constants below.
pub(super) const CAST: [Row; 10] = [
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
/// Two of the staff who administer applications.
pub(crate) const APP_ADMINS: [usize; 2] = [17, 23];

pub(super) const STAFF: [(&str, &str); 30] = [
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

pub(super) const JOBS: [(&str, &str, &[usize]); 5] = [
    ("Accountant", "Finance", &[2]),
    ("Software Engineer", "Engineering", &[3]),
    ("Sales Representative", "Sales", &[]),
    ("Support Agent", "Support", &[]),
    ("Data Engineer", "Engineering", &[3]),
];
