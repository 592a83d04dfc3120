//! `/`: the playground, where one gets a token, looks into it, calls a route with it, and sees why a token that was tampered with is refused.
//!
//! The page is static but for what the settings say; its script (`assets/playground`) talks to the routes of the API as any client does, and keeps the
//! token in its memory alone. `POST /playground/explain` is the one route of its own: it tells which check a token fails, which no answer under `/api`
//! ever does (RFC 6750, section 3.1). It costs what a request with a token costs, so it needs no limit of its own; without the playground it is not there,
//! and unless told otherwise the playground is only where nobody else reaches the server.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::browser::SentFrom;
use super::look::Look;
use super::page;
use crate::http::Problem;
use crate::http::json::{BodyLimit, Json};
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;
use crate::settings::Settings;
use crate::token::{Check, CheckName, Explanation, Outcome, Verifier};

/// A token is at most half as long, or it is refused unread.
const LARGEST_BODY: usize = 16 * 1024;

/// What the page says of this server. One for the process.
#[derive(Clone)]
pub(crate) struct Playground {
    page: Arc<PlaygroundPage>,
    verifier: Verifier,
}

#[derive(Template)]
#[template(path = "playground.html")]
struct PlaygroundPage {
    /// None where only tokens of others are believed.
    accounts: Option<OwnAccounts>,
    /// The authorization servers of others.
    remotes: Vec<Issuer>,
    public_url: String,
}

struct OwnAccounts {
    registration_open: bool,
    shortest_password: usize,
}

/// Somebody whose tokens are believed.
struct Issuer {
    issuer: String,
    audience: String,
}

impl Playground {
    pub fn of(settings: &Settings, verifier: Verifier) -> Self {
        let accounts = settings.auth.local.then_some(OwnAccounts {
            registration_open: settings.registration.open,
            shortest_password: settings.passwords.min_length,
        });
        let remotes = settings.auth.remotes.iter().filter_map(|name| settings.remotes.get(name));
        let remotes = remotes.map(|remote| Issuer { issuer: remote.issuer.clone(), audience: remote.audience.clone() });
        let public_url = settings.server.public_url.clone();
        let page = PlaygroundPage { accounts, remotes: remotes.collect(), public_url };
        Self { page: Arc::new(page), verifier }
    }
}

pub(super) fn routes(cfg: &mut ServiceConfig, playground: &Playground) {
    let explain = resource("/playground/explain", [post(to(explain))]);
    let playground = Data::new(playground.clone());
    cfg.service(resource("/", [get(to(show))]).app_data(playground.clone()))
        .service(explain.app_data(playground).app_data(BodyLimit(LARGEST_BODY)).wrap(from_fn(in_span)))
        .configure(super::assets::playground);
}

async fn show(look: Look, playground: Data<Playground>) -> HttpResponse {
    page::plain(&look, StatusCode::OK, &*playground.page, None)
}

#[derive(Deserialize)]
struct Asked {
    token: SecretString,
}

/// Every check of a token with its outcome, for the page alone.
async fn explain(
    request: HttpRequest,
    playground: Data<Playground>,
    asked: Json<Asked>,
) -> Result<HttpResponse, Problem> {
    if SentFrom::of(&request) != SentFrom::Here {
        return Err(
            Problem::new(StatusCode::FORBIDDEN, "not-from-here").detail("Only a page of this server may ask this.")
        );
    }
    let explanation = playground.verifier.explain_asking(asked.0.token.expose_secret()).await;
    Ok(HttpResponse::Ok().json(for_anybody(explanation)))
}

/// Without what only the operator is to know: a token that has not proved itself is not told which client or claims the settings want, nor whether it has
/// them, or who never had a good one could try them out.
fn for_anybody(mut explanation: Explanation) -> Explanation {
    if !explanation.authentic {
        let of_settings = |check: &&mut Check| matches!(check.name, CheckName::Client | CheckName::RequiredClaim);
        for check in explanation.checks.iter_mut().filter(of_settings) {
            check.outcome = Outcome::NotReached;
            (check.expected, check.found, check.remedy) = (None, None, None);
        }
    }
    explanation
}
