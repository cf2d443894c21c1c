//! Secrets in memory: shown by nothing, wiped when dropped, copied only into a header that is marked sensitive.
//!
//! What must not live here: where a secret comes from (`config` says it, `store` reads it).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::http::{Assertion, KeyFault, Signer};

/// A token or key. It has no `Display`, no `Serialize` and no `Clone`; its `Debug` is one fixed word.
///
/// ```compile_fail
/// let secret = quell::connect::secret::Secret::new("token".to_owned());
/// println!("{secret}");
/// ```
pub struct Secret(SecretString);

impl Secret {
    /// Takes a secret; white space around it (a line feed at the end of a file) is dropped.
    pub fn new(text: String) -> Self {
        let trimmed = text.trim();
        if trimmed.len() == text.len() {
            Self(SecretString::from(text))
        } else {
            let inner = SecretString::from(trimmed);
            // Wipes the untrimmed copy.
            drop(SecretString::from(text));
            Self(inner)
        }
    }

    /// Gives a second one, for another client of the same connection.
    pub(super) fn again(&self) -> Self {
        Self(SecretString::from(self.0.expose_secret()))
    }

    /// Tells whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// Tells whether a text contains the secret, so that the text must not be shown.
    pub fn appears_in(&self, text: &str) -> bool {
        !self.is_empty() && text.contains(self.0.expose_secret())
    }

    /// Writes a form (`application/x-www-form-urlencoded`) with the secret as its last field.
    pub(crate) fn form(&self, fields: &[(&'static str, String)], name: &str) -> Vec<u8> {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .append_pair(name, self.0.expose_secret())
            .finish()
            .into_bytes()
    }

    /// Reads what a token that is a JWT says; its signature is not looked at, for nothing is decided by it.
    pub(super) fn claims(&self) -> Option<Value> {
        let mut parts = self.0.expose_secret().split('.');
        let (claims, signature) = (parts.nth(1)?, parts.next()?);
        let bytes = URL_SAFE_NO_PAD.decode(claims).ok()?;
        serde_json::from_slice(&bytes)
            .ok()
            .filter(|_| !signature.is_empty())
    }

    /// Makes a signer of assertions from a secret that is a private key.
    ///
    /// # Errors
    /// When it is none, or of a kind that is not used.
    pub(super) fn signer(&self, says: Assertion) -> Result<Signer, KeyFault> {
        Signer::new(self.0.expose_secret(), says)
    }

    /// Makes an `Authorization` value `<scheme> <secret>` that no log of the HTTP library prints.
    ///
    /// # Errors
    /// When the secret holds characters that a header cannot carry.
    pub(crate) fn authorization(&self, scheme: &str) -> Result<HeaderValue, InvalidHeaderValue> {
        let line = SecretString::from(format!("{scheme} {}", self.0.expose_secret()));
        let mut value = HeaderValue::from_str(line.expose_secret())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_the_header_shows_it() -> Result<(), InvalidHeaderValue> {
        let secret = Secret::new("canary-4711\n".to_owned());
        let header = secret.authorization("SSWS")?;
        assert!(header.is_sensitive());
        assert_eq!(header.as_bytes(), b"SSWS canary-4711");
        assert!(!format!("{secret:?} {header:?}").contains("canary"));
        Ok(())
    }

    #[test]
    fn a_text_that_carries_it_is_recognised() {
        let secret = Secret::new("canary".to_owned());
        assert!(secret.appears_in("token canary refused"));
        assert!(!secret.appears_in("token refused"));
        assert!(!Secret::new(" \n".to_owned()).appears_in("anything"));
        assert!(
            Secret::new("two\nlines".to_owned())
                .authorization("Bearer")
                .is_err()
        );
    }
}
