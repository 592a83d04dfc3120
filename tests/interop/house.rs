//! The server with RS256 keys and one scope, as the article has it at Okta, and its clients.

use std::fs::{create_dir, read, write};
use std::path::PathBuf;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Program, run, told};
use crate::support::ports::closed_port;
use crate::support::stolen::StolenKey;
use crate::support::tokens::base64url;

pub const SCOPE: &str = "customScope";
pub const PUBLIC: &str = "You are viewing public info";
pub const PRIVATE: &str = "You are viewing private profile info";

/// A running server, whose public address is where it listens.
pub struct House {
    pub program: Program,
    pub issuer: String,
    pub public_url: String,
    folder: TempDir,
}

impl House {
    pub fn start() -> Self {
        Self::signing("RS256")
    }

    /// One whose access tokens have this algorithm.
    pub fn signing(algorithm: &str) -> Self {
        let address = format!("127.0.0.1:{}", closed_port());
        Self::listening(&address, &format!("http://{address}"), algorithm)
    }

    /// One that may be asked as often as one likes.
    pub fn without_limits() -> Self {
        let address = format!("127.0.0.1:{}", closed_port());
        Self::with(&address, &format!("http://{address}"), "RS256", "[limits]\nenabled = false\n")
    }

    /// One that browsers know by a name, so that there are passkeys, and that pages of `origin` may call.
    pub fn at_localhost(origin: &str) -> Self {
        let port = closed_port();
        let more = format!("[cors]\norigins = [\"{origin}\"]\n");
        Self::with(&format!("127.0.0.1:{port}"), &format!("http://localhost:{port}"), "HS256", &more)
    }

    /// One that others reach at `public_url`, through something in front of it.
    pub fn behind(public_url: &str) -> Self {
        Self::listening("127.0.0.1:0", public_url, "RS256")
    }

    fn listening(address: &str, public_url: &str, algorithm: &str) -> Self {
        Self::with(address, public_url, algorithm, "")
    }

    fn with(address: &str, public_url: &str, algorithm: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "[server]\npublic_url = \"{public_url}\"\n[tokens]\nalgorithm = \"{algorithm}\"\n\
             [[oauth.scopes]]\nname = \"{SCOPE}\"\ndescription = \"What it opens\"\n{more}"
        );
        create_dir(folder.path().join("config")).unwrap();
        write(folder.path().join("config/default.toml"), settings).unwrap();
        let program = Program::start(folder.path(), &[("TOKENHOUSE__SERVER__LISTEN", address)]);
        Self { program, issuer: format!("{public_url}/oauth2/default"), public_url: public_url.to_owned(), folder }
    }

    /// The key it signs with.
    pub fn key(&self) -> StolenKey {
        let file = read(self.folder.path().join("data/keys/signing-keys.json")).unwrap();
        let keys: Value = serde_json::from_slice(&file).unwrap();
        StolenKey(keys["keys"][0].clone())
    }

    /// Where its letters are.
    pub fn outbox(&self) -> PathBuf {
        self.folder.path().join("data/outbox")
    }

    /// Adds a client that shows its secret in this way.
    pub fn client(&self, method: &str) -> Client {
        let made = self.add_machine(&["--auth-method", method]);
        Client(json!({"id": made["client_id"], "method": method, "secret": made["client_secret"]}))
    }

    /// Adds a client that signs with `key`.
    pub fn signing_client(&self, key: &Key) -> Client {
        let file = self.folder.path().join("client.jwks");
        write(&file, json!({"keys": [key.jwk]}).to_string()).unwrap();
        let made = self.add_machine(&["--auth-method", "private_key_jwt", "--jwks", file.to_str().unwrap()]);
        Client(json!({"id": made["client_id"], "method": "private_key_jwt", "key": key.private()}))
    }

    /// One client of each kind, with a name for it.
    pub fn clients(&self) -> Vec<(&'static str, Client)> {
        vec![
            ("client_secret_basic", self.client("client_secret_basic")),
            ("client_secret_post", self.client("client_secret_post")),
            ("private_key_jwt, RS256", self.signing_client(&Key::rs256())),
            ("private_key_jwt, ES256", self.signing_client(&Key::es256())),
        ]
    }

    fn add_machine(&self, more: &[&str]) -> Value {
        self.add_client(&[&["--name", "article", "--grant", "client_credentials"], more].concat())
    }

    /// Runs a command beside the server.
    pub fn command(&self, arguments: &[&str]) {
        let (code, _, errors) = told(&run(self.folder.path(), arguments, &[]));
        assert_eq!(code, 0, "{errors}");
    }

    pub fn add_client(&self, more: &[&str]) -> Value {
        let common = ["client", "add", "--json", "--scope", SCOPE];
        let (code, printed, errors) = told(&run(self.folder.path(), &[&common, more].concat(), &[]));
        assert_eq!(code, 0, "{errors}");
        serde_json::from_str(&printed).unwrap()
    }

    /// Gives an account the role `admin`.
    pub fn make_administrator(&self, email: &str) {
        let (code, _, errors) = told(&run(self.folder.path(), &["user", "role", email, "add", "admin"], &[]));
        assert_eq!(code, 0, "{errors}");
    }

    /// A machine's token.
    pub async fn token(&self, client: &Client) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", SCOPE)];
        let request = self.program.client.post(format!("{}/oauth2/default/v1/token", self.program.url)).form(&form);
        let answer = request.basic_auth(client.text("id"), Some(client.text("secret"))).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
    }

    /// A person's token.
    pub async fn persons_token(&self) -> String {
        self.register("grace@example.com").await;
        self.program.log_in("grace@example.com").await.unwrap()["access_token"].as_str().unwrap().to_owned()
    }
}

/// A token with another signature.
pub fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{other}{}", &signature[1..])
}

/// A client as the programs here are told of it: id, method, and secret or key.
#[derive(Clone)]
pub struct Client(pub Value);

impl Client {
    pub fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    /// The same with another member.
    pub fn with(&self, name: &str, value: Value) -> Self {
        let mut other = self.clone();
        other.0[name] = value;
        other
    }
}

/// A client's key.
pub struct Key {
    jwk: Value,
    pkcs8: Vec<u8>,
}

impl Key {
    pub fn rs256() -> Self {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref().to_vec();
        let n = base64url(pair.public_key().modulus().big_endian_without_leading_zero());
        let e = base64url(pair.public_key().exponent().big_endian_without_leading_zero());
        Self { jwk: json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa", "n": n, "e": e}), pkcs8 }
    }

    pub fn es256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let pkcs8 = pair.to_pkcs8v1().unwrap().as_ref().to_vec();
        let point = pair.public_key().as_ref();
        let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
        Self {
            jwk: json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "ec", "x": x, "y": y}),
            pkcs8,
        }
    }

    /// As the programs here are told of it.
    pub fn private(&self) -> Value {
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&self.pkcs8));
        json!({"alg": self.jwk["alg"], "kid": self.jwk["kid"], "pem": pem})
    }
}
