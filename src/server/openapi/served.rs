//! `/openapi.json` and `/docs`. The assets of the page are with those of the others, in `web`.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_SECURITY_POLICY, ContentType};
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template as _;
use tokio::sync::OnceCell;

use super::page::Page;
use crate::http::Problem;
use crate::http::etag::{self, Keep, Tagged};
use crate::http::methods::{get, resource};
use crate::settings::Settings;
use crate::web::look::Look;

/// It changes with the settings and the version alone, so when a server starts anew.
const MAX_AGE: Keep = Keep::For(Duration::from_mins(10));

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The document and the page of a server, made when somebody asks for the first time: it takes longer than all the rest of a start, and megabytes.
/// One for the process.
pub(crate) struct Served {
    of: Arc<(Settings, Look)>,
    made: OnceCell<Made>,
}

/// Both as they are sent.
struct Made {
    document: Tagged,
    page: Tagged,
}

impl Served {
    /// Those of a server with these settings, and this look.
    pub fn of(settings: &Settings, look: &Look) -> Self {
        Self { of: Arc::new((settings.clone(), look.clone())), made: OnceCell::new() }
    }

    async fn made(&self) -> Result<&Made, Problem> {
        let made = self.made.get_or_try_init(async || {
            let of = Arc::clone(&self.of);
            tokio::task::spawn_blocking(move || Made::of(&of.0, &of.1)).await
        });
        made.await.map_err(|error| {
            tracing::error!(%error, "the document of the routes could not be made");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
        })
    }
}

impl Made {
    fn of(settings: &Settings, look: &Look) -> Self {
        let document = super::document(settings);
        let value = serde_json::to_value(&document).unwrap_or_default();
        let page = Page::of(&value, &settings.server.public_url, look).render().unwrap_or_else(|error| {
            tracing::error!(%error, "the page of the routes could not be made");
            String::new()
        });
        Self { document: value.to_string().into(), page: page.into() }
    }
}

/// The routes, at the root.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/openapi.json", [get(to(open_api))])).service(resource("/docs", [get(to(docs))]));
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "showOpenApi",
    tag = "Health",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` that one has.")),
    responses(
        (status = 200, description = "OpenAPI 3.1.", body = Object, headers(("ETag" = String, description = "The state of the document."), ("Cache-Control" = String, description = "How long it may be kept."))),
        (status = 304, description = "It is as it was."),
    ),
    security(()),
)]
pub(super) async fn open_api(request: HttpRequest, served: Data<Served>) -> Result<HttpResponse, Problem> {
    let document = &served.made().await?.document;
    let (mut response, has_it) = etag::kept(&request, &document.tag, MAX_AGE);
    // What anybody may read, a page of any origin may; there are no credentials here.
    response.insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    Ok(if has_it { response.finish() } else { response.insert_header(ContentType::json()).body(document.body.clone()) })
}

async fn docs(request: HttpRequest, served: Data<Served>) -> Result<HttpResponse, Problem> {
    let page = &served.made().await?.page;
    let (mut response, has_it) = etag::kept(&request, &page.tag, MAX_AGE);
    response.insert_header((CONTENT_SECURITY_POLICY, POLICY));
    Ok(if has_it { response.finish() } else { response.insert_header(ContentType::html()).body(page.body.clone()) })
}
