//! `/admin/settings`: the settings in force, with the limits first. As `tokenhouse config show` has them: no secret is among them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use askama::Template;

use super::administrator::Administrator;
use super::frame::{Frame, Here, answer};
use crate::http::methods::{get, resource};
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::settings::show::Entry;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/settings", [get(to(show))]).wrap(from_fn(in_span)));
}

/// A section of the settings: its name, and key, value and origin of each.
struct Section {
    name: String,
    rows: Vec<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "admin/settings.html")]
struct SettingsPage<'p> {
    frame: Frame<'p>,
    sections: Vec<Section>,
}

async fn show(admin: Administrator, oauth: Data<OAuth>) -> HttpResponse {
    let page = SettingsPage { frame: Frame::of(&admin, Here::Settings), sections: sections(&oauth.in_force) };
    answer(StatusCode::OK, &admin, &page)
}

fn sections(entries: &[Entry]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for entry in entries {
        let (name, key) = match entry.key.rsplit_once('.') {
            Some((name, key)) => (name, key),
            None => ("", entry.key.as_str()),
        };
        let value = entry.value.as_str().map_or_else(|| entry.value.to_string(), str::to_owned);
        let row = (key.to_owned(), value, entry.origin.to_string());
        match sections.iter_mut().find(|section| section.name == name) {
            Some(section) => section.rows.push(row),
            None => sections.push(Section { name: name.to_owned(), rows: vec![row] }),
        }
    }
    // What people come here for.
    sections.sort_by_key(|section| section.name != "limits");
    sections
}
