//! Whether a record that is remembered is still in its log, told without reading all of it.
//!
//! What must not live here: the file in which it is remembered, what follows from a record that is gone.

use std::path::Path;

use crate::domain::audit::Anchor;
use crate::store::audit::end::read_at;
use crate::store::audit::error::StoreError;
use crate::store::audit::owners::first_record;
use crate::store::audit::{opened, segments};

/// Bytes of a segment that are searched at first, from its end, and at most at once: what is looked for is near the end.
pub(super) const WINDOWS: (u64, u64) = (16 << 10, 1 << 20);

/// Tells whether a record is in one of the last two segments of its log: its hash covers all that stands before it.
pub(super) fn stands(dir: &Path, head: &Anchor) -> bool {
    let end = format!(",\"h\":\"{}\"}}\n", head.h);
    let own = segments::of(dir, &head.log).unwrap_or_default().segments;
    own.into_iter().rev().take(2).any(|seg| {
        let path = segments::path(dir, &head.log, seg);
        holds(&path, end.as_bytes()).unwrap_or(false)
    })
}

/// Tells whether the first record of a log comes behind another, which went with the segments that are not here.
pub(super) fn begins_behind(dir: &Path, head: &Anchor) -> bool {
    let own = segments::of(dir, &head.log).unwrap_or_default().segments;
    // A log that has its first segment is whole so far, or broken.
    if own.first().is_none_or(|seg| *seg <= 1) {
        return false;
    }
    let mut firsts = own.into_iter().filter_map(|seg| {
        let path = segments::path(dir, &head.log, seg);
        first_record(&path).ok()?.0
    });
    firsts.next().is_some_and(|first| first.n > head.n)
}

pub(super) fn holds(path: &Path, end: &[u8]) -> Result<bool, StoreError> {
    let file = opened::to_read(path)?;
    let found = file.metadata().map_err(StoreError::io("look at", path))?;
    let mut to = found.len();
    let (mut window, most) = WINDOWS;
    loop {
        let from = to.saturating_sub(window);
        let bytes = read_at(&file, from, to - from, path)?;
        if bytes.windows(end.len()).any(|window| window == end) {
            return Ok(true);
        }
        if from == 0 {
            return Ok(false);
        }
        // An end that lies across the border is seen whole.
        to = from + end.len() as u64;
        window = most.min(window * 4);
    }
}
