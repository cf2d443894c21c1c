//! An append that depends on what stands in the log, decided with the lock held.
//!
//! What must not live here: what is asked (see `engine`).

use super::Condition;
use super::error::StoreError;
use super::writer::Writer;
use crate::domain::audit::{Body, Entry};

impl Writer {
    /// Appends one batch if a condition holds, judged with the lock held: nobody can add a record in between.
    pub(super) fn append_if(
        &mut self,
        bodies: Vec<Body>,
        condition: Condition,
    ) -> Result<Vec<Entry>, StoreError> {
        // A torn end is named first, so that the condition finds no line it cannot explain. Nothing of the batch is in that.
        self.heal().map_err(StoreError::of_others)?;
        self.condition = Some(condition);
        let result = self.append(&[bodies]).pop();
        self.condition = None;
        result.unwrap_or(Err(StoreError::Closed))
    }
}
