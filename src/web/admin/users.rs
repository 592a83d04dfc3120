//! `/admin/users`: finding accounts. What a page costs, `accounts/administration/search.rs` says.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::administrator::Administrator;
use super::frame::{Frame, Here, answer, minute, unavailable, with_query};
use crate::accounts::Accounts;
use crate::accounts::administration::{SearchCursor, check_length, is_address};
use crate::accounts::records::UserRecord;
use crate::http::Problem;
use crate::http::methods::{get, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::store::StoreError;
use crate::web::complaint::Complaint;
use crate::web::{page, see_other};

pub(super) const USERS: &str = "/admin/users";

/// So many are on a page.
const PAGE: usize = 50;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource(USERS, [get(to(list))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    search: String,
    /// `yes`: also in the middle of addresses and names.
    #[serde(default)]
    anywhere: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    done: String,
}

/// An account, in a row.
struct Row {
    id: String,
    email: String,
    name: String,
    roles: String,
    state: &'static str,
    since: String,
}

impl From<UserRecord> for Row {
    fn from(user: UserRecord) -> Self {
        Self {
            state: state_of(&user),
            since: minute(user.created_at),
            id: user.id,
            email: user.email,
            name: user.name.unwrap_or_default(),
            roles: user.roles.replace(' ', ", "),
        }
    }
}

/// What an account is, in a word; nothing, when it is as it should be.
pub(super) fn state_of(user: &UserRecord) -> &'static str {
    match (user.disabled_at, user.email_verified_at) {
        (Some(_), _) => "disabled",
        (None, None) => "unverified",
        (None, Some(_)) => "",
    }
}

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UsersPage<'p> {
    frame: Frame<'p>,
    search: &'p str,
    is_anywhere: bool,
    /// Whether these are not the first.
    goes_on: bool,
    first: String,
    rows: Vec<Row>,
    next: Option<String>,
}

async fn list(admin: Administrator, accounts: Data<Accounts>, query: Query<ListQuery>) -> HttpResponse {
    let ListQuery { search, anywhere, cursor, done } = &query.0;
    let search = search.trim();
    if let Ok(id) = search.parse::<Uuid>() {
        return see_other(&format!("{USERS}/{id}"));
    }
    let is_anywhere = anywhere == "yes";
    let why = wrong(search, anywhere);
    let found = match why {
        Some(_) => Ok(Some((Vec::new(), None))),
        None => find(&admin, &accounts, search, is_anywhere, cursor).await,
    };
    let (why, (users, next)) = match found {
        Ok(Some(found)) => (why, found),
        Ok(None) => (Some(Complaint::new(page::BROKEN_LINK)), (Vec::new(), None)),
        Err(error) => return unavailable(&admin, &error),
    };
    let here = [("search", search), ("anywhere", if is_anywhere { "yes" } else { "" })];
    let next = next.map(|next| with_query(USERS, &[&here[..], &[("cursor", next.as_str())]].concat()));
    let shown = UsersPage {
        frame: Frame::of(&admin, Here::Users).done(&admin, done).error(why.as_ref()),
        search,
        is_anywhere,
        goes_on: !cursor.is_empty(),
        first: with_query(USERS, &here),
        rows: users.into_iter().map(Row::from).collect(),
        next,
    };
    answer(if why.is_some() { page::WRONG } else { StatusCode::OK }, &admin, &shown)
}

/// What is wrong with what shall be searched for.
fn wrong(search: &str, anywhere: &str) -> Option<Complaint> {
    if !["", "yes"].contains(&anywhere) {
        return Some(Complaint::new("Anywhere is yes, or left out.").on(&["anywhere"]));
    }
    let error = check_length(search).err()?;
    Some(Complaint::of_problem(&Problem::invalid_fields(vec![error])).1)
}

/// The accounts of a page, and where the next one begins; `None`, when no page ended with `cursor`.
async fn find(
    admin: &Administrator,
    accounts: &Accounts,
    search: &str,
    is_anywhere: bool,
    cursor: &str,
) -> Result<Option<(Vec<UserRecord>, Option<String>)>, StoreError> {
    let administration = accounts.administration(admin.owner.clone());
    if !search.is_empty() && !is_anywhere {
        let place = SearchCursor::parse(cursor);
        if !cursor.is_empty() && place.is_none() {
            return Ok(None);
        }
        let found = administration.search(search, place, PAGE).await?;
        return Ok(Some((found.users, found.next.map(|next| next.to_string()))));
    }
    let search = (!search.is_empty()).then_some(search);
    if !cursor.is_empty() && !is_address(cursor) {
        return Ok(None);
    }
    let found = administration.page(search, cursor, PAGE).await?;
    Ok(Some((found.users, found.next)))
}
