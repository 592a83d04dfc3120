//! Which route is where, and what lies around all of them.

use actix_web::http::StatusCode;
use actix_web::middleware::Condition;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, ResponseError as _};

use super::health::{self, Draining};
use super::info;
use super::openapi::{self, Served};
use crate::accounts::{Accounts, routes};
use crate::admin;
use crate::http::Problem;
use crate::http::client_address::TrustedProxies;
use crate::http::cors::cors;
use crate::http::json::BodyLimit;
use crate::metrics::Metrics;
use crate::oauth::{self, OAuth};
use crate::settings::Settings;
use crate::token::Verifier;
use crate::web::Playground;
use crate::web::browser::PublicOrigin;
use crate::web::look::Look;

/// All that the routes need; each worker has a clone.
#[derive(Clone)]
pub(crate) struct State {
    pub verifier: Verifier,
    pub metrics: Data<Metrics>,
    /// `None` when "local" is not accepted.
    pub accounts: Option<Data<Accounts>>,
    /// Beside the accounts.
    pub oauth: Option<Data<OAuth>>,
    pub draining: Draining,
    pub body_limit: BodyLimit,
    pub trusted_proxies: TrustedProxies,
    pub cors_origins: Vec<String>,
    pub origin: PublicOrigin,
    pub served: Data<Served>,
    pub look: Look,
    pub playground: Option<Playground>,
    /// The remote issuers, for whoever looks for the login where there is none.
    pub log_in_at: String,
}

impl State {
    pub fn new(
        settings: &Settings,
        verifier: Verifier,
        metrics: Data<Metrics>,
        accounts: Option<Data<Accounts>>,
        oauth: Option<Data<OAuth>>,
        look: Look,
    ) -> Self {
        let remotes = settings.auth.remotes.iter().filter_map(|name| settings.remotes.get(name));
        let playground = settings.pages.playground.then(|| Playground::of(settings, verifier.clone()));
        Self {
            verifier,
            metrics,
            accounts,
            oauth,
            draining: Draining::default(),
            body_limit: BodyLimit(settings.server.max_body),
            trusted_proxies: TrustedProxies(settings.server.trusted_proxies.clone()),
            cors_origins: settings.cors.origins.clone(),
            served: Data::new(Served::of(settings, &look)),
            look,
            playground,
            origin: PublicOrigin(settings.server.public_url.clone()),
            log_in_at: remotes.map(|remote| remote.issuer.as_str()).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// The routes, and the data they need.
pub(crate) fn routes(cfg: &mut ServiceConfig, state: &State) {
    cfg.app_data(state.verifier.clone())
        .app_data(state.metrics.clone())
        .app_data(state.draining.clone())
        .app_data(state.body_limit)
        .app_data(state.trusted_proxies.clone())
        .app_data(state.origin.clone())
        .app_data(state.look.clone())
        .app_data(state.served.clone());
    if let Some(accounts) = &state.accounts {
        cfg.app_data(accounts.clone());
    }
    if let Some(oauth) = &state.oauth {
        cfg.app_data(oauth.clone());
    }
    let whose = if state.accounts.is_some() { Whose::Local } else { Whose::Remote(&state.log_in_at) };
    paths(cfg, &whose, &state.cors_origins);
    crate::web::common_routes(cfg, state.playground.as_ref(), state.oauth.is_some());
}

/// Whose accounts there are.
pub(super) enum Whose<'a> {
    /// This server's.
    Local,
    /// Those of others only, where one logs in.
    Remote(&'a str),
}

/// The routes alone.
pub(super) fn paths(cfg: &mut ServiceConfig, whose: &Whose<'_>, cors_origins: &[String]) {
    let accounts = |cfg: &mut ServiceConfig| match whose {
        Whose::Local => {
            routes::local(cfg);
            admin::routes(cfg);
        }
        Whose::Remote(log_in_at) => {
            routes::remote(cfg);
            for path in routes::LOCAL_PATHS {
                elsewhere(cfg, path, log_in_at);
            }
        }
    };
    // Actix asks one service after the other whether a path is its own, and asking costs, as does each scope around it: what is asked for most
    // stands first, and in none.
    info::routes(cfg, cors_origins);
    cfg.service(
        web::scope("/api")
            .wrap(Condition::new(!cors_origins.is_empty(), cors(cors_origins)))
            .configure(accounts)
            .default_service(web::to(not_found)),
    );
    match whose {
        Whose::Local => {
            oauth::routes(cfg, cors_origins);
            crate::web::routes(cfg);
        }
        Whose::Remote(log_in_at) => {
            for path in ["oauth2/default", "sign-in", "register", "forgot-password", "account", "admin", "activate"] {
                elsewhere(cfg, path, log_in_at);
            }
        }
    }
    cfg.configure(openapi::routes)
        .service(web::scope("/health").configure(health::routes).default_service(web::to(not_found)))
        .default_service(web::to(not_found));
}

/// Where there are no accounts, `path` and everything below it say where there are.
fn elsewhere(cfg: &mut ServiceConfig, path: &str, log_in_at: &str) {
    let detail = format!("There are no accounts here. Log in at {log_in_at} and bring its access token.");
    cfg.route(
        &format!("/{path}{{below:(/.*)?}}"),
        web::to(move || {
            let problem = Problem::new(StatusCode::NOT_FOUND, "no-accounts-here").detail(detail.clone());
            std::future::ready(problem.error_response()) as std::future::Ready<HttpResponse>
        }),
    );
}

pub(super) async fn not_found() -> HttpResponse {
    Problem::new(StatusCode::NOT_FOUND, "not-found").detail("There is nothing at this address.").error_response()
}
