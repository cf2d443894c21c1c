//! The numbers behind the texts of a row, so that rules compare numbers and never copy text.

use super::{Activity, Column, Row, Sym};
use crate::domain::text::Untrusted;

/// Numbers of the texts of one row; equal numbers are equal texts, the default is "nothing".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::domain::timeline) struct Symbols {
    /// Who acted: id, name, mail.
    pub(in crate::domain::timeline) user: [Sym; 3],
    /// Whom it was done to: id, name, mail.
    pub(in crate::domain::timeline) target: [Sym; 3],
    pub(in crate::domain::timeline) ip: Sym,
    pub(in crate::domain::timeline) city: Sym,
    pub(in crate::domain::timeline) country: Sym,
    pub(in crate::domain::timeline) country_iso: Sym,
    pub(in crate::domain::timeline) agent: Sym,
    pub(in crate::domain::timeline) device: Sym,
    pub(in crate::domain::timeline) session: Sym,
    pub(in crate::domain::timeline) object: Sym,
}

impl Sym {
    /// Gives the number, below [`Activity::symbol_count`].
    pub(in crate::domain::timeline) fn number(self) -> usize {
        self.0 as usize
    }

    /// Tells whether it names no text.
    pub(in crate::domain::timeline) fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Activity {
    /// Gives how many texts there are.
    pub(in crate::domain::timeline) fn symbol_count(&self) -> usize {
        self.texts.len()
    }

    /// Gives the text of a number.
    pub(in crate::domain::timeline) fn symbol(&self, sym: Sym) -> Option<&Untrusted> {
        self.text(sym)
    }
}

impl Row<'_> {
    /// Gives the numbers of its texts.
    pub(in crate::domain::timeline) fn symbols(&self) -> Symbols {
        let get = |column: Column| self.activity.cells[column as usize][self.slot];
        Symbols {
            user: [Column::UserId, Column::UserName, Column::UserEmail].map(get),
            target: [Column::TargetId, Column::TargetName, Column::TargetEmail].map(get),
            ip: get(Column::Ip),
            city: get(Column::City),
            country: get(Column::Country),
            country_iso: get(Column::CountryIso),
            agent: get(Column::Agent),
            device: get(Column::Device),
            session: get(Column::Session),
            object: get(Column::Object),
        }
    }

    /// Gives `source.as.number`.
    pub(in crate::domain::timeline) fn system(&self) -> Option<u32> {
        self.fixed().system
    }
}
