//! openid-client, which is certified by the OpenID Foundation: machines get, show and end their tokens with nothing but the issuer's URL.

use serde_json::{Value, json};

use crate::house::{Client, House, Key, SCOPE};
use crate::node::{Script, available};
use crate::others::ask;
use crate::support::tokens::Findings;

/// What came of it; `well_known` is `oidc` for OpenID's form of the address of the metadata, and `oauth2` for RFC 8414's.
fn outcome(house: &House, client: &Client, well_known: &str, scope: &str) -> Value {
    let input = json!({"issuer": house.issuer, "scope": scope, "well_known": well_known, "client": client.0});
    ask(Script::new("openid_client.mjs").command(), &input)
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_shows_and_ends_a_token() {
    if !available() {
        return;
    }
    let house = House::start();
    let mut findings = Findings::default();
    for (name, client) in house.clients() {
        for well_known in ["oidc", "oauth2"] {
            let outcome = outcome(&house, &client, well_known, SCOPE);
            let mut expect = |pointer: &str, right: Value| {
                let found = outcome.pointer(pointer).cloned().unwrap_or_default();
                findings.expect(&format!("{name}, {well_known}: {pointer}"), found, right);
            };
            expect("/discovered/issuer", json!(house.issuer));
            // It makes it lower-case.
            expect("/granted/token_type", json!("bearer"));
            expect("/granted/scope", json!(SCOPE));
            expect("/profile", json!(200));
            expect("/introspected/active", json!(true));
            expect("/introspected/client_id", client.0["id"].clone());
            expect("/introspected/iss", json!(house.issuer));
            expect("/revoked/introspected", json!({"active": false}));
            expect("/revoked/profile", json!("bearer invalid_token"));
            expect("/refused", Value::Null);
        }
    }
    findings.none();
}

#[tokio::test(flavor = "multi_thread")]
async fn understands_a_refusal() {
    if !available() {
        return;
    }
    let house = House::start();
    let (basic, post) = (house.client("client_secret_basic"), house.client("client_secret_post"));
    let signing = house.signing_client(&Key::es256());
    let wrong = json!("a secret of somebody else");
    let rows = [
        ("wrong secret, basic", basic.with("secret", wrong.clone()), SCOPE, (401, "invalid_client")),
        ("wrong secret, post", post.with("secret", wrong), SCOPE, (401, "invalid_client")),
        ("wrong key", signing.with("key", Key::es256().private()), SCOPE, (401, "invalid_client")),
        ("no such client", basic.with("id", json!("0oaNobody")), SCOPE, (401, "invalid_client")),
        ("a scope that is not there", basic, "anotherScope", (400, "invalid_scope")),
    ];
    let mut findings = Findings::default();
    for (row, client, scope, (status, error)) in rows {
        let refused = outcome(&house, &client, "oidc", scope)["refused"].clone();
        findings.expect(row, refused, json!({"status": status, "error": error}));
    }
    findings.none();
}
