//! Tokens in numbers, all different.

use std::io::{BufWriter, Write as _};
use std::thread;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

type Error = Box<dyn std::error::Error>;

/// One token a line.
pub fn write(file: &str, tokens: impl IntoIterator<Item = String>) -> crate::Outcome {
    let mut file = BufWriter::new(std::fs::File::create(file)?);
    for token in tokens {
        writeln!(file, "{token}")?;
    }
    Ok(file.flush()?)
}

/// Tokens that say what `token` says, each under an id of its own (`jti`).
pub fn copies(token: &str, secret: &[u8], count: usize) -> Result<Vec<String>, Error> {
    let (header, rest) = token.split_once('.').ok_or("no token")?;
    let payload = rest.split('.').next().ok_or("no token")?;
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let copy = |_| {
        claims["jti"] = token_id().into();
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        format!("{signed}.{signature}")
    };
    Ok((0..count).map(copy).collect())
}

/// Access tokens as Okta writes them, by this issuer, signed with RS256 on all cores.
pub fn of_issuer(issuer: &str, pair: &KeyPair, now: u64, count: usize) -> Result<Vec<String>, Error> {
    let cores = thread::available_parallelism()?.get();
    let share = || -> Vec<String> { (0..count.div_ceil(cores)).map(|_| sign(pair, &claims(issuer, now))).collect() };
    Ok(thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(share)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("signing does not panic")).take(count).collect()
    }))
}

fn claims(issuer: &str, now: u64) -> Value {
    json!({
        "ver": 1, "jti": token_id(), "iss": issuer, "aud": "api://default", "iat": now, "exp": now + 86_400,
        "cid": "0oa1a2b3c4d5e6f7g8h9", "uid": "00u1a2b3c4d5e6f7g8h9", "scp": ["openid", "profile"], "auth_time": now,
        "sub": "ada@example.com"
    })
}

fn sign(pair: &KeyPair, claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"kid":"k1","alg":"RS256"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).expect("a key that signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn token_id() -> String {
    let mut bytes = [0; 18];
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    format!("AT.{}", URL_SAFE_NO_PAD.encode(bytes))
}
