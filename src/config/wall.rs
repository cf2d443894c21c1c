//! The section `[wall]`.

use std::time::Duration;

use super::fault::Faults;
use super::section::Section;
use super::settings::{Names, Wall};

/// Reads what the wall shows.
pub(super) fn parse_wall(faults: &mut Faults<'_>, section: &Section<'_>) -> Wall {
    section.refuse_unknown(faults, &["names", "page"]);
    let words = [("short", Names::Short), ("full", Names::Full)];
    let range = Duration::from_secs(5)..=Duration::from_secs(600);
    let mut wall = Wall::default();
    if let Some(names) = section
        .get("names")
        .and_then(|entry| entry.one_of(faults, &words))
    {
        wall.names = names;
    }
    if let Some(page) = section
        .get("page")
        .and_then(|entry| entry.duration(faults, &range))
    {
        wall.page = page;
    }
    wall
}
