//! A set of runbooks by path: how one finds another that it names, and what does not lead anywhere.
//!
//! Paths are those inside the set: parts joined by `/`, never above its root. What lives here: the set, the order
//! in which a written path is looked for, missing links and loops. What must not: io (`store` reads the folders).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use super::builtin::builtin;
use super::{Notice, Runbook, parse_runbook};
use crate::domain::text::Untrusted;

/// Longest path that is looked for, in bytes.
const LONGEST_PATH: usize = 1024;
/// Most runbooks gone through in search of a loop.
const MOST_VISITED: usize = 2_000;

/// A set of runbooks by path.
#[derive(Clone, Debug, Default)]
pub struct Library {
    books: BTreeMap<String, Book>,
    /// File names in lower case to the paths that end in them.
    names: HashMap<String, Vec<String>>,
}

/// One runbook of the set; read when it is first asked for.
#[derive(Clone, Debug)]
struct Book {
    text: String,
    shipped: bool,
    read: OnceLock<Arc<Runbook>>,
}

impl Library {
    /// Makes the set of the runbooks that quell brings along.
    pub fn shipped() -> Self {
        let mut library = Self::default();
        for (path, text) in builtin() {
            library.put((*path).to_owned(), (*text).to_owned(), true);
        }
        library
    }

    /// Adds a runbook, where the path is one inside a set and not taken by a runbook that was added before.
    ///
    /// One of our own gives way to another with its path. Tells whether it was added.
    pub fn add(&mut self, path: &str, text: String) -> bool {
        let Some(clean) = join("", path).filter(|clean| clean == path) else {
            return false;
        };
        if self.books.get(&clean).is_some_and(|book| !book.shipped) {
            return false;
        }
        self.put(clean, text, false);
        true
    }

    fn put(&mut self, path: String, text: String, shipped: bool) {
        let paths = self.names.entry(name_of(&path).to_lowercase()).or_default();
        if !paths.contains(&path) {
            paths.push(path.clone());
        }
        let read = OnceLock::new();
        let book = Book {
            text,
            shipped,
            read,
        };
        self.books.insert(path, book);
    }

    /// Gives the paths in their order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.books.keys().map(String::as_str)
    }

    /// Counts the runbooks.
    pub fn len(&self) -> usize {
        self.books.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.books.is_empty()
    }

    /// Gives the runbook with this path; its `file` is the path.
    pub fn get(&self, path: &str) -> Option<Arc<Runbook>> {
        let (path, book) = self.books.get_key_value(path)?;
        let read = || Arc::new(parse_runbook(&book.text, path));
        Some(Arc::clone(book.read.get_or_init(read)))
    }

    /// Tells whether the runbook with this path is one that quell brings along.
    pub fn is_shipped(&self, path: &str) -> bool {
        self.books.get(path).is_some_and(|book| book.shipped)
    }

    /// Finds a runbook by what a person calls it: its path, its file name, either without the extension.
    pub fn find(&self, name: &str) -> Option<&str> {
        let clean = join("", name.trim())?;
        self.member(&clean)
            .or_else(|| self.only(|path| plain_stem(path) == plain_stem(&clean)))
    }

    /// Finds the runbook that `written` means in the runbook at `from`; never one outside the set.
    ///
    /// Looked for relative to the file, then to each folder above it, then without the path's first folders, then
    /// by a file name that the set has once. `/name` is a slash command: the one runbook of that name, or the
    /// `SKILL.md` in the one folder of that name.
    pub fn resolve(&self, from: &str, written: &str) -> Option<&str> {
        let written = tidy(written)?;
        if let Some(command) = slash_command(&written) {
            return self.command(command);
        }
        let folders = folders_of(from);
        let near = folders
            .iter()
            .filter(|_| !written.starts_with('/'))
            .find_map(|folder| self.member(&join(folder, &written)?));
        near.or_else(|| self.stripped(&folders, &written))
            .or_else(|| self.by_name(&written))
    }

    /// Tries the path without its first folders, the longest rest first, from each folder.
    fn stripped(&self, folders: &[&str], written: &str) -> Option<&str> {
        let parts: Vec<&str> = written
            .split('/')
            .filter(|part| !matches!(*part, "" | "." | ".."))
            .collect();
        (0..parts.len()).find_map(|skip| {
            let rest = parts.get(skip..)?.join("/");
            folders
                .iter()
                .find_map(|folder| self.member(&join(folder, &rest)?))
        })
    }

    fn by_name(&self, written: &str) -> Option<&str> {
        let name = name_of(written).to_lowercase();
        let one = |name: &str| {
            let paths = self.names.get(name)?;
            self.one_of(paths.iter().map(String::as_str))
        };
        one(&name).or_else(|| one(&format!("{name}.md")))
    }

    fn command(&self, name: &str) -> Option<&str> {
        let wanted = plain_name(name);
        self.only(|path| plain_stem(path) == wanted)
            .or_else(|| self.only(|path| skill_folder(path).is_some_and(|f| f == wanted)))
    }

    /// Gives the only path that fits; none when two do.
    fn only(&self, fits: impl Fn(&str) -> bool) -> Option<&str> {
        self.one_of(self.paths().filter(|path| fits(path)))
    }

    /// Gives the only path, where ours count only when there is no other.
    fn one_of<'a>(&self, paths: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let (ours, mut house): (Vec<&str>, Vec<&str>) =
            paths.partition(|path| self.is_shipped(path));
        if house.is_empty() {
            house = ours;
        }
        match house.as_slice() {
            [path] => Some(path),
            _ => None,
        }
    }

    fn member(&self, path: &str) -> Option<&str> {
        let known = |path: &str| self.books.get_key_value(path).map(|(key, _)| key.as_str());
        known(path).or_else(|| known(&format!("{path}.md")))
    }

    /// Lists the links of a runbook that lead nowhere or back to it, by line.
    pub fn link_notices(&self, path: &str) -> Vec<Notice> {
        let mut notices = self.missing(path);
        notices.extend(self.loops(path));
        notices.sort_by_key(|notice| notice.line);
        notices
    }

    /// Lists the linked runbooks of a runbook that the set does not have.
    pub fn missing(&self, path: &str) -> Vec<Notice> {
        let Some(runbook) = self.get(path) else {
            return Vec::new();
        };
        let absent = |link: &&super::Link| self.resolve(path, link.path.raw()).is_none();
        runbook
            .linked_runbooks
            .iter()
            .filter(absent)
            .map(|link| Notice {
                line: link.line,
                text: Untrusted::new(format!("linked runbook '{}' not found", link.path.raw())),
            })
            .collect()
    }

    /// Lists the links of a runbook from which one comes back to it, with the way.
    pub fn loops(&self, path: &str) -> Vec<Notice> {
        let Some(runbook) = self.get(path) else {
            return Vec::new();
        };
        let back = |link: &super::Link| {
            let first = self.resolve(path, link.path.raw())?;
            let way = self.way(first, path)?;
            let text = if first == path {
                "links to itself".to_owned()
            } else {
                format!("links in a loop: {path} -> {}", way.join(" -> "))
            };
            Some(Notice {
                line: link.line,
                text: Untrusted::new(text),
            })
        };
        runbook.linked_runbooks.iter().filter_map(back).collect()
    }

    /// Finds the shortest way over links between two runbooks, both ends included.
    fn way(&self, from: &str, to: &str) -> Option<Vec<&str>> {
        let (from, _) = self.books.get_key_value(from)?;
        let mut before: HashMap<&str, Option<&str>> = HashMap::from([(from.as_str(), None)]);
        let mut next = VecDeque::from([from.as_str()]);
        while let Some(here) = next.pop_front() {
            if here == to {
                let step = |at: &&str| before.get(*at).copied().flatten();
                let mut way: Vec<&str> = std::iter::successors(Some(here), step).collect();
                way.reverse();
                return Some(way);
            }
            if before.len() > MOST_VISITED {
                return None;
            }
            for link in self
                .get(here)
                .iter()
                .flat_map(|runbook| &runbook.linked_runbooks)
            {
                if let Some(there) = self.resolve(here, link.path.raw())
                    && !before.contains_key(there)
                {
                    before.insert(there, Some(here));
                    next.push_back(there);
                }
            }
        }
        None
    }
}

/// Takes anchor, encoded spaces and foreign separators off a path; `None` when it is no path of a file.
fn tidy(written: &str) -> Option<String> {
    let written = written.trim().trim_matches(['<', '>', '`']);
    let bare = written.split(['#', '?']).next().unwrap_or_default().trim();
    let outside = bare.contains("://") || bare.starts_with("mailto:") || bare.starts_with("//");
    let odd = bare.is_empty() || bare.len() > LONGEST_PATH || bare.chars().any(char::is_control);
    (!outside && !odd).then(|| bare.replace("%20", " ").replace('\\', "/"))
}

/// `/enrich-ioc`: one word behind a slash and no extension.
fn slash_command(written: &str) -> Option<&str> {
    let name = written.strip_prefix('/')?;
    let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    (!name.is_empty() && name.chars().all(word)).then_some(name)
}

/// Joins a folder of the set and a relative path; `None` when that leaves the set.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    if path.starts_with('/') || path.contains('\0') {
        return None;
    }
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Lists the folder of a file and those above it, the root as an empty text last.
fn folders_of(path: &str) -> Vec<&str> {
    let own = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    std::iter::successors(Some(own), |folder| above(folder)).collect()
}

fn above(folder: &str) -> Option<&str> {
    match folder.rsplit_once('/') {
        Some((above, _)) => Some(above),
        None if folder.is_empty() => None,
        None => Some(""),
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Gives a name as people type it: lower case, no difference between `-`, `_` and a space.
fn plain_name(name: &str) -> String {
    name.to_lowercase().replace(['_', ' '], "-")
}

fn plain_stem(path: &str) -> String {
    let name = name_of(path);
    plain_name(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

/// Gives the name of the folder that a `SKILL.md` stands in.
fn skill_folder(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/')?;
    file.eq_ignore_ascii_case("skill.md")
        .then(|| plain_name(name_of(folder)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn set(files: &[(&str, &str)]) -> Library {
        let mut library = Library::default();
        for (path, text) in files {
            assert!(library.add(path, (*text).to_owned()), "{path}");
        }
        library
    }

    fn house() -> Library {
        let paths = [
            "irps/account.md",
            "irps/phishing.md",
            "common_steps/confirm.md",
            "common_steps/enrich_ioc.md",
            "triage.md",
            "run_books/deep/one.md",
            "a/twice.md",
            "b/twice.md",
            "skills/close-case/SKILL.md",
            "with space.md",
        ];
        set(&paths.map(|path| (path, "# T\n")))
    }

    #[rstest]
    #[case::beside("irps/account.md", "phishing.md", Some("irps/phishing.md"))]
    #[case::dotted("irps/account.md", "./phishing.md", Some("irps/phishing.md"))]
    #[case::above("irps/account.md", "../triage.md", Some("triage.md"))]
    #[case::relative(
        "irps/account.md",
        "../common_steps/confirm.md",
        Some("common_steps/confirm.md")
    )]
    #[case::from_root(
        "irps/account.md",
        "common_steps/confirm.md",
        Some("common_steps/confirm.md")
    )]
    #[case::workspace(
        "irps/account.md",
        ".rules/books/common_steps/confirm.md",
        Some("common_steps/confirm.md")
    )]
    #[case::workspace_root("irps/account.md", ".rules/books/triage.md", Some("triage.md"))]
    #[case::wrong_folder("irps/account.md", "../phishing.md", Some("irps/phishing.md"))]
    #[case::above_the_root("triage.md", "../../irps/phishing.md", Some("irps/phishing.md"))]
    #[case::absolute("triage.md", "/irps/phishing.md", Some("irps/phishing.md"))]
    #[case::unique("triage.md", "one.md", Some("run_books/deep/one.md"))]
    #[case::ambiguous("triage.md", "twice.md", None)]
    #[case::near_one_of_two("a/x.md", "twice.md", Some("a/twice.md"))]
    #[case::anchor("triage.md", "irps/phishing.md#contain", Some("irps/phishing.md"))]
    #[case::only_anchor("triage.md", "#contain", None)]
    #[case::encoded("irps/account.md", "../with%20space.md", Some("with space.md"))]
    #[case::no_extension(
        "irps/account.md",
        "../common_steps/confirm",
        Some("common_steps/confirm.md")
    )]
    #[case::slash("irps/account.md", "/enrich-ioc", Some("common_steps/enrich_ioc.md"))]
    #[case::slash_folder("irps/account.md", "/close-case", Some("skills/close-case/SKILL.md"))]
    #[case::slash_two("irps/account.md", "/twice", None)]
    #[case::slash_unheard("irps/account.md", "/nothing", None)]
    #[case::missing("irps/account.md", "../report_writing.md", None)]
    #[case::web("irps/account.md", "https://example.com/triage.md", None)]
    #[case::passwd("irps/account.md", "/etc/passwd", None)]
    #[case::empty("irps/account.md", "", None)]
    fn paths_are_looked_for_in_their_order(
        #[case] from: &str,
        #[case] written: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(house().resolve(from, written), expected);
    }

    #[rstest]
    #[case("triage.md", Some("triage.md"))]
    #[case("triage", Some("triage.md"))]
    #[case("Enrich-IOC", Some("common_steps/enrich_ioc.md"))]
    #[case("irps/phishing", Some("irps/phishing.md"))]
    #[case("twice", None)]
    #[case("../triage.md", None)]
    fn people_leave_the_extension_out(#[case] name: &str, #[case] expected: Option<&str>) {
        assert_eq!(house().find(name), expected);
    }

    #[rstest]
    #[case("../x.md")]
    #[case("/x.md")]
    #[case("a//x.md")]
    #[case("")]
    #[case("a/../x.md")]
    fn a_path_that_is_not_one_inside_the_set_is_not_added(#[case] path: &str) {
        assert!(!Library::default().add(path, String::new()));
    }

    #[test]
    fn a_runbook_of_the_house_replaces_ours_and_nothing_replaces_it() {
        let mut library = Library::shipped();
        assert!(library.is_shipped("compromised-account.md"));
        assert!(library.add("compromised-account.md", "# Mine\n".to_owned()));
        assert!(!library.add("compromised-account.md", "# Other\n".to_owned()));
        assert!(!library.is_shipped("compromised-account.md"));
        let mine = library.get("compromised-account.md").unwrap();
        assert_eq!(mine.title.raw(), "Mine");
        assert_eq!(library.len(), builtin().len());
    }

    #[test]
    fn ours_is_meant_only_when_the_house_has_none_of_the_name() {
        let mut library = Library::shipped();
        assert_eq!(
            library.resolve("x/y.md", "/compromised-account"),
            Some("compromised-account.md")
        );
        library.add("irps/compromised_account.md", String::new());
        assert_eq!(
            library.resolve("x/y.md", "/compromised-account"),
            Some("irps/compromised_account.md")
        );
    }

    #[test]
    fn loops_and_missing_links_are_notices_with_their_lines() {
        let library = set(&[
            (
                "a.md",
                "# A\n\n## Contain\n\n1. See `b.md`\n2. See `gone.md`\n",
            ),
            ("b.md", "# B\n\n## Contain\n\n1. See `sub/c.md`\n"),
            ("sub/c.md", "# C\n\n## Contain\n\n1. See `../a.md`\n"),
            ("self.md", "# S\n\n## Contain\n\n1. Once more `self.md`\n"),
            ("into.md", "# I\n\n## Contain\n\n1. See `a.md`\n"),
        ]);
        let said = |path: &str| -> Vec<(u32, String)> {
            let notices = library.link_notices(path).into_iter();
            notices.map(|n| (n.line, n.text.raw().to_owned())).collect()
        };
        let round = "links in a loop: a.md -> b.md -> sub/c.md -> a.md";
        assert_eq!(
            said("a.md"),
            [
                (5, round.to_owned()),
                (6, "linked runbook 'gone.md' not found".to_owned())
            ]
        );
        // A runbook that says its own name sends nobody anywhere: the reader takes it for no link.
        assert_eq!(said("self.md"), []);
        assert_eq!(said("into.md"), []);
        assert_eq!(said("unheard.md"), []);
    }

    proptest! {
        #[test]
        fn whatever_is_written_leads_into_the_set_or_nowhere(
            from in "[a-z./]{0,20}",
            written in prop_oneof!["\\PC{0,40}", "(\\.\\./|\\./|/|[a-z]{1,5}/|%20|\\\\){0,8}[a-z]{0,6}(\\.md)?(#x)?"],
        ) {
            let house = house();
            if let Some(found) = house.resolve(&from, &written) {
                prop_assert!(house.paths().any(|path| path == found));
                prop_assert!(!found.starts_with('/') && found.split('/').all(|part| part != ".."));
            }
        }

        #[test]
        fn no_join_leaves_the_root(folder in "[a-z/.]{0,20}", path in "[a-z/.]{0,30}") {
            if let Some(joined) = join(&folder, &path) {
                prop_assert!(!joined.is_empty() && !joined.starts_with('/'));
                prop_assert!(joined.split('/').all(|part| !matches!(part, "" | "." | "..")));
            }
        }
    }
}
