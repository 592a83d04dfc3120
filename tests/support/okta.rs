//! A stand-in for Okta: an issuer on loopback that signs with real RSA keys, and misbehaves when told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{self, KeyPair as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::tokens::{base64url, changed};

/// The audience of its tokens.
pub const AUDIENCE: &str = "api://default";
/// The client it gives them to.
pub const CLIENT: &str = "0oa1a2b3c4d5e6f7g8h9";

/// An RSA key of 2048 bits.
pub struct RsaKey {
    pair: KeyPair,
}

impl RsaKey {
    /// One of a few keys; making one takes long, so tests share them.
    pub fn number(index: usize) -> &'static Self {
        static KEYS: [OnceLock<RsaKey>; 3] = [const { OnceLock::new() }; 3];
        KEYS[index].get_or_init(|| Self { pair: KeyPair::generate(KeySize::Rsa2048).expect("a key") })
    }

    pub fn modulus(&self) -> Vec<u8> {
        self.pair.public_key().modulus().big_endian_without_leading_zero().to_vec()
    }

    /// As it is published.
    pub fn jwk(&self, kid: &str) -> Value {
        let exponent = self.pair.public_key().exponent().big_endian_without_leading_zero();
        json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "n": base64url(self.modulus()), "e": base64url(exponent)})
    }

    pub fn sign(&self, signed: &str) -> Vec<u8> {
        let mut bytes = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut bytes)
            .expect("a signature");
        bytes
    }

    /// A token of these texts.
    pub fn token(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        format!("{signed}.{}", base64url(self.sign(&signed)))
    }
}

/// An HTTP answer, byte by byte what the stand-in writes.
#[derive(Clone)]
pub enum Answer {
    /// 200 with this JSON.
    Json(Value),
    /// 200 with this JSON and these lines of header.
    JsonWith(Value, &'static str),
    /// These bytes.
    Raw(Vec<u8>),
    /// A head that promises a body of this size, and zeros.
    Zeros(usize),
    /// The connection is closed without a word.
    Reset,
    /// Nothing, for ever.
    Hang,
    /// A byte, and then nothing more for ever.
    Drip,
}

impl Answer {
    pub fn text(status: &str, content_type: &str, body: &str) -> Self {
        let length = body.len();
        Self::Raw(
            format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}")
                .into_bytes(),
        )
    }

    pub fn redirect(to: &str) -> Self {
        Self::Raw(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    }
}

/// A running stand-in.
#[derive(Clone)]
pub struct Okta {
    pub address: SocketAddr,
    /// Its `iss`.
    pub issuer: String,
    shared: Arc<Shared>,
}

struct Shared {
    discovery: Mutex<Answer>,
    keys: Mutex<Answer>,
    asked_for_discovery: AtomicUsize,
    asked_for_keys: AtomicUsize,
    /// Requests to any other path.
    asked_for_else: AtomicUsize,
    /// The heads of all requests.
    heads: Mutex<Vec<String>>,
}

impl Okta {
    /// One that publishes the key `k0`, number 0.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener)
    }

    /// On a listener of the caller's, so that its address can be known before it answers.
    pub fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("an address");
        let issuer = format!("http://{address}/oauth2/default");
        let discovery = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/v1/keys")});
        let shared = Arc::new(Shared {
            discovery: Mutex::new(Answer::Json(discovery)),
            keys: Mutex::new(Answer::Json(json!({"keys": [RsaKey::number(0).jwk("k0")]}))),
            asked_for_discovery: AtomicUsize::new(0),
            asked_for_keys: AtomicUsize::new(0),
            asked_for_else: AtomicUsize::new(0),
            heads: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, issuer, shared }
    }

    pub fn publish(&self, keys: &[Value]) {
        self.answer_keys(Answer::Json(json!({ "keys": keys })));
    }

    pub fn answer_keys(&self, answer: Answer) {
        *self.shared.keys.lock().expect("no panic") = answer;
    }

    pub fn answer_discovery(&self, answer: Answer) {
        *self.shared.discovery.lock().expect("no panic") = answer;
    }

    /// How often the keys were asked for.
    pub fn key_requests(&self) -> usize {
        self.shared.asked_for_keys.load(Ordering::SeqCst)
    }

    /// What it was asked, each with its headers.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().expect("no panic").clone()
    }

    /// How often anything was.
    pub fn requests(&self) -> usize {
        let shared = &self.shared;
        [&shared.asked_for_discovery, &shared.asked_for_keys, &shared.asked_for_else]
            .iter()
            .map(|count| count.load(Ordering::SeqCst))
            .sum()
    }

    /// The claims of a token as Okta makes them, good for an hour from `now` in seconds since 1970.
    pub fn claims(&self, now: i64) -> Value {
        json!({
            "ver": 1, "jti": "AT.9Vd1vW2nq", "iss": self.issuer, "aud": AUDIENCE, "iat": now, "exp": now + 3600,
            "cid": CLIENT, "uid": "00u1a2b3c4d5e6f7g8h9", "scp": ["openid", "customScope"], "sub": "ada@example.com"
        })
    }

    /// A token with the header that Okta writes (no `typ`), signed with key number 0.
    pub fn token(&self, now: i64) -> String {
        self.token_with(now, json!({}))
    }

    /// The same with `changes` to its claims.
    pub fn token_with(&self, now: i64, changes: Value) -> String {
        RsaKey::number(0).token(&header("k0"), &changed(&self.claims(now), changes))
    }
}

/// The header of Okta's access tokens.
pub fn header(kid: &str) -> String {
    json!({"kid": kid, "alg": "RS256"}).to_string()
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part).await {
            Ok(count @ 1..) => request.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    shared.heads.lock().expect("no panic").push(request.clone());
    let path = request.split(' ').nth(1).unwrap_or_default();
    let answer = match path {
        "/oauth2/default/.well-known/openid-configuration" => {
            shared.asked_for_discovery.fetch_add(1, Ordering::SeqCst);
            shared.discovery.lock().expect("no panic").clone()
        }
        "/oauth2/default/v1/keys" => {
            shared.asked_for_keys.fetch_add(1, Ordering::SeqCst);
            shared.keys.lock().expect("no panic").clone()
        }
        _ => {
            shared.asked_for_else.fetch_add(1, Ordering::SeqCst);
            Answer::text("404 Not Found", "text/plain", "no")
        }
    };
    let json = |value: &Value, headers: &str| {
        let body = value.to_string();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        )
    };
    let _ = match answer {
        Answer::Json(value) => stream.write_all(json(&value, "").as_bytes()).await,
        Answer::JsonWith(value, headers) => stream.write_all(json(&value, headers).as_bytes()).await,
        Answer::Raw(bytes) => stream.write_all(&bytes).await,
        Answer::Zeros(size) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let zeros = vec![b'0'; 64 * 1024];
            for _ in 0..size / zeros.len() {
                if stream.write_all(&zeros).await.is_err() {
                    break;
                }
            }
            Ok(())
        }
        Answer::Reset => Ok(()),
        Answer::Hang => std::future::pending().await,
        Answer::Drip => {
            let _ = stream.write_all(b"H").await;
            std::future::pending().await
        }
    };
}
