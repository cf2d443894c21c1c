//! Assertions that a client signs to ask for a token (RFC 7523), as the companies' token endpoints check them.
//!
//! What must not live here: a vendor's paths, grants or error words.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::rsa::KeyPair;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

/// The private key of the console's app: it opens nothing but a drill.
pub(crate) const KEY: &str = include_str!("key.pem");

/// Longest time that an assertion may be good, in seconds.
const LONGEST: i64 = 3_600;
/// How far ahead a client's clock may be, in seconds.
const AHEAD: i64 = 300;

/// Why an assertion is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not three parts of base64url with JSON in two of them.
    Form,
    /// It is not signed by the key that is registered.
    Signature,
    /// It is for somebody else.
    Audience,
    /// It is not good yet, no more, or for too long.
    Time,
}

/// Gives the claims of an assertion that is signed by [`KEY`], for the token endpoint of this path and good now.
pub(crate) fn claims(jwt: &str, path: &str, now: DateTime<Utc>) -> Result<Value, Refused> {
    let (signed, signature) = jwt.rsplit_once('.').ok_or(Refused::Form)?;
    let (_, claims) = signed.split_once('.').ok_or(Refused::Form)?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let signature = bytes(signature).ok_or(Refused::Form)?;
    let claims = bytes(claims).ok_or(Refused::Form)?;
    let claims: Value = serde_json::from_slice(&claims).ok().ok_or(Refused::Form)?;
    if !is_signed(signed.as_bytes(), &signature) {
        return Err(Refused::Signature);
    }
    if !claims["aud"].as_str().is_some_and(|aud| is_own(aud, path)) {
        return Err(Refused::Audience);
    }
    let time = |name: &str| claims[name].as_i64();
    let now = now.timestamp();
    let is_good = time("exp").is_some_and(|end| end > now && end <= now + LONGEST)
        && time("iat").is_none_or(|since| since <= now + AHEAD);
    if is_good {
        Ok(claims)
    } else {
        Err(Refused::Time)
    }
}

/// Tells whether an address is that of a token endpoint of a drill; a tap may stand before it with a port of its own.
fn is_own(audience: &str, path: &str) -> bool {
    audience
        .strip_prefix("http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix(path))
        .is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_signed(text: &[u8], signature: &[u8]) -> bool {
    let pair = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes())
        .ok()
        .and_then(|der| KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok());
    pair.is_some_and(|pair| {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
            .verify(text, signature)
            .is_ok()
    })
}
