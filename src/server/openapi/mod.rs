//! The routes told by themselves: the OpenAPI document at `/openapi.json`, and the page at `/docs` that shows it to people.
//!
//! The document is made of the code: what a handler says beside itself, the types that it sends and reads, and the problems that it may end in
//! (`http/documented.rs`). What belongs to no handler is here.
//!
//! | file | what is in it |
//! |---|---|
//! | `security` | the ways to authenticate |
//! | `served` | the two routes |
//! | `page` | the page; `schemas`: schemas in words; `words`: texts with code in them; `curl`: requests for a terminal |

mod curl;
mod page;
mod schemas;
mod security;
mod served;
#[cfg(test)]
mod tests;
mod words;

use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem, RefOr, Schema, Server};

pub(super) use served::{Served, routes};

use crate::accounts::routes as accounts;
use crate::http::problem::Members;
use crate::settings::Settings;
use crate::{admin, oauth};

/// What the document begins with.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "tokenhouse",
        description = "Logins for an API. Errors are `application/problem+json` (RFC 9457); those below `/oauth2` are OAuth's \
                       `error` and `error_description`. A mistake of the server itself is 500, on any route, \
                       with `internal` or `server_error`. Times are RFC 3339 in UTC, ids are UUIDs.\n\nThe pages for people \
                       (`/sign-in`, `/register`, `/forgot-password`, `/account`, `/admin`, `/activate` and what letters lead to) are not \
                       in this document, nor is `/metrics`, which has a listener of its own.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(Members)),
    paths(served::open_api),
    tags(
        (name = "Protected routes", description = "What a token opens, and what is open without one."),
        (name = "Accounts", description = "Registering, logging in, and one's own account."),
        (name = "Sessions", description = "Where one is logged in."),
        (name = "Second factors", description = "Authenticator apps, recovery codes and passkeys."),
        (name = "Administration", description = "For the scope `admin`, which the role `admin` gives."),
        (name = "OAuth and OpenID Connect", description = "The authorization server, at Okta's own paths."),
        (name = "Health", description = "For whatever watches the server, and this document."),
    ),
)]
struct Beginning;

/// The document of a server with these settings: the routes that it has, and none besides.
pub(crate) fn document(settings: &Settings) -> OpenApi {
    let mut document = Beginning::openapi();
    document.servers = Some(vec![Server::new(&settings.server.public_url)]);
    document.merge(super::info::Documented::openapi());
    document.merge(super::health::Documented::openapi());
    if settings.auth.local {
        document.merge(accounts::documented());
        document.merge(admin::documented());
        document.merge(oauth::documented());
    } else {
        document.merge(accounts::documented_remote());
    }
    security::describe(&mut document, settings);
    document.paths.paths.values_mut().flat_map(operations_of_mut).for_each(say_that_a_body_may_be_left_out);
    let used = |name: &str| {
        let mut operations = document.paths.paths.values().flat_map(operations_of);
        operations.any(|operation| operation.tags.iter().flatten().any(|tag| tag == name))
    };
    let tags = document.tags.take().unwrap_or_default().into_iter().filter(|tag| used(&tag.name)).collect();
    document.tags = Some(tags);
    document
}

fn operations_of(item: &PathItem) -> impl Iterator<Item = &Operation> {
    [&item.get, &item.post, &item.patch, &item.delete].into_iter().flatten()
}

fn operations_of_mut(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// utoipa says of `Option<T>` that the body may be `null`, which no route takes.
fn say_that_a_body_may_be_left_out(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        if let Some(RefOr::T(Schema::OneOf(either))) = &mut content.schema {
            let kept = either.items.iter().position(|item| matches!(item, RefOr::Ref(_)));
            content.schema = kept.map(|kept| either.items.swap_remove(kept));
        }
    }
}

/// The document as text, with a line for each thing.
pub(crate) fn text(settings: &Settings) -> Result<String, serde_json::Error> {
    document(settings).to_pretty_json()
}
