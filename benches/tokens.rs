//! What verifying, minting and hashing cost on one core: `cargo bench`.
//!
//! The lines `jsonwebtoken …` decode the same tokens with that crate alone, all its checks on: what a verifier costs that remembers nothing and
//! checks less. Comparing lines of one run says more than the figures themselves, which are those of the machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a bench may fail")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokenhouse::accounts::hashing::{Hashing, Verified};
use tokenhouse::accounts::password::Password;
use tokenhouse::settings::{Settings, Sources};
use tokenhouse::token::{KeyFolder, KeyRules, SigningAlgorithm};
use tokenhouse::{Clock, LocalIssuer, LocalSettings, RemoteSettings, Scopes, Verifier};
use tokio::runtime::Runtime;

const SECRET: &str = "5c0f2a9be14d7736a8e19b04cc2d61f0";
const AUDIENCE: &str = "api://default";

fn local_issuer() -> LocalIssuer {
    let settings = LocalSettings {
        issuer: "http://localhost:3000/oauth2/default".to_owned(),
        audience: AUDIENCE.to_owned(),
        access_ttl: Duration::from_hours(1),
    };
    LocalIssuer::with_secret(settings, &SECRET.to_owned().into(), Clock::system()).unwrap()
}

fn mint(issuer: &LocalIssuer) -> String {
    let user = "8a6e0804-2bd0-4672-b79d-d97027f9071a";
    let session = "0198a2d4-6f8e-7c11-9b63-3d4c2f7e5a10";
    issuer.mint_for_user(user, session, i64::MAX, &Scopes::from("openid profile email")).token
}

/// The checks of RFC 8725 that jsonwebtoken has.
fn validation(algorithm: Algorithm, issuer: &str) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = 30;
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}

fn hs256(c: &mut Criterion) {
    let issuer = Arc::new(local_issuer());
    let verifier = Verifier::builder().local(Arc::clone(&issuer)).build().unwrap();
    let known = mint(&issuer);
    verifier.verify(&known).unwrap();

    let mut group = c.benchmark_group("verify");
    group.bench_function("known token", |b| b.iter(|| verifier.verify(black_box(&known)).unwrap()));
    group.bench_function("new HS256", |b| {
        b.iter_batched(|| mint(&issuer), |token| verifier.verify(&token).unwrap(), BatchSize::SmallInput);
    });
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let validation = validation(Algorithm::HS256, issuer.issuer());
    group.bench_function("jsonwebtoken HS256", |b| {
        b.iter(|| jsonwebtoken::decode::<Value>(black_box(&known), &key, &validation).unwrap());
    });
    group.finish();
    c.bench_function("mint HS256", |b| b.iter(|| mint(black_box(&issuer))));
}

/// Minting with keys whose public half is published.
fn asymmetric(c: &mut Criterion) {
    for algorithm in [SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA] {
        let folder = tempfile::tempdir().unwrap();
        let settings = LocalSettings {
            issuer: "http://localhost:3000/oauth2/default".to_owned(),
            audience: AUDIENCE.to_owned(),
            access_ttl: Duration::from_hours(1),
        };
        let rules = KeyRules { algorithm: Some(algorithm), rotate_every: None, token_life: settings.access_ttl };
        let keys = KeyFolder::new(folder.path(), rules);
        let issuer = LocalIssuer::with_key_folder(settings, keys, None, Clock::system()).unwrap();
        c.bench_function(&format!("mint {algorithm}"), |b| b.iter(|| mint(black_box(&issuer))));
    }
}

/// An issuer like Okta, as far as a verifier sees one: its published key, and tokens signed with it.
struct Remote {
    issuer: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Remote {
    fn start(runtime: &Runtime) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = pair.public_key();
        let n = number(public.modulus().big_endian_without_leading_zero());
        let e = number(public.exponent().big_endian_without_leading_zero());
        let verifying = DecodingKey::from_rsa_components(&n, &e).unwrap();
        let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let signing = EncodingKey::from_rsa_der(&pkcs1_of(der.as_ref()));

        let jwks = json!({"keys": [{"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": n, "e": e}]});
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}/oauth2/default", listener.local_addr().unwrap());
        let discovery = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/v1/keys")});
        let server = HttpServer::new(move || {
            let (discovery, jwks) = (discovery.clone(), jwks.clone());
            App::new()
                .route(
                    "/oauth2/default/.well-known/openid-configuration",
                    web::get().to(move || std::future::ready(web::Json(discovery.clone()))),
                )
                .route("/oauth2/default/v1/keys", web::get().to(move || std::future::ready(web::Json(jwks.clone()))))
        });
        runtime.spawn(server.workers(1).listen(listener).unwrap().run());
        Self { issuer, signing, verifying }
    }

    fn token(&self) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.typ = None;
        header.kid = Some("k1".to_owned());
        let now = Clock::system().unix_seconds();
        let claims = json!({
            "ver": 1, "jti": format!("AT.{}", uuid::Uuid::new_v4()), "iss": self.issuer, "aud": AUDIENCE,
            "iat": now, "exp": now + 3600, "cid": "0oa1a2b3c4d5e6f7g8h9", "uid": "00u1a2b3c4d5e6f7g8h9",
            "scp": ["openid", "profile"], "sub": "ada@example.com"
        });
        jsonwebtoken::encode(&header, &claims, &self.signing).unwrap()
    }
}

/// The PKCS#1 key, which jsonwebtoken signs with, inside a PKCS#8 one: its last field, an OCTET STRING of two length bytes.
fn pkcs1_of(pkcs8: &[u8]) -> Vec<u8> {
    let at = pkcs8.windows(2).position(|pair| pair == [0x04, 0x82]).expect("an OCTET STRING");
    pkcs8.get(at + 4..).unwrap().to_vec()
}

fn rs256(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let remote = Remote::start(&runtime);
    let known = remote.token();
    let verifier = runtime.block_on(async {
        let settings = RemoteSettings::new(&remote.issuer, AUDIENCE).unwrap();
        let verifier = Verifier::builder().remote(settings).build().unwrap();
        verifier.authenticate(&known).await.unwrap();
        verifier
    });

    let mut group = c.benchmark_group("verify");
    // Each of these tokens has to be signed first, which takes far longer than checking it.
    group.sample_size(20).measurement_time(Duration::from_millis(200)).warm_up_time(Duration::from_millis(200));
    group.bench_function("new RS256", |b| {
        b.iter_batched(|| remote.token(), |token| verifier.verify(&token).unwrap(), BatchSize::SmallInput);
    });
    group.finish();
    let mut group = c.benchmark_group("verify");
    let validation = validation(Algorithm::RS256, &remote.issuer);
    group.bench_function("jsonwebtoken RS256", |b| {
        b.iter(|| jsonwebtoken::decode::<Value>(black_box(&known), &remote.verifying, &validation).unwrap());
    });
    group.finish();
}

fn hashing(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let settings = Settings::read(&Sources::default()).unwrap();
    let hashing = Hashing::start(&settings.passwords).unwrap();
    let password = || Password::from(SecretString::from("correct horse battery staple"));
    let stored = runtime.block_on(hashing.hash_new(password(), "ada@example.com", None)).unwrap().unwrap();

    let mut group = c.benchmark_group("password");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    group.bench_function("verify, argon2id m=19456 t=2 p=1", |b| {
        b.iter(|| {
            let verified = runtime.block_on(hashing.verify(password(), Some(stored.clone()))).unwrap();
            assert!(matches!(verified, Verified::Match { .. }));
        });
    });
    group.finish();
}

criterion_group!(benches, hs256, asymmetric, rs256, hashing);
criterion_main!(benches);
