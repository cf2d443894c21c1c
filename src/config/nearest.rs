//! The nearest known name to one that is not known, for hints.

/// Finds the known name nearest to `name`, where one is near enough to be what was meant.
///
/// Near enough: at most a third of the longer name's characters inserted, deleted, replaced or swapped.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    // Names of fields are short; a long one costs time and is near to nothing.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|candidate| {
            (
                distance(&name, &candidate.to_lowercase().replace('-', "_")),
                candidate,
            )
        })
        .filter(|(steps, candidate)| {
            *steps * 3 <= name.chars().count().max(candidate.chars().count())
        })
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| *candidate)
}

/// Counts insertions, deletions, replacements and swaps of neighbours between two names.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut steps = (rows[i][j] + usize::from(x != y))
                .min(rows[i][j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                steps = steps.min(rows[i - 1][j - 1] + 1);
            }
            row.push(steps);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const KNOWN: &[&str] = &[
        "name",
        "vendor",
        "url",
        "roles",
        "secret",
        "poll",
        "alerts_index",
    ];

    #[rstest]
    #[case("vendro", Some("vendor"))]
    #[case("Vendor", Some("vendor"))]
    #[case("alerts-index", Some("alerts_index"))]
    #[case("role", Some("roles"))]
    #[case("uri", Some("url"))]
    #[case("colour", None)]
    #[case("", None)]
    fn what_was_meant(#[case] name: &str, #[case] meant: Option<&str>) {
        assert_eq!(nearest(name, KNOWN), meant);
    }

    proptest! {
        #[test]
        fn the_distance_is_a_measure(a in ".{0,12}", b in ".{0,12}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert!(distance(&a, &b) <= a.chars().count().max(b.chars().count()));
        }
    }
}
