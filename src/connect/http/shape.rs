//! The outer shape of a JSON answer, checked before it is parsed: nesting and length of arrays.
//!
//! What must not live here: the meaning of an answer.

use super::limits::Limits;

/// Why an answer is not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    #[error("JSON is nested deeper than the limit")]
    Depth,
    #[error("a JSON array is longer than the limit")]
    Elements,
}

/// Checks nesting and array lengths in one pass without building anything.
///
/// Text that is not JSON passes here: the parser says so better.
pub(crate) fn check(text: &[u8], limits: &Limits) -> Result<(), ShapeError> {
    // One entry per open bracket: commas seen so far in an array, nothing for an object.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                if open.len() >= limits.depth {
                    return Err(ShapeError::Depth);
                }
                open.push((*byte == b'[').then_some(1));
            }
            b']' | b'}' => {
                open.pop();
            }
            b',' => {
                if let Some(Some(elements)) = open.last_mut() {
                    *elements += 1;
                    if *elements > limits.elements {
                        return Err(ShapeError::Elements);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    fn long(elements: usize) -> String {
        format!("{{\"a\":[{}]}}", vec!["1"; elements].join(","))
    }

    #[rstest]
    #[case(nested(64), Ok(()))]
    #[case(nested(65), Err(ShapeError::Depth))]
    #[case(long(10_000), Ok(()))]
    #[case(long(10_001), Err(ShapeError::Elements))]
    #[case(format!("{:?}", nested(100)), Ok(()))]
    #[case(format!("[\"{}\\\"{}\"]", "a,".repeat(20_000), "[".repeat(99)), Ok(()))]
    #[case("]]}}[[\"".to_owned(), Ok(()))]
    fn shapes(#[case] text: String, #[case] expected: Result<(), ShapeError>) {
        assert_eq!(check(text.as_bytes(), &Limits::default()), expected);
    }

    #[test]
    fn commas_of_an_inner_object_do_not_count() {
        let record = format!("{{{}}}", vec!["\"k\":1"; 40].join(","));
        let text = format!("[{}]", vec![record; 9_000].join(","));
        assert_eq!(check(text.as_bytes(), &Limits::default()), Ok(()));
    }
}
