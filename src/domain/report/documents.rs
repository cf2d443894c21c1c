//! Folds the records of reports: what was written and is not known to be in its case, and what is.
//!
//! Nothing here depends on the order in which the processes of one user read each other's records. What must not live
//! here: posting.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::{Kind, Subject, Target};
use crate::domain::audit::{Body, DocumentPosted, DocumentWritten, Entry};
use crate::domain::containment::outbox::pieces;
use crate::domain::ids::RecordId;
use crate::domain::text::Untrusted;

/// A report that was confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its id.
    pub rid: RecordId,
    /// Which case and what about.
    pub target: Target,
    /// Who stands under it.
    pub by: Untrusted,
    /// The text as typed.
    pub text: Untrusted,
    /// When it was confirmed.
    pub at: DateTime<Utc>,
    /// Number of the record that completed it: what has a higher one came later, whatever clocks say.
    pub n: u64,
    /// The vendor's id of the comment, once it is known to be there.
    pub comment: Option<Untrusted>,
    /// When that was recorded.
    pub posted: Option<DateTime<Utc>>,
}

impl Written {
    /// Gives the text by which the comment is found in the case.
    pub fn marker(&self) -> String {
        format!("quell:{}", self.rid)
    }
}

/// All reports.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    parts: HashMap<RecordId, BTreeMap<u32, Untrusted>>,
    written: Vec<Written>,
    posted: HashMap<RecordId, (Untrusted, DateTime<Utc>)>,
}

impl Documents {
    /// Folds one record.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            Body::DocumentWritten(DocumentWritten {
                rid,
                case,
                kind,
                name,
                by,
                part,
                parts,
                text,
            }) => {
                // A kind of a later version is that version's to post.
                let Some(kind) = Kind::from_code(kind) else {
                    return;
                };
                if self.knows(rid) {
                    return;
                }
                let known = self.parts.entry(rid.clone()).or_default();
                known.insert(*part, text.clone());
                if known.len() < usize::try_from(*parts).unwrap_or(usize::MAX) {
                    return;
                }
                let text: String = known.values().map(Untrusted::raw).collect();
                self.parts.remove(rid);
                let posted = self.posted.get(rid).cloned();
                self.written.push(Written {
                    rid: rid.clone(),
                    target: Target {
                        case: case.clone(),
                        subject: Subject {
                            kind,
                            name: name.clone(),
                        },
                    },
                    by: by.clone(),
                    text: Untrusted::new(text),
                    at: entry.ts,
                    n: entry.n,
                    posted: posted.as_ref().map(|(_, at)| *at),
                    comment: posted.map(|(comment, _)| comment),
                });
            }
            Body::DocumentPosted(DocumentPosted { rid, comment }) => {
                let posted = (comment.clone(), entry.ts);
                self.posted.insert(rid.clone(), posted);
                for one in self.written.iter_mut().filter(|one| one.rid == *rid) {
                    one.comment = Some(comment.clone());
                    one.posted = Some(entry.ts);
                }
            }
            _ => {}
        }
    }

    /// Lists what is not known to be in its case, oldest first.
    pub fn pending(&self) -> Vec<Written> {
        let open = self.written.iter().filter(|one| one.comment.is_none());
        open.cloned().collect()
    }

    /// Tells whether a report with this id was confirmed.
    pub fn knows(&self, rid: &RecordId) -> bool {
        self.written.iter().any(|one| one.rid == *rid)
    }

    /// Gives the latest report about something.
    pub fn latest(&self, target: &Target) -> Option<&Written> {
        let all = self.written.iter().filter(|one| one.target == *target);
        all.max_by_key(|one| one.at)
    }

    /// Lists the reports of a case, oldest first.
    pub fn of_case<'a>(
        &'a self,
        case: &'a crate::domain::ids::CaseId,
    ) -> impl Iterator<Item = &'a Written> {
        self.written.iter().filter(|one| one.target.case == *case)
    }
}

/// Gives the records of a report that is confirmed; they belong into one write.
pub fn records(rid: &RecordId, target: &Target, by: &Untrusted, text: &Untrusted) -> Vec<Body> {
    let pieces = pieces(text.raw());
    let parts = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    (0..)
        .zip(pieces)
        .map(|(part, text)| {
            Body::DocumentWritten(DocumentWritten {
                rid: rid.clone(),
                case: target.case.clone(),
                kind: target.subject.kind.code().to_owned(),
                name: target.subject.name.clone(),
                by: by.clone(),
                part,
                parts,
                text,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::samples::{at, case, entry};

    fn target() -> Target {
        Target {
            case: case(),
            subject: Subject::of_phase(&"Containment".into(), None),
        }
    }

    fn rid(number: u128) -> RecordId {
        RecordId::from_parts(at(0), number)
    }

    fn folded(bodies: Vec<Body>) -> Documents {
        let mut documents = Documents::default();
        for (n, body) in (1i64..).zip(bodies) {
            documents.apply(&entry(n.unsigned_abs(), n, body));
        }
        documents
    }

    fn posted(number: u128) -> Body {
        Body::DocumentPosted(DocumentPosted {
            rid: rid(number),
            comment: "~7".into(),
        })
    }

    #[test]
    fn a_long_text_comes_back_whole_and_is_pending_until_it_is_posted() {
        let text: Untrusted = "ä🙂 \"quoted\"\n".repeat(1_000).into();
        let mut bodies = records(&rid(1), &target(), &"ana".into(), &text);
        assert!(bodies.len() > 1);
        let documents = folded(bodies.clone());
        assert_eq!(documents.pending().len(), 1);
        assert_eq!(documents.pending()[0].text, text);
        bodies.push(posted(1));
        let documents = folded(bodies);
        assert!(documents.pending().is_empty());
        let latest = documents
            .latest(&target())
            .and_then(|one| one.comment.clone());
        assert_eq!(latest, Some("~7".into()));
    }

    #[test]
    fn the_order_of_reading_does_not_matter_and_half_a_text_is_none() {
        let text: Untrusted = "x".repeat(5_000).into();
        let mut bodies = records(&rid(1), &target(), &"ana".into(), &text);
        let last = bodies.pop();
        assert!(folded(bodies.clone()).pending().is_empty());
        let mut reversed: Vec<Body> = last.into_iter().chain(bodies.into_iter().rev()).collect();
        reversed.insert(0, posted(1));
        let documents = folded(reversed);
        assert!(documents.pending().is_empty() && documents.knows(&rid(1)));
        assert_eq!(
            documents.latest(&target()).map(|one| one.text.clone()),
            Some(text)
        );
    }

    #[test]
    fn a_record_folded_twice_counts_once() {
        let bodies = records(&rid(1), &target(), &"ana".into(), &"x".into());
        let twice: Vec<Body> = bodies.iter().chain(&bodies).cloned().collect();
        assert_eq!(folded(twice).pending().len(), 1);
    }
}
