//! The console on this terminal.
use super::{Failure, compose::Loaded};
use crate::store::state::StateDir;
/// Shows.
pub async fn show(_l: Loaded, _s: StateDir, _t: Option<&str>) -> Result<u8, Failure> {
    Ok(0)
}
