//! A token never seen before, in one thread and without HTTP: what the library takes for it, and what the signature and JSON alone take.
//!
//! Both have their key ready, as a verifier has that checks many tokens. They take turns, so that a machine that is busy is busy for both.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokenhouse::token::{Clock, LocalIssuer, LocalSettings, RemoteSettings, Scopes, Verifier};

use crate::issuer::Issuer;
use crate::tokens;

const SECRET: &str = "5c0f2a9be14d7736a8e19b04cc2d61f0";
/// So many tokens in one turn.
const TURN: usize = 200;

pub async fn run(rounds: usize) -> crate::Outcome {
    let hs256 = hs256(rounds)?;
    let rs256 = rs256(rounds).await?;
    println!("{}", json!({"hs256": hs256, "rs256": rs256}));
    Ok(())
}

fn hs256(rounds: usize) -> Result<Value, Box<dyn std::error::Error>> {
    let settings = LocalSettings {
        issuer: "http://localhost:3000/oauth2/default".to_owned(),
        audience: "api://default".to_owned(),
        access_ttl: Duration::from_hours(1),
    };
    let issuer = Arc::new(LocalIssuer::with_secret(settings, &SECRET.to_owned().into(), Clock::system())?);
    let verifier = Verifier::builder().local(Arc::clone(&issuer)).build()?;
    let (user, session) = ("8a6e0804-2bd0-4672-b79d-d97027f9071a", "0198a2d4-6f8e-4c11-9b63-3d4c2f7e5a10");
    let first = issuer.mint_for_user(user, session, i64::MAX, &Scopes::from("openid profile email")).token;
    let tokens = tokens::copies(&first, SECRET.as_bytes(), rounds * TURN)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let bare = |token: &str| {
        let (signed, signature) = token.rsplit_once('.').expect("a token");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        hmac::verify(&key, signed.as_bytes(), &signature).expect("a good signature");
        let part = |part: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
        };
        let (header, payload) = signed.split_once('.').expect("a token");
        black_box((part(header), part(payload)));
    };
    Ok(in_turns(&tokens, &verifier, bare))
}

async fn rs256(rounds: usize) -> Result<Value, Box<dyn std::error::Error>> {
    let issuer = Issuer::new()?;
    let tokens = issuer.tokens(rounds * TURN + 1)?;
    let public = issuer.pair.public_key();
    let (n, e) = (public.modulus(), public.exponent());
    let numbers = PublicKeyComponents { n: n.big_endian_without_leading_zero(), e: e.big_endian_without_leading_zero() };
    let key: ParsedPublicKey = numbers.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)?;
    let verifier = Verifier::builder().remote(RemoteSettings::new(&issuer.name, "api://default")?).build()?;
    actix_web::rt::spawn(async { issuer.serve().await.map_err(|error| error.to_string()) });
    let (first, tokens) = tokens.split_first().ok_or("no tokens")?;
    verifier.authenticate(first).await?;
    let bare = |token: &str| {
        let (signed, signature) = token.rsplit_once('.').expect("a token");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        key.verify_sig(signed.as_bytes(), &signature).expect("a good signature");
    };
    Ok(in_turns(tokens, &verifier, bare))
}

/// Nanoseconds a token of each round: by the bare libraries, and by the library.
fn in_turns(tokens: &[String], verifier: &Verifier, bare: impl Fn(&str)) -> Value {
    let library = |token: &str| {
        black_box(verifier.verify(token).expect("a good token"));
    };
    let round = |tokens: &[String]| {
        json!({"raw": nanoseconds(tokens, &bare), "new": nanoseconds(tokens, library)})
    };
    tokens.chunks_exact(TURN).map(round).collect()
}

fn nanoseconds(tokens: &[String], check: impl Fn(&str)) -> f64 {
    let started = Instant::now();
    tokens.iter().for_each(|token| check(token));
    started.elapsed().as_secs_f64() * 1e9 / tokens.len() as f64
}
