//! Assertions: short-lived tokens that we sign ourselves in place of sending a secret (RFC 7521, RFC 7523).
//!
//! What must not live here: asking for a token with one, a vendor's endpoints.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::connect::secret::Secret;

/// How long an assertion is good; Okta and Google allow an hour at most.
const LIFE: TimeDelta = TimeDelta::minutes(5);
/// How far its beginning lies back, for clocks that differ a little.
const BACK: TimeDelta = TimeDelta::seconds(30);

/// What an assertion says; the key that signs it is the secret of the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assertion {
    /// The field of the form that carries it: `client_assertion` or `assertion`.
    pub field: &'static str,
    /// `iss`; `None` takes the one that the key's file names.
    pub issuer: Option<String>,
    /// `sub`, where there is one.
    pub subject: Option<String>,
    /// `aud`; `None` takes the address of the token endpoint.
    pub audience: Option<String>,
    /// `scope`, where it stands in the assertion and not in the form.
    pub scope: Option<String>,
    /// `kid`; `None` takes the one that the key's file names.
    pub key_id: Option<String>,
    /// SHA-256 of the certificate, in base64url (`x5t#S256`).
    pub thumbprint: Option<String>,
}

/// Why a secret is no key to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Neither PEM nor the file of a service account.
    #[error("the secret holds no private key in PEM and is no key file of a service account")]
    NoKey,
    /// An elliptic key in the old form.
    #[error("the secret is a key in SEC1 form; write it as PKCS#8 (openssl pkcs8 -topk8 -nocrypt)")]
    OldForm,
    /// A key of another kind, or damaged.
    #[error("the secret is no RSA key of 2048 to 4096 bits and no key of the curve P-256")]
    Unusable,
    /// Nobody to speak for.
    #[error("the secret does not say whose key it is")]
    NoIssuer,
}

enum Pair {
    Rsa(RsaKeyPair),
    Elliptic(EcdsaKeyPair),
}

/// The part of a Google service account's key file that is needed.
#[derive(Deserialize)]
struct KeyFile {
    client_email: Option<String>,
    private_key_id: Option<String>,
    private_key: String,
}

/// A key and what it signs.
pub(crate) struct Signer {
    pair: Pair,
    says: Assertion,
    random: SystemRandom,
    /// The newest assertion, so that an answer which repeats it is not shown.
    newest: Mutex<Option<Secret>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

fn pair(pem: &str) -> Result<Pair, KeyFault> {
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_cause| KeyFault::NoKey)?;
    let rsa = match &der {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        _ => return Err(KeyFault::OldForm),
    };
    if let Ok(rsa) = rsa {
        return Ok(Pair::Rsa(rsa));
    }
    let PrivateKeyDer::Pkcs8(key) = &der else {
        return Err(KeyFault::Unusable);
    };
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    EcdsaKeyPair::from_pkcs8(algorithm, key.secret_pkcs8_der(), &random)
        .map(Pair::Elliptic)
        .map_err(|_cause| KeyFault::Unusable)
}

impl Signer {
    /// Reads the key: PEM (PKCS#8, or PKCS#1 of an RSA key), or the JSON of a Google service account with one in it.
    pub(crate) fn new(secret: &str, mut says: Assertion) -> Result<Self, KeyFault> {
        let pair = match serde_json::from_str::<KeyFile>(secret) {
            Ok(file) => {
                says.issuer = says.issuer.or(file.client_email);
                says.key_id = says.key_id.or(file.private_key_id);
                pair(&file.private_key)?
            }
            Err(_not_json) => pair(secret)?,
        };
        if says.issuer.is_none() {
            return Err(KeyFault::NoIssuer);
        }
        Ok(Self {
            pair,
            says,
            random: SystemRandom::new(),
            newest: Mutex::default(),
        })
    }

    /// Gives the field of the form that carries the assertion.
    pub(super) fn field(&self) -> &'static str {
        self.says.field
    }

    /// Tells whether a text carries the newest assertion.
    pub(super) fn appears_in(&self, text: &str) -> bool {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().is_some_and(|kept| kept.appears_in(text))
    }

    /// Signs a new assertion for a token endpoint; `now` is the vendor's clock, as far as it is known.
    ///
    /// `scope` takes the place of the one that it says otherwise, where it says one.
    /// `None` when the key cannot sign.
    pub(super) fn sign(
        &self,
        endpoint: &str,
        now: DateTime<Utc>,
        scope: Option<&str>,
    ) -> Option<String> {
        let mut text = self.header();
        text.push('.');
        text.push_str(&part(&self.claims(endpoint, now, scope)));
        let signature = self.signature(text.as_bytes())?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        let kept = Some(Secret::new(text.clone()));
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Some(text)
    }

    fn header(&self) -> String {
        let alg = match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Elliptic(_) => "ES256",
        };
        let mut header = json!({"alg": alg, "typ": "JWT"});
        if let Some(id) = &self.says.key_id {
            header["kid"] = json!(id);
        }
        if let Some(print) = &self.says.thumbprint {
            header["x5t#S256"] = json!(print);
        }
        part(&header)
    }

    fn claims(&self, endpoint: &str, now: DateTime<Utc>, only: Option<&str>) -> Value {
        let says = &self.says;
        let since = now - BACK;
        let mut claims = json!({
            "iss": says.issuer,
            "aud": says.audience.as_deref().unwrap_or(endpoint),
            "iat": since.timestamp(),
            "exp": (now + LIFE).timestamp(),
            "jti": ulid::Ulid::generate().to_string(),
        });
        if let Some(subject) = &says.subject {
            claims["sub"] = json!(subject);
        }
        if let Some(scope) = &says.scope {
            claims["scope"] = json!(only.unwrap_or(scope));
        }
        // Entra ID wants to be told from when on it is good.
        if says.thumbprint.is_some() {
            claims["nbf"] = json!(since.timestamp());
        }
        claims
    }

    fn signature(&self, text: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, text, &mut signature)
                    .ok()?;
                Some(signature)
            }
            Pair::Elliptic(pair) => {
                let signature = pair.sign(&self.random, text).ok()?;
                Some(signature.as_ref().to_vec())
            }
        }
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair as _, UnparsedPublicKey};
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm};

    use super::*;

    /// Opens nothing but a drill.
    const RSA: &str = include_str!("../../drill/key.pem");

    fn says() -> Assertion {
        Assertion {
            field: "client_assertion",
            issuer: Some("0oa1".to_owned()),
            subject: Some("0oa1".to_owned()),
            key_id: Some("k1".to_owned()),
            ..Assertion::default()
        }
    }

    fn elliptic() -> String {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let body = base64::engine::general_purpose::STANDARD.encode(made);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    }

    fn opened(jwt: &str) -> (Value, Value) {
        let mut parts = jwt.split('.').map(|part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice(&bytes).unwrap_or(Value::Null)
        });
        (parts.next().unwrap(), parts.next().unwrap())
    }

    fn verified(signer: &Signer, jwt: &str) -> bool {
        let (algorithm, public): (&dyn VerificationAlgorithm, Vec<u8>) = match &signer.pair {
            Pair::Rsa(pair) => (
                &RSA_PKCS1_2048_8192_SHA256,
                pair.public_key().as_ref().to_vec(),
            ),
            Pair::Elliptic(pair) => (
                &ECDSA_P256_SHA256_FIXED,
                pair.public_key().as_ref().to_vec(),
            ),
        };
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(algorithm, public)
            .verify(signed.as_bytes(), &signature)
            .is_ok()
    }

    #[test]
    fn an_assertion_says_who_for_whom_and_until_when_and_is_signed() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        for (key, alg) in [(RSA.to_owned(), "RS256"), (elliptic(), "ES256")] {
            let signer = Signer::new(&key, says()).unwrap();
            let jwt = signer
                .sign("https://acme.example/token", now, None)
                .unwrap();
            let (header, claims) = opened(&jwt);
            assert_eq!(header, json!({"alg": alg, "typ": "JWT", "kid": "k1"}));
            assert_eq!(claims["iss"], "0oa1");
            assert_eq!(claims["sub"], "0oa1");
            assert_eq!(claims["aud"], "https://acme.example/token");
            assert_eq!(claims["iat"], 1_790_000_000 - 30);
            assert_eq!(claims["exp"], 1_790_000_000 + 300);
            assert_eq!(claims.get("scope").or(claims.get("nbf")), None);
            assert!(verified(&signer, &jwt));
            assert!(!verified(&signer, &jwt.replacen('.', "A.", 1)));
            assert!(signer.appears_in(&format!("refused: {jwt}")));
            let again = signer
                .sign("https://acme.example/token", now, None)
                .unwrap();
            assert_ne!(opened(&again).1["jti"], claims["jti"]);
        }
    }

    #[test]
    fn a_service_account_is_named_by_its_file() {
        let file = json!({
            "type": "service_account",
            "client_email": "quell@acme.iam.example",
            "private_key_id": "abc",
            "private_key": RSA,
        });
        let signer = Signer::new(
            &file.to_string(),
            Assertion {
                field: "assertion",
                subject: Some("admin@acme.example".to_owned()),
                scope: Some("a b".to_owned()),
                thumbprint: Some("dGh1bWI".to_owned()),
                ..Assertion::default()
            },
        )
        .unwrap();
        let jwt = signer
            .sign("https://acme.example/token", Utc::now(), Some("a"))
            .unwrap();
        let (header, claims) = opened(&jwt);
        assert_eq!(header["kid"], "abc");
        assert_eq!(header["x5t#S256"], "dGh1bWI");
        assert_eq!(claims["iss"], "quell@acme.iam.example");
        assert_eq!(claims["sub"], "admin@acme.example");
        assert_eq!(claims["scope"], "a");
        assert_eq!(claims["nbf"], claims["iat"]);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let old = "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n";
        let broken = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        let cases = [
            ("canary", KeyFault::NoKey),
            ("{\"client_email\": \"canary\"}", KeyFault::NoKey),
            (old, KeyFault::OldForm),
            (broken, KeyFault::Unusable),
        ];
        for (secret, fault) in cases {
            let said = Signer::new(secret, says()).unwrap_err();
            assert_eq!(said, fault, "{secret}");
            assert!(!said.to_string().contains("canary"));
        }
        let nameless = Assertion {
            issuer: None,
            ..says()
        };
        assert_eq!(Signer::new(RSA, nameless).unwrap_err(), KeyFault::NoIssuer);
    }
}
