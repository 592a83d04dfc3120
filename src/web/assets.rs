//! The style sheet and the script of the pages, built into the program.

use std::future::{Ready, ready};

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{ServiceConfig, to};

use crate::http::methods::{get, resource};

const STYLE: &str = include_str!("assets/style.css");
const ADMIN: &str = include_str!("assets/admin.css");
const PASSKEY: &str = include_str!("assets/passkey.js");

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/assets/style.css", [get(to(|| answer("text/css; charset=utf-8", STYLE)))]))
        .service(resource("/assets/admin.css", [get(to(|| answer("text/css; charset=utf-8", ADMIN)))]))
        .service(resource("/assets/passkey.js", [get(to(|| answer("text/javascript; charset=utf-8", PASSKEY)))]));
}

fn answer(content_type: &'static str, body: &'static str) -> Ready<HttpResponse> {
    let answer = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(body);
    ready(answer)
}
