//! An application of your own, protected by tokens of its own: `cargo run --example protect_your_api`.
//!
//! It makes a key in `example-data/keys` (or `KEY_DIR`), mints two tokens to try, and prints the requests. In earnest, people get their
//! tokens by logging in at a running `tokenhouse`: then `KEY_DIR` is its `data/keys`, `ISSUER` its `public_url` with `/oauth2/default` behind it,
//! and nothing is minted here.

use std::env;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer, get, web};
use tokenhouse::{Bearer, Clock, LocalIssuer, LocalSettings, Protect, Refusal, Scopes, Verifier};

// Whoever has a good token.
#[get("/hello")]
async fn hello(user: Bearer) -> String {
    format!("Hello {}\n", user.subject)
}

// Whoever has a good token with this scope; everybody else gets 403.
#[get("/invoices")]
async fn invoices(user: Bearer) -> Result<String, Refusal> {
    user.require_scope("invoices.read")?;
    Ok(format!("Invoices of {}\n", user.subject))
}

// Behind `Protect`, a handler need not name a token to be protected.
async fn state() -> &'static str {
    "All is well\n"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());

    let settings = LocalSettings {
        issuer: variable("ISSUER", "http://localhost:3000/oauth2/default"),
        audience: "api://default".to_owned(),
        access_ttl: Duration::from_hours(1),
    };
    let key_dir = variable("KEY_DIR", "example-data/keys");
    let issuer = Arc::new(LocalIssuer::with_key_dir(settings, Path::new(&key_dir), Clock::system())?);
    let verifier = Verifier::builder().local(Arc::clone(&issuer)).build()?;

    let server = HttpServer::new(move || {
        App::new().app_data(verifier.clone()).service(hello).service(invoices).service(
            web::scope("/admin").wrap(Protect::new().require_scope("admin")).route("/state", web::get().to(state)),
        )
    })
    .bind(format!("127.0.0.1:{}", variable("PORT", "8080")))?;

    // For a session that nobody began, of a user who does not exist: good for this demonstration only.
    let user = "8a6e0804-2bd0-4672-b79d-d97027f9071a";
    let mint = |scopes: &str| issuer.mint_for_user(user, "demonstration", i64::MAX, &Scopes::from(scopes)).token;
    for address in server.addrs() {
        println!("curl http://{address}/hello -H 'Authorization: Bearer {}'\n", mint("openid"));
        println!("curl http://{address}/invoices -H 'Authorization: Bearer {}'\n", mint("openid invoices.read"));
        println!("listening on http://{address}");
    }
    server.run().await?;
    Ok(())
}
