//! The style sheets, scripts and pictures of the pages, built into the program; and those that the settings bring.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use actix_web::web::{ServiceConfig, to};
use actix_web::{HttpRequest, HttpResponse};

use super::look::Look;
use crate::http::etag::{self, Keep, Tagged};
use crate::http::methods::{get, resource};
use crate::settings::logo::LogoKind;

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Nothing in a picture may run or load, even when it is opened by itself.
const PICTURE: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// The picture of a server without a logo of its own.
pub(super) const MARK: &str = "/assets/mark.svg";

/// The style sheet of the settings' colour.
pub(super) const COLOR: &str = "/assets/color.css";

const BUILT_IN: [(&str, &str, &str); 7] = [
    ("/assets/style.css", CSS, include_str!("assets/style.css")),
    ("/assets/admin.css", CSS, include_str!("assets/admin.css")),
    ("/assets/docs.css", CSS, include_str!("assets/docs.css")),
    ("/assets/docs.js", SCRIPT, include_str!("assets/docs.js")),
    (MARK, SVG, include_str!("assets/mark.svg")),
    ("/assets/forms.js", SCRIPT, include_str!("assets/forms.js")),
    ("/assets/passkey.js", SCRIPT, include_str!("assets/passkey.js")),
];

/// What only the playground needs.
const PLAYGROUND: [(&str, &str, &str); 12] = [
    ("/assets/playground.css", CSS, include_str!("assets/playground.css")),
    ("/assets/playground/account.js", SCRIPT, include_str!("assets/playground/account.js")),
    ("/assets/playground/call.js", SCRIPT, include_str!("assets/playground/call.js")),
    ("/assets/playground/dom.js", SCRIPT, include_str!("assets/playground/dom.js")),
    ("/assets/playground/explain.js", SCRIPT, include_str!("assets/playground/explain.js")),
    ("/assets/playground/held.js", SCRIPT, include_str!("assets/playground/held.js")),
    ("/assets/playground/inspect.js", SCRIPT, include_str!("assets/playground/inspect.js")),
    ("/assets/playground/jwt.js", SCRIPT, include_str!("assets/playground/jwt.js")),
    ("/assets/playground/main.js", SCRIPT, include_str!("assets/playground/main.js")),
    ("/assets/playground/snippets.js", SCRIPT, include_str!("assets/playground/snippets.js")),
    ("/assets/playground/tabs.js", SCRIPT, include_str!("assets/playground/tabs.js")),
    ("/assets/playground/tamper.js", SCRIPT, include_str!("assets/playground/tamper.js")),
];

pub(super) fn routes(cfg: &mut ServiceConfig) {
    built_in(cfg, &BUILT_IN);
    cfg.service(resource(COLOR, [get(to(color))]))
        .service(resource("/assets/logo.svg", [get(to(async |request, look| logo(&request, &look, LogoKind::Svg)))]))
        .service(resource("/assets/logo.png", [get(to(async |request, look| logo(&request, &look, LogoKind::Png)))]));
}

pub(super) fn playground(cfg: &mut ServiceConfig) {
    built_in(cfg, &PLAYGROUND);
}

fn built_in(cfg: &mut ServiceConfig, assets: &[(&'static str, &'static str, &'static str)]) {
    for (path, content_type, body) in assets.iter().copied() {
        let file = Tagged::from(body);
        cfg.service(resource(
            path,
            [get(to(move |request: HttpRequest| {
                let file = file.clone();
                async move { answer(&request, content_type, &file) }
            }))],
        ));
    }
}

async fn color(request: HttpRequest, look: Look) -> HttpResponse {
    answer(&request, CSS, look.style())
}

fn logo(request: &HttpRequest, look: &Look, kind: LogoKind) -> HttpResponse {
    let Some(logo) = look.logo().filter(|logo| logo.kind == kind) else {
        return HttpResponse::NotFound().finish();
    };
    let content_type = match kind {
        LogoKind::Svg => SVG,
        LogoKind::Png => "image/png",
    };
    answer(request, content_type, &logo.file)
}

/// Browsers keep it and ask each time whether it is still the same: after an update all parts of a page are of one version.
fn answer(request: &HttpRequest, content_type: &'static str, file: &Tagged) -> HttpResponse {
    let (mut response, has_it) = etag::kept(request, &file.tag, Keep::Asking);
    response.insert_header((CONTENT_TYPE, content_type)).insert_header((CORP, "same-origin"));
    if content_type.starts_with("image/") {
        response.insert_header((CONTENT_SECURITY_POLICY, PICTURE));
    }
    if has_it { response.finish() } else { response.body(file.body.clone()) }
}
