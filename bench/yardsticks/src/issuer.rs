//! A stand-in for Okta: publishes its key where Okta does.

use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::{App, HttpServer, web};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::tokens;

pub async fn serve(count: usize, file: &str) -> crate::Outcome {
    let issuer = Issuer::new()?;
    tokens::write(file, issuer.tokens(count)?)?;
    println!("{}", issuer.name);
    issuer.serve().await
}

pub struct Issuer {
    /// Its `iss`.
    pub name: String,
    pub pair: KeyPair,
    listener: TcpListener,
}

impl Issuer {
    pub fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let name = format!("http://{}/oauth2/default", listener.local_addr()?);
        Ok(Self { name, pair: KeyPair::generate(KeySize::Rsa2048)?, listener })
    }

    pub fn tokens(&self, count: usize) -> Result<Vec<String>, Box<dyn std::error::Error>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        tokens::of_issuer(&self.name, &self.pair, now, count)
    }

    pub async fn serve(self) -> crate::Outcome {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = self.pair.public_key();
        let (n, e) = (public.modulus(), public.exponent());
        let (n, e) = (number(n.big_endian_without_leading_zero()), number(e.big_endian_without_leading_zero()));
        let keys = json!({"keys": [{"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": n, "e": e}]});
        let discovery = json!({"issuer": self.name, "jwks_uri": format!("{}/v1/keys", self.name)});
        let answer = |document: &Value| {
            let document = document.clone();
            web::get().to(move || std::future::ready(web::Json(document.clone())))
        };
        let app = move || {
            App::new()
                .route("/oauth2/default/.well-known/openid-configuration", answer(&discovery))
                .route("/oauth2/default/v1/keys", answer(&keys))
        };
        Ok(HttpServer::new(app).workers(1).listen(self.listener)?.run().await?)
    }
}
