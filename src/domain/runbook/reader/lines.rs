//! Line numbers of a text.
//!
//! What must not live here: what stands on the lines.

use std::cell::Cell;

/// Finds line numbers of byte offsets; fast where each offset is near the one before it.
pub(super) struct Lines {
    starts: Vec<usize>,
    /// The answer before this one.
    last: Cell<usize>,
}

/// Lines that are tried one by one from the last answer on.
const NEAR: usize = 8;

impl Lines {
    pub fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            starts: std::iter::once(0)
                .chain(breaks.map(|(i, _)| i + 1))
                .collect(),
            last: Cell::new(1),
        }
    }

    pub fn at(&self, offset: usize) -> u32 {
        let begins = |line: usize| self.starts.get(line).is_some_and(|start| *start <= offset);
        let last = self.last.get();
        let near = (last..last + NEAR).find(|line| begins(line - 1) && !begins(*line));
        let line = near.unwrap_or_else(|| self.starts.partition_point(|start| *start <= offset));
        self.last.set(line);
        u32::try_from(line).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_lines_in_any_order() {
        let text = "a\n\nbc\n".repeat(40);
        let lines = Lines::of(&text);
        let slow = |offset: usize| {
            1 + text
                .bytes()
                .take(offset)
                .filter(|byte| *byte == b'\n')
                .count()
        };
        let order = (0..text.len())
            .chain((0..text.len()).rev())
            .chain([0, 100, 3, 3, 500]);
        for offset in order {
            assert_eq!(lines.at(offset) as usize, slow(offset), "{offset}");
        }
    }
}
