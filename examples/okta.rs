//! An application of your own that believes Okta's tokens:
//!
//! ```sh
//! OKTA_ISSUER=https://dev-123456.okta.com/oauth2/default cargo run --example okta
//! curl http://127.0.0.1:8080/api/publicInfo
//! curl http://127.0.0.1:8080/api/profile -H "Authorization: Bearer $TOKEN"
//! ```

use std::env;
use std::error::Error;

use actix_web::{App, HttpServer, get};
use tokenhouse::{Bearer, RemoteSettings, Verifier};

#[get("/api/publicInfo")]
async fn public_info() -> &'static str {
    "You are viewing public info"
}

#[get("/api/profile")]
async fn profile(user: Bearer) -> String {
    format!("You are viewing the profile of {}, who may {}", user.subject, user.scopes)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = env::var("OKTA_ISSUER").map_err(
        |_| "set OKTA_ISSUER to the address of your authorization server, such as https://dev-123456.okta.com/oauth2/default",
    )?;
    let audience = env::var("OKTA_AUDIENCE").unwrap_or_else(|_| "api://default".to_owned());

    let mut okta = RemoteSettings::new(&issuer, audience)?;
    // Set, it lets in the tokens of this client only.
    okta.client_id = env::var("OKTA_CLIENT_ID").ok();
    let verifier = Verifier::builder().remote(okta).build()?;

    let server = HttpServer::new(move || App::new().app_data(verifier.clone()).service(public_info).service(profile))
        .bind(format!("127.0.0.1:{}", env::var("PORT").unwrap_or_else(|_| "8080".to_owned())))?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await?;
    Ok(())
}
