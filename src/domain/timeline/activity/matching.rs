//! Which rows pass a filter; every distinct text is compared once, however many rows carry it.
//!
//! What must not live here: how a filter is written.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use regex::RegexBuilder;

use super::{Activity, COLUMNS, Column, Row, Sym};
use crate::domain::text::Untrusted;
use crate::domain::timeline::annotation::Annotations;
use crate::domain::timeline::event::Term as _;
use crate::domain::timeline::filter::{Field, Filter, Pattern, Term};
use crate::domain::timeline::finding::Finding;

/// What is known of the rows beside their fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// What is odd.
    pub findings: &'a [Finding],
    /// What people said of events.
    pub said: Option<&'a Annotations>,
    /// Every name of the account the activity is about.
    pub names: &'a [Untrusted],
}

impl Field {
    /// Gives the columns of text it looks at.
    fn columns(self) -> &'static [Column] {
        use Column as C;
        match self {
            Self::User => &[
                C::UserName,
                C::UserEmail,
                C::UserId,
                C::TargetName,
                C::TargetEmail,
                C::TargetId,
            ],
            Self::Ip => &[C::Ip],
            Self::Place => &[C::Place, C::City, C::Country, C::CountryIso],
            Self::Network => &[C::Organization],
            Self::Agent => &[C::Agent],
            Self::Device => &[C::Device],
            Self::Session => &[C::Session],
            Self::Object => &[C::Object],
            Self::Action => &[C::Action],
            Self::Provider => &[C::Provider],
            Self::Lane
            | Self::Outcome
            | Self::Act
            | Self::Finding
            | Self::Tag
            | Self::Is
            | Self::Raw => &[],
        }
    }
}

/// A network: an address and how many of its bits count.
#[derive(Clone, Copy)]
struct Block(IpAddr, u32);

impl Block {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Self(address, bits))
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.0, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let rest = 32 - self.1;
                let differs = own.to_bits() ^ other.to_bits();
                differs.checked_shr(rest).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let rest = 128 - self.1;
                let differs = own.to_bits() ^ other.to_bits();
                differs.checked_shr(rest).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// How one text is compared.
enum Text {
    Address(IpAddr),
    Block(Block),
    Part(regex::Regex),
    Lower(String),
    Whole(String),
}

impl Text {
    fn of(field: Option<Field>, value: &Pattern) -> Self {
        match value {
            Pattern::Part(text) | Pattern::Whole(text) if field == Some(Field::Ip) => {
                if let Ok(address) = text.parse() {
                    Self::Address(address)
                } else if let Some(block) = Block::read(text) {
                    Self::Block(block)
                } else {
                    Self::part(text)
                }
            }
            Pattern::Part(text) => Self::part(text),
            Pattern::Whole(text) => Self::Whole(text.to_lowercase()),
            Pattern::Regex(expression) => Self::Part(expression.compiled().clone()),
        }
    }

    fn part(text: &str) -> Self {
        let built = RegexBuilder::new(&regex::escape(text))
            .case_insensitive(true)
            .build();
        // Only a text too long for an expression is left.
        built.map_or_else(|_| Self::Lower(text.to_lowercase()), Self::Part)
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Address(wanted) => text.parse() == Ok(*wanted),
            Self::Block(block) => text.parse().is_ok_and(|address| block.contains(address)),
            Self::Part(regex) => regex.is_match(text),
            Self::Lower(part) => text.to_lowercase().contains(part.as_str()),
            Self::Whole(whole) => text.to_lowercase() == *whole,
        }
    }
}

/// A term made ready for one activity.
enum Test<'a> {
    /// Some of the columns, each distinct text compared once.
    Texts {
        how: Text,
        columns: Vec<Column>,
        known: Vec<Option<bool>>,
    },
    Raw(Text),
    Words(&'a Pattern, Field),
    Rows(BTreeSet<usize>),
}

impl Activity {
    /// Gives the rows that pass, oldest first.
    pub fn select(&self, filter: &Filter, known: Known<'_>) -> Vec<usize> {
        let mut tests: Vec<(bool, Test<'_>)> = filter
            .terms
            .iter()
            .map(|term| (term.not, self.test(term, known)))
            .collect();
        (0..self.len())
            .filter(|index| {
                tests
                    .iter_mut()
                    .all(|(not, test)| self.passes(test, *index) != *not)
            })
            .collect()
    }

    fn test<'a>(&self, term: &'a Term, known: Known<'_>) -> Test<'a> {
        let value = &term.value;
        match term.field {
            Some(field @ (Field::Lane | Field::Outcome | Field::Act)) => Test::Words(value, field),
            Some(Field::Raw) => Test::Raw(Text::of(None, value)),
            Some(Field::Finding) => {
                let named = |finding: &&Finding| value.means(finding.rule.id());
                Test::Rows(evidence(known.findings.iter().filter(named)))
            }
            Some(Field::Tag) => {
                let how = Text::of(Some(Field::Tag), value);
                let rows = self.annotated(known, |said| {
                    said.tags.iter().any(|tag| how.fits(tag.raw()))
                });
                Test::Rows(rows)
            }
            Some(Field::Is) => Test::Rows(self.being(value, known)),
            field => Test::Texts {
                how: Text::of(field, value),
                columns: match field {
                    Some(field) => field.columns().to_vec(),
                    None => Column::ALL.to_vec(),
                },
                known: vec![None; self.texts.len()],
            },
        }
    }

    /// Gives the rows that are one of the things a pattern means.
    fn being(&self, value: &Pattern, known: Known<'_>) -> BTreeSet<usize> {
        let mut rows = BTreeSet::new();
        if value.means("finding") {
            rows.extend(evidence(known.findings.iter()));
        }
        if value.means("marked") {
            rows.extend(self.annotated(known, |said| said.marked));
        }
        if value.means("noted") {
            rows.extend(self.annotated(known, |said| !said.notes.is_empty()));
        }
        if value.means("tagged") {
            rows.extend(self.annotated(known, |said| !said.tags.is_empty()));
        }
        if value.means("posted") {
            rows.extend(self.annotated(known, |said| said.posted.is_some()));
        }
        if value.means("other") {
            let others = self.rows().filter(|row| row.is_by_other(known.names));
            rows.extend(others.map(|row| row.index()));
        }
        rows
    }

    /// Gives the rows of which people said something that fits.
    fn annotated(
        &self,
        known: Known<'_>,
        fits: impl Fn(&crate::domain::timeline::annotation::Annotation) -> bool,
    ) -> BTreeSet<usize> {
        let Some(said) = known.said.filter(|said| !said.is_empty()) else {
            return BTreeSet::new();
        };
        self.rows()
            .filter(|row| said.of(&row.key()).is_some_and(&fits))
            .map(|row| row.index())
            .collect()
    }

    fn passes(&self, test: &mut Test<'_>, index: usize) -> bool {
        let (Some(row), Some(slot)) = (self.row(index), self.order.get(index)) else {
            return false;
        };
        match test {
            Test::Texts {
                how,
                columns,
                known,
            } => columns.iter().any(|column| {
                let sym = self.cells[*column as usize][*slot as usize];
                self.fits(how, known, sym)
            }),
            Test::Raw(how) => how.fits(row.raw().raw()),
            Test::Words(value, Field::Lane) => value.means(row.lane().key()),
            Test::Words(value, Field::Outcome) => {
                let outcome = row.outcome();
                value.means(outcome.key()) || value.means(outcome.word())
            }
            Test::Words(value, _) => row.act().is_some_and(|act| value.means(act.key())),
            Test::Rows(rows) => rows.contains(&index),
        }
    }

    fn fits(&self, how: &Text, known: &mut [Option<bool>], sym: Sym) -> bool {
        let Some(text) = self.symbol(sym) else {
            return false;
        };
        match known.get_mut(sym.number()) {
            Some(known) => *known.get_or_insert_with(|| how.fits(text.raw())),
            None => false,
        }
    }

    /// Gives the distinct texts of a field, the commonest first.
    pub fn seen(&self, field: Field) -> Vec<String> {
        let mut counts: HashMap<Sym, usize> = HashMap::new();
        for column in field.columns() {
            for sym in &self.cells[*column as usize] {
                *counts.entry(*sym).or_default() += 1;
            }
        }
        let mut counts: Vec<(usize, &Untrusted)> = counts
            .into_iter()
            .filter_map(|(sym, count)| Some((count, self.symbol(sym)?)))
            .collect();
        counts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        counts
            .into_iter()
            .map(|(_, text)| text.raw().to_owned())
            .collect()
    }
}

impl Column {
    /// Lists the columns a plain text is looked for in.
    const ALL: [Self; COLUMNS] = [
        Self::Action,
        Self::Object,
        Self::UserName,
        Self::UserEmail,
        Self::UserId,
        Self::TargetName,
        Self::TargetEmail,
        Self::TargetId,
        Self::Ip,
        Self::Place,
        Self::City,
        Self::Country,
        Self::CountryIso,
        Self::Organization,
        Self::Agent,
        Self::Device,
        Self::Session,
        Self::Provider,
        Self::Reason,
        Self::Id,
    ];
}

fn evidence<'a>(findings: impl Iterator<Item = &'a Finding>) -> BTreeSet<usize> {
    let rows = findings.flat_map(|finding| finding.evidence.iter().copied().chain([finding.row]));
    rows.collect()
}

impl Row<'_> {
    /// Gives the name under which the event is known again in another search: its id, else its content.
    pub fn key(&self) -> Untrusted {
        if let Some(id) = self.id() {
            return id.clone();
        }
        let texts = [self.action(), self.ip(), self.user_name()];
        let texts = texts.map(|text| text.map(Untrusted::raw).unwrap_or_default());
        Untrusted::new(format!(
            "{} {}",
            self.at().timestamp_millis(),
            texts.join(" ")
        ))
    }

    /// Tells whether somebody else than the account with these names acted.
    pub fn is_by_other(&self, names: &[Untrusted]) -> bool {
        let columns = [Column::UserId, Column::UserName, Column::UserEmail];
        let actor: Vec<&Untrusted> = columns
            .into_iter()
            .filter_map(|column| self.text(column))
            .collect();
        let is_own = |text: &&Untrusted| {
            names
                .iter()
                .any(|name| name.raw().eq_ignore_ascii_case(text.raw()))
        };
        !names.is_empty() && !actor.is_empty() && !actor.iter().any(is_own)
    }
}
