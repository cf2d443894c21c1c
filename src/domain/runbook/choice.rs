//! Which runbook a case is worked by: rules over alert types, tags and the title, with the reason in words.
//!
//! What must not live here: where rules and runbooks come from (`config`, `store`), and what an analyst chose by
//! hand.

use std::sync::{Arc, LazyLock};

use super::Runbook;
use super::library::Library;
use crate::domain::case::{Alert, Case};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// The runbook for a case that no rule fits, where the configuration names none.
pub const DEFAULT: &str = "compromised-account.md";

/// Says for which cases a runbook is used: everything that is given must fit, of each list one pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Type of threat or name of the detection of any linked alert.
    pub alert_type: Vec<Pattern>,
    /// Tag of the case.
    pub tag: Vec<Pattern>,
    /// Title of the case.
    pub title: Vec<Pattern>,
    /// The runbook: its path in the set.
    pub path: String,
    /// Where the rule stands in the configuration, from 1; `None` for one of our own.
    pub line: Option<u32>,
}

/// A text to compare with: upper and lower case are the same, `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As written.
    written: String,
    /// The parts between the stars, in lower case.
    parts: Vec<String>,
}

impl Pattern {
    /// Takes a pattern as written.
    pub fn new(written: &str) -> Self {
        Self {
            written: written.to_owned(),
            parts: written
                .to_lowercase()
                .split('*')
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Gives it as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Tells whether a whole text fits.
    pub fn fits(&self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else {
            return false;
        };
        if self.parts.len() == 1 {
            return text == *first;
        }
        let Some(mut rest) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        let inner = self.parts.get(1..self.parts.len() - 1).unwrap_or_default();
        for part in inner {
            match rest.split_once(part.as_str()) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last.as_str())
    }
}

/// The rules that hold where the configuration has none: by type of alert and tag, never by a title.
///
/// A title is the most an attacker can choose of a case.
static OURS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let ours: &[(&str, &[&str])] = &[
        (
            "compromised-account.md",
            &[
                "compromised-account",
                "compromised account",
                "account-takeover",
                "account takeover",
            ],
        ),
        (
            "phishing-mail.md",
            &[
                "phishing",
                "phishing-*",
                "*phishing mail*",
                "*phishing email*",
                "spearphishing*",
                "phishing:*",
            ],
        ),
        (
            "malicious-process.md",
            &[
                "malware",
                "malware-*",
                "malicious-process",
                "malicious process",
                "ransomware",
                "*malicious file*",
            ],
        ),
        (
            "risky-sign-in.md",
            &[
                "risky-sign-in",
                "risky sign-in",
                "risky-signin",
                "risky signin",
                "unfamiliarfeatures",
                "anonymizedipaddress",
            ],
        ),
    ];
    let by = |tag: bool| {
        ours.iter().map(move |(path, words)| {
            let patterns: Vec<Pattern> = words.iter().map(|word| Pattern::new(word)).collect();
            let (tag, alert_type) = if tag {
                (patterns, Vec::new())
            } else {
                (Vec::new(), patterns)
            };
            Rule {
                tag,
                alert_type,
                path: (*path).to_owned(),
                ..Rule::default()
            }
        })
    };
    by(true).chain(by(false)).collect()
});

/// Gives the rules that hold where the configuration has none.
pub fn own_rules() -> &'static [Rule] {
    &OURS
}

impl Rule {
    /// Says why it fits a case; `None` when it does not, or says nothing to compare with.
    fn why(&self, case: &Case, alerts: &[Alert]) -> Option<Safe> {
        let types = alerts
            .iter()
            .flat_map(|alert| alert.threat.iter().chain([&alert.title]));
        let asked = [
            ("an alert is", said(&self.alert_type, types)),
            ("the case has the tag", said(&self.tag, case.tags.iter())),
            ("the title is", said(&self.title, [&case.title])),
        ];
        let mut reasons = Vec::new();
        for (words, answer) in asked {
            match answer {
                Said::NotAsked => {}
                Said::Fits(text) => reasons.push(safe!("{} {}", words, text.field())),
                Said::Misses => return None,
            }
        }
        (!reasons.is_empty()).then(|| Safe::join(reasons, &Safe::fixed(" and ")))
    }
}

enum Said<'a> {
    NotAsked,
    Fits(&'a Untrusted),
    Misses,
}

fn said<'a>(patterns: &[Pattern], texts: impl IntoIterator<Item = &'a Untrusted>) -> Said<'a> {
    if patterns.is_empty() {
        return Said::NotAsked;
    }
    let fits = |text: &&Untrusted| patterns.iter().any(|pattern| pattern.fits(text.raw()));
    texts
        .into_iter()
        .find(fits)
        .map_or(Said::Misses, Said::Fits)
}

/// What was chosen for a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The path of the runbook in the set.
    pub path: String,
    /// Why this one: a fragment such as *the case has the tag phishing*.
    pub why: Safe,
}

/// Chooses the runbook of a case: the first rule that fits, else the default.
pub fn choose(rules: &[Rule], default: &str, case: &Case, alerts: &[Alert]) -> Choice {
    let fitting = rules
        .iter()
        .find_map(|rule| Some((rule, rule.why(case, alerts)?)));
    match fitting {
        Some((rule, why)) => Choice {
            path: rule.path.clone(),
            why,
        },
        None => Choice {
            path: default.to_owned(),
            why: "no rule fits, it is the default".into(),
        },
    }
}

/// All that is known about runbooks: the set, the rules, the default.
#[derive(Clone, Debug)]
pub struct Runbooks {
    library: Library,
    rules: Vec<Rule>,
    default: String,
}

/// The runbook of a case with the reason for it.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The runbook; its `file` is its path in the set.
    pub runbook: Arc<Runbook>,
    /// Why this one, as a fragment.
    pub why: Safe,
}

impl Default for Runbooks {
    fn default() -> Self {
        Self::new(Library::shipped(), Vec::new(), None)
    }
}

impl Runbooks {
    /// Joins a set with the rules of the configuration; our own rules hold where it has none.
    pub fn new(library: Library, rules: Vec<Rule>, default: Option<String>) -> Self {
        let rules = if rules.is_empty() {
            own_rules().to_vec()
        } else {
            rules
        };
        let default = default.unwrap_or_else(|| DEFAULT.to_owned());
        Self {
            library,
            rules,
            default,
        }
    }

    /// Gives the set.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// Gives the rules that hold, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Gives the path of the default.
    pub fn default_path(&self) -> &str {
        &self.default
    }

    /// Gives the runbook for a case that no rule fits.
    pub fn fallback(&self) -> Arc<Runbook> {
        self.find(&self.default)
            .or_else(|| self.library.get(DEFAULT))
            .or_else(|| Library::shipped().get(DEFAULT))
            .unwrap_or_else(|| Arc::new(super::parse_runbook("", "none.md")))
    }

    /// Chooses the runbook of a case; where the chosen one is not in the set, the default with the reason.
    pub fn for_case(&self, case: &Case, alerts: &[Alert]) -> Chosen {
        let Choice { path, why } = choose(&self.rules, &self.default, case, alerts);
        match self.find(&path) {
            Some(runbook) => Chosen { runbook, why },
            None => Chosen {
                runbook: self.fallback(),
                why: safe!(
                    "{}, but there is no runbook {}",
                    why,
                    Untrusted::new(path).field()
                ),
            },
        }
    }

    /// Gives a runbook by its path or its name, as rules and people write it.
    pub fn find(&self, name: &str) -> Option<Arc<Runbook>> {
        self.library.get(self.library.find(name)?)
    }

    /// Gives the runbook that `written` means in `from`, as a step's `runbooks` have it.
    pub fn linked(&self, from: &Runbook, written: &Untrusted) -> Option<Arc<Runbook>> {
        let path = self.library.resolve(from.file.raw(), written.raw())?;
        self.library.get(path)
    }

    /// Lists the rules whose runbook the set does not have.
    pub fn dangling(&self) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter(|rule| rule.line.is_some() && self.library.find(&rule.path).is_none())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use rstest::rstest;

    use super::*;
    use crate::domain::ids::{CaseId, ConnectionName};
    use crate::domain::severity::{CaseStatus, Severity};

    fn case(title: &str, tags: &[&str]) -> Case {
        Case {
            id: CaseId::new(ConnectionName::parse("hive").unwrap(), "~1"),
            number: Some(1),
            title: title.into(),
            description: "".into(),
            severity: Severity::High,
            status: CaseStatus::New,
            vendor_status: "New".into(),
            assignee: None,
            created: Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap(),
            updated: None,
            tags: tags.iter().map(|tag| Untrusted::new(*tag)).collect(),
            fields: Vec::new(),
        }
    }

    fn alert(title: &str, threat: Option<&str>) -> Alert {
        Alert {
            id: "1".into(),
            title: title.into(),
            severity: Severity::High,
            at: Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap(),
            blocked: None,
            threat: threat.map(Untrusted::new),
            hash: None,
            file: None,
            user_id: None,
            user_name: None,
            source_ip: None,
            guidance: None,
            ..Alert::default()
        }
    }

    fn rule(alert_type: &[&str], tag: &[&str], title: &[&str], path: &str) -> Rule {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(text)).collect();
        Rule {
            alert_type: patterns(alert_type),
            tag: patterns(tag),
            title: patterns(title),
            path: path.to_owned(),
            line: Some(1),
        }
    }

    #[rstest]
    #[case("phishing", "Phishing", true)]
    #[case("phishing", "spear phishing", false)]
    #[case("*phishing", "spear phishing", true)]
    #[case("phish*", "phishing", true)]
    #[case("*phish*mail*", "a phishing e-mail!", true)]
    #[case("*phish*mail*", "a mail that phishes", false)]
    #[case("ab*ba", "aba", false)]
    #[case("ab*ba", "abba", true)]
    #[case("*", "", true)]
    #[case("ÄRGER*", "ärger im Büro", true)]
    fn patterns(#[case] pattern: &str, #[case] text: &str, #[case] fits: bool) {
        assert_eq!(Pattern::new(pattern).fits(text), fits);
    }

    #[rstest]
    #[case::first_that_fits("Odd", &["vip", "mail"], &[], "mail.md", "the case has the tag mail")]
    #[case::all_must_fit("Odd", &["vip"], &[("Login from afar", None)], "default.md", "no rule fits, it is the default")]
    #[case::both("Odd", &["vip"], &[("x", None), ("Stolen", Some("Theft"))], "vip.md",
        "an alert is Theft and the case has the tag vip")]
    #[case::name_of_the_detection("Odd", &["vip"], &[("theft", None)], "vip.md",
        "an alert is theft and the case has the tag vip")]
    #[case::title("Server on fire", &[], &[], "fire.md", "the title is Server on fire")]
    #[case::none("", &[], &[], "default.md", "no rule fits, it is the default")]
    fn the_first_rule_that_fits_chooses(
        #[case] title: &str,
        #[case] tags: &[&str],
        #[case] alerts: &[(&str, Option<&str>)],
        #[case] path: &str,
        #[case] why: &str,
    ) {
        let rules = [
            rule(&["theft"], &["vip"], &[], "vip.md"),
            rule(&[], &["m*l"], &[], "mail.md"),
            rule(&[], &[], &["*fire*"], "fire.md"),
            rule(&[], &[], &[], "nothing-to-compare.md"),
        ];
        let alerts: Vec<Alert> = alerts
            .iter()
            .map(|(title, threat)| alert(title, *threat))
            .collect();
        let choice = choose(&rules, "default.md", &case(title, tags), &alerts);
        assert_eq!((choice.path.as_str(), choice.why.as_str()), (path, why));
    }

    #[rstest]
    #[case(&["identity", "compromised-account"], &[("Impossible travel", Some("risky sign-in"))], "compromised-account.md")]
    #[case(&["Phishing"], &[], "phishing-mail.md")]
    #[case(&[], &[("Mail", Some("Spearphishing Link"))], "phishing-mail.md")]
    #[case(&["malware"], &[], "malicious-process.md")]
    #[case(&[], &[("Odd", Some("unfamiliarFeatures"))], "risky-sign-in.md")]
    #[case(&[], &[("Impossible travel", Some("account-takeover"))], "compromised-account.md")]
    #[case(&[], &[], "compromised-account.md")]
    fn our_own_rules(
        #[case] tags: &[&str],
        #[case] alerts: &[(&str, Option<&str>)],
        #[case] path: &str,
    ) {
        let alerts: Vec<Alert> = alerts
            .iter()
            .map(|(title, threat)| alert(title, *threat))
            .collect();
        let runbooks = Runbooks::default();
        let chosen = runbooks.for_case(&case("phishing malware", tags), &alerts);
        assert_eq!(chosen.runbook.file.raw(), path, "{}", chosen.why);
    }

    #[test]
    fn a_rule_without_its_runbook_says_so_and_the_default_holds() {
        let rules = vec![rule(&[], &["vip"], &[], "gone.md")];
        let runbooks = Runbooks::new(Library::shipped(), rules, None);
        assert_eq!(runbooks.dangling().count(), 1);
        let chosen = runbooks.for_case(&case("x", &["vip"]), &[]);
        assert_eq!(chosen.runbook.file.raw(), DEFAULT);
        assert_eq!(
            chosen.why.as_str(),
            "the case has the tag vip, but there is no runbook gone.md"
        );
    }

    #[test]
    fn a_link_is_found_from_the_runbook_that_has_it() {
        let mut library = Library::default();
        library.add("irps/a.md", "# A\n".to_owned());
        library.add("steps/b.md", "# B\n".to_owned());
        let runbooks = Runbooks::new(library, Vec::new(), Some("irps/a".to_owned()));
        let first = runbooks.fallback();
        assert_eq!(first.title.raw(), "A");
        let linked = runbooks.linked(&first, &"../steps/b.md".into()).unwrap();
        assert_eq!(linked.file.raw(), "steps/b.md");
        assert!(runbooks.linked(&first, &"../steps/c.md".into()).is_none());
    }
}
