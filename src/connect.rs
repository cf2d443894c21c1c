//! The outside world: one HTTP policy, one folder a vendor, and the capabilities a vendor can have.
//!
//! What must not live here: decisions (they are `app`'s and `engine`'s), anything of the screen, other
//! vendors' words in a vendor's folder.

pub mod capability;
mod decode;
pub mod elasticsearch;
pub mod entra;
pub mod google;
pub mod http;
pub mod keycloak;
pub mod logs;
pub mod okta;
pub mod registry;
pub mod secret;
pub mod thehive;
pub mod watching;
