//! One row of the columns, borrowed: what an event says, by name.

use chrono::{DateTime, Utc};

use super::{Activity, Column, Fixed, Lane, Outcome};
use crate::domain::text::{Excerpt, Untrusted};
use crate::domain::timeline::event::{Act, Category, Kind, Network, Party, Set, Signal};

/// One row, borrowed from the columns.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub(super) activity: &'a Activity,
    /// Its place in the order of time.
    pub(super) index: usize,
    /// Its place in the columns, which are in the order of arrival.
    pub(super) slot: usize,
}

impl<'a> Row<'a> {
    pub(super) fn fixed(&self) -> &'a Fixed {
        &self.activity.fixed[self.slot]
    }

    pub(super) fn text(&self, column: Column) -> Option<&'a Untrusted> {
        self.activity
            .text(self.activity.cells[column as usize][self.slot])
    }

    /// Gives the place of the row among all rows.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Gives the time of the event; 1970 where it has none ([`Row::untimed`]).
    pub fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.fixed().at).unwrap_or_default()
    }

    /// Tells whether the event has no time.
    pub fn untimed(&self) -> bool {
        self.fixed().untimed
    }

    /// Gives when the SIEM had it.
    pub fn ingested(&self) -> Option<DateTime<Utc>> {
        self.fixed()
            .ingested
            .and_then(DateTime::from_timestamp_millis)
    }

    /// Gives the lane.
    pub fn lane(&self) -> Lane {
        self.fixed().lane
    }

    /// Gives what was done, in one word for every vendor.
    pub fn act(&self) -> Option<Act> {
        self.fixed().act
    }

    /// Gives the outcome.
    pub fn outcome(&self) -> Outcome {
        self.fixed().outcome
    }

    /// Gives `event.category`.
    pub fn category(&self) -> Set<Category> {
        self.fixed().category
    }

    /// Gives `event.type`.
    pub fn kind(&self) -> Set<Kind> {
        self.fixed().kind
    }

    /// Gives what else is known of source and way.
    pub fn signals(&self) -> Set<Signal> {
        self.fixed().signals
    }

    /// Gives latitude and longitude of the source, degrees.
    pub fn point(&self) -> Option<(f32, f32)> {
        self.fixed().point
    }

    /// Tells whether the place is that of a local database, and not the vendor's.
    pub fn place_by_database(&self) -> bool {
        self.fixed().by_database
    }

    /// Gives the line of the record in its file, from 1; 0 where there is no file.
    pub fn line(&self) -> u32 {
        self.fixed().line
    }

    /// Gives the key of the decoder that read it from a file; empty where there is no file.
    pub fn source(&self) -> &'static str {
        self.fixed().source
    }

    /// Gives `event.action`.
    pub fn action(&self) -> Option<&'a Untrusted> {
        self.text(Column::Action)
    }

    /// Gives `source.ip`, or `source.address` where it is no IP address.
    pub fn ip(&self) -> Option<&'a Untrusted> {
        self.text(Column::Ip)
    }

    /// Gives the place of the source in words.
    pub fn place(&self) -> Option<&'a Untrusted> {
        self.text(Column::Place)
    }

    /// Gives `source.geo.city_name`.
    pub fn city(&self) -> Option<&'a Untrusted> {
        self.text(Column::City)
    }

    /// Gives `source.geo.country_name` only.
    pub fn country_name(&self) -> Option<&'a Untrusted> {
        self.text(Column::Country)
    }

    /// Gives `source.geo.country_name`, else the code.
    pub fn country(&self) -> Option<&'a Untrusted> {
        self.text(Column::Country).or_else(|| self.country_iso())
    }

    /// Gives `source.geo.country_iso_code`.
    pub fn country_iso(&self) -> Option<&'a Untrusted> {
        self.text(Column::CountryIso)
    }

    /// Gives the autonomous system of the source.
    pub fn network(&self) -> Network {
        Network {
            number: self.fixed().system,
            organization: self.text(Column::Organization).cloned(),
        }
    }

    /// Gives `user_agent.original`.
    pub fn agent(&self) -> Option<&'a Untrusted> {
        self.text(Column::Agent)
    }

    /// Gives `device.id`.
    pub fn device(&self) -> Option<&'a Untrusted> {
        self.text(Column::Device)
    }

    /// Gives the session.
    pub fn session(&self) -> Option<&'a Untrusted> {
        self.text(Column::Session)
    }

    /// Gives `event.provider`.
    pub fn provider(&self) -> Option<&'a Untrusted> {
        self.text(Column::Provider)
    }

    /// Gives what it was done to.
    pub fn object(&self) -> Option<&'a Untrusted> {
        self.text(Column::Object)
    }

    /// Gives the reason or message.
    pub fn reason(&self) -> Option<&'a Untrusted> {
        self.text(Column::Reason)
    }

    /// Gives `user.name` of the actor.
    pub fn user_name(&self) -> Option<&'a Untrusted> {
        self.text(Column::UserName)
    }

    /// Gives who acted.
    pub fn user(&self) -> Party {
        Party {
            id: self.text(Column::UserId).cloned(),
            name: self.text(Column::UserName).cloned(),
            email: self.text(Column::UserEmail).cloned(),
        }
    }

    /// Gives whose account it was done to.
    pub fn target(&self) -> Party {
        Party {
            id: self.text(Column::TargetId).cloned(),
            name: self.text(Column::TargetName).cloned(),
            email: self.text(Column::TargetEmail).cloned(),
        }
    }

    /// Gives `event.id`.
    pub fn id(&self) -> Option<&'a Untrusted> {
        self.text(Column::Id)
    }

    /// Gives the record as it came.
    pub fn raw(&self) -> &'a Excerpt {
        &self.activity.raw[self.slot]
    }
}
