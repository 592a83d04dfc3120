//! `/`: the playground, where one gets a token, looks into it, calls a route with it, and sees why a token that was tampered with is refused.
//!
//! The page is static but for what the settings say; its script (`assets/playground`) talks to the routes of the API as any client does, and keeps the
//! token in its memory alone. `POST /playground/explain` is the one route of its own: it tells which check a token fails, which no answer under `/api`
//! ever does (RFC 6750, section 3.1). It costs what a request with a token costs, so it needs no limit of its own; without the playground it is not there.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderName, ORIGIN};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::browser::PublicOrigin;
use super::look::Look;
use super::page;
use crate::http::Problem;
use crate::http::json::{BodyLimit, Json};
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;
use crate::settings::Settings;
use crate::token::Verifier;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A token is at most half as long, or it is refused unread.
const LARGEST_BODY: usize = 16 * 1024;

/// What the page says of this server. One for the process.
#[derive(Clone)]
pub(crate) struct Playground(Arc<PlaygroundPage>);

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
    pub fn of(settings: &Settings) -> Self {
        let accounts = settings.auth.local.then_some(OwnAccounts {
            registration_open: settings.registration.open,
            shortest_password: settings.passwords.min_length,
        });
        let remotes = settings.auth.remotes.iter().filter_map(|name| settings.remotes.get(name));
        let remotes = remotes.map(|remote| Issuer { issuer: remote.issuer.clone(), audience: remote.audience.clone() });
        let public_url = settings.server.public_url.clone();
        Self(Arc::new(PlaygroundPage { accounts, remotes: remotes.collect(), public_url }))
    }
}

pub(super) fn routes(cfg: &mut ServiceConfig, playground: &Playground) {
    let explain = resource("/playground/explain", [post(to(explain))]);
    cfg.service(resource("/", [get(to(show))]).app_data(Data::new(playground.clone())))
        .service(explain.app_data(BodyLimit(LARGEST_BODY)).wrap(from_fn(in_span)))
        .configure(super::assets::playground);
}

async fn show(look: Look, playground: Data<Playground>) -> HttpResponse {
    page::plain(&look, StatusCode::OK, &*playground.0, None)
}

#[derive(Deserialize)]
struct Asked {
    token: SecretString,
}

/// Every check of a token with its outcome, for the page alone.
async fn explain(request: HttpRequest, asked: Json<Asked>) -> Result<HttpResponse, Problem> {
    if !is_from_the_page(&request) {
        return Err(
            Problem::new(StatusCode::FORBIDDEN, "not-from-here").detail("Only a page of this server may ask this.")
        );
    }
    let verifier = request.app_data::<Verifier>().ok_or_else(|| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-verifier").detail("There is nothing to explain tokens with.")
    })?;
    Ok(HttpResponse::Ok().json(verifier.explain_asking(asked.0.token.expose_secret()).await))
}

/// By Fetch Metadata where the browser sends it, else by the origin: the one that people know this server by, or the one that they came by.
fn is_from_the_page(request: &HttpRequest) -> bool {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = header(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    header(ORIGIN).is_none_or(|origin| {
        let is_public = request.app_data::<PublicOrigin>().is_some_and(|public| public.0 == origin);
        // The Host header and no other: anybody can send X-Forwarded-Host. And as text, for there are hosts that no URL can be made of.
        let host = header(HOST).unwrap_or_default();
        is_public || origin.split_once("://").is_some_and(|(_, came_by)| !host.is_empty() && came_by == host)
    })
}
