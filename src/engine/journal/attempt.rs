//! Recording as the log itself answers it: its error knows whether anything of the records may be in it.
//!
//! What must not live here: what is said of an error (see `engine::written`).

use std::sync::Arc;

use super::{Journal, counted};
use crate::domain::audit::{Body, Entry};
use crate::domain::containment::counted::Counted;
use crate::domain::text::Safe;
use crate::store::audit::{Standing, StoreError};

impl Journal {
    /// Records bodies as [`Self::record`] does.
    ///
    /// # Errors
    /// Gives the log's own error, after telling the console that no action will run.
    pub async fn try_record(&self, bodies: Vec<Body>) -> Result<Vec<Entry>, StoreError> {
        let name = bodies.first().map_or("nothing", Body::type_name).to_owned();
        self.probe.pass(&format!("before {name}")).await;
        let appended = self.try_append(bodies).await;
        self.probe.pass(&format!("after {name}")).await;
        appended
    }

    /// Records bodies as [`Self::append`] does.
    ///
    /// # Errors
    /// As [`Self::try_record`].
    pub fn try_append(
        &self,
        bodies: Vec<Body>,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send + use<> {
        let appended = self.log.append(bodies);
        let journal = self.clone();
        async move { journal.fold(appended.await).await }
    }

    /// Records bodies as [`Self::record_if`] does.
    ///
    /// # Errors
    /// [`StoreError::Unmet`] is the refusal, of which nothing is told; else as [`Self::try_record`].
    pub async fn try_record_if(
        &self,
        bodies: Vec<Body>,
        check: impl FnOnce(&Counted) -> Option<Safe> + Send + 'static,
    ) -> Result<Vec<Entry>, StoreError> {
        let name = bodies.first().map_or("nothing", Body::type_name).to_owned();
        self.probe.pass(&format!("before {name}")).await;
        let count = Arc::clone(&self.count);
        let condition = Box::new(move |log: &Standing<'_>| {
            let read = |place, take: &mut dyn FnMut(&[u8])| log.read_bytes(place, take);
            counted(&count, check, read)?.map_or(Ok(()), Err)
        });
        let appended = self.log.append_if(bodies, condition).await;
        let recorded = match appended {
            Err(unmet @ StoreError::Unmet { .. }) => Err(unmet),
            appended => self.fold(appended).await,
        };
        self.probe.pass(&format!("after {name}")).await;
        recorded
    }
}
