//! Named points on the way of an action, where a test can stop the console as a kill would.

use async_trait::async_trait;

/// Is passed at every point; what it does not come back from never goes on.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Passes a point, such as `before action.intent` or `send.after`.
    async fn pass(&self, point: &str);
}

/// Lets everything pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

#[async_trait]
impl Probe for Open {
    async fn pass(&self, _point: &str) {}
}
