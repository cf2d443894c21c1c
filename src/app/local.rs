//! The local time of the user beside UTC, and how late an event came: what is known, and that it is not.
//!
//! What must not live here: the rules of time zones (`domain::timeline::zone`).

use crate::app::model::{Model, OpenCase};
use crate::domain::freshness::{age_word, time_word};
use crate::domain::text::Safe;
use crate::domain::timeline::activity::Row;
use crate::domain::timeline::zone::Zone;
use crate::safe;

/// Gives the zone of the user's local time, and who says so: the provider first, then the configuration.
pub fn zone(model: &Model, open: &OpenCase) -> Option<(Zone, &'static str)> {
    let account = open.the_account().and_then(|account| account.zone.as_ref());
    let by_account = account.and_then(|name| Zone::named(name.raw()));
    let own = by_account.map(|zone| (zone, "by the account"));
    own.or_else(|| Some((model.settings.timeline.zone?, "configured")))
}

/// Says when an event happened, there and here, and how late the SIEM had it.
pub fn times(model: &Model, open: &OpenCase, row: Row<'_>) -> Safe {
    if row.untimed() {
        return "the record has no time that can be read\n\n".into();
    }
    let local = match zone(model, open) {
        Some((zone, who)) => safe!(
            "their time  {}  {} {}, {}\n",
            zone.day_and_time(row.at()),
            zone.name(),
            zone.offset(row.at()),
            who
        ),
        None => "their time  not known: neither the provider nor [timeline] zone says it\n".into(),
    };
    let ingested = match row.ingested() {
        Some(at) => safe!(
            "ingested    {}, {} later\n",
            time_word(at),
            age_word((at - row.at()).to_std().unwrap_or_default())
        ),
        None => "ingested    the record does not say\n".into(),
    };
    safe!(
        "happened    {}\n{}{}\n",
        time_word(row.at()),
        local,
        ingested
    )
}
