//! Elasticsearch as a wall sees it: whether it answers.

use async_trait::async_trait;

use super::Elasticsearch;
use crate::connect::capability::{ActivitySource as _, ConnectError};
use crate::connect::watching::WatchedSource;
use crate::domain::ids::ConnectionName;

#[async_trait]
impl WatchedSource for Elasticsearch {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    /// Asks for one alert, by the same way as the console asks for all of them.
    async fn answers(&self) -> Result<(), ConnectError> {
        self.alerts(1).await.map(drop)
    }
}
