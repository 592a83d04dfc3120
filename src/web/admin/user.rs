//! `/admin/users/ID`: one account.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::administrator::Administrator;
use super::audit::{Entry, entries};
use super::frame::{Frame, Here, answer, minute, not_now, nothing_here, with_query};
use super::users::USERS;
use crate::accounts::administration::NotDone;
use crate::accounts::error::Unavailable;
use crate::accounts::owner::NotOwner;
use crate::accounts::records::UserRecord;
use crate::audit::{self, Act, Filter};
use crate::http::methods::{get, resource};
use crate::http::query::Query;
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::web::complaint::Complaint;
use crate::web::in_words::{holder, minute_of};

/// So many logins are shown.
const LOGINS: i64 = 10;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/users/{id}", [get(to(show))]).wrap(from_fn(in_span)));
}

#[derive(Deserialize)]
pub(super) struct ShowQuery {
    #[serde(default)]
    done: String,
}

/// A session, in words.
struct Session {
    what: String,
    begun: String,
    last_used: String,
    ip: String,
    /// Whether it is the administrator's own, of this browser.
    current: bool,
}

#[derive(Template)]
#[template(path = "admin/user.html")]
pub(super) struct UserPage<'p> {
    frame: Frame<'p>,
    user: &'p UserRecord,
    /// Its page; its acts are below that.
    at: String,
    is_self: bool,
    since: String,
    verified: String,
    disabled: String,
    totp: bool,
    codes_left: i64,
    passkeys: Vec<String>,
    passkey_required: bool,
    sessions: Vec<Session>,
    logins: Vec<Entry>,
    /// Of what was done to the account.
    record: String,
    /// Of what its owner did as an administrator.
    acts: String,
    /// What is in the fields.
    pub typed_name: &'p str,
    pub typed_roles: &'p str,
    /// What they were when the forms were made.
    pub seen_name: &'p str,
    pub seen_roles: &'p str,
}

async fn show(admin: Administrator, oauth: Data<OAuth>, id: Path<String>, query: Query<ShowQuery>) -> HttpResponse {
    let shown = async {
        let user = find(&admin, &oauth, &id).await?;
        Ok(read(&admin, &oauth, &user).await?.answer(StatusCode::OK, &admin, &query.0.done, None))
    };
    shown.await.unwrap_or_else(|not: HttpResponse| not)
}

/// The account of an id in an address; or the answer, where there is none.
pub(super) async fn find(admin: &Administrator, oauth: &OAuth, id: &str) -> Result<UserRecord, HttpResponse> {
    let unknown = || nothing_here(admin, "There is no account with this id, or it is gone.", USERS, "All accounts");
    if id.parse::<Uuid>().is_err() {
        return Err(unknown());
    }
    match oauth.accounts.administration(admin.owner.clone()).find(id).await {
        Ok(user) => Ok(user),
        Err(NotDone::NotOwner(NotOwner::Unavailable(not))) => Err(not_now(admin, not)),
        Err(_) => Err(unknown()),
    }
}

impl<'p> UserPage<'p> {
    pub fn answer<'e>(
        self,
        status: StatusCode,
        admin: &'p Administrator,
        done: &str,
        error: Option<&'e Complaint>,
    ) -> HttpResponse
    where
        'p: 'e,
    {
        let page = UserPage { frame: self.frame.done(admin, done).error(error), ..self };
        answer(status, admin, &page)
    }
}

/// Reads what is on the page; or the answer, where that is not possible now.
pub(super) async fn read<'p>(
    admin: &'p Administrator,
    oauth: &OAuth,
    user: &'p UserRecord,
) -> Result<UserPage<'p>, HttpResponse> {
    read_page(admin, oauth, user).await.map_err(|not| not_now(admin, not))
}

async fn read_page<'p>(
    admin: &'p Administrator,
    oauth: &OAuth,
    user: &'p UserRecord,
) -> Result<UserPage<'p>, Unavailable> {
    let accounts = &oauth.accounts;
    let factors = accounts.administration(admin.owner.clone()).factors(user).await?;
    let clients = oauth.registry.clients();
    let sessions = accounts.sessions_of_user(&user.id, &admin.owner.session.to_string()).await?.into_iter();
    let sessions = sessions.map(|session| Session {
        what: holder(&session, &clients),
        begun: minute_of(&session.created_at),
        last_used: minute_of(&session.last_used_at),
        ip: session.ip.unwrap_or_default(),
        current: session.current,
    });
    let filter = Filter {
        user_id: Some(user.id.clone()),
        act: Some(Act::Login),
        actor: None,
        outcome: None,
        ip: None,
        since: 0,
        until: i64::MAX,
        before: None,
        limit: LOGINS,
    };
    let mut reader = accounts.store().read().await?;
    let mut logins = audit::find(reader.connection(), &filter).await?;
    logins.reverse();
    Ok(UserPage {
        frame: Frame::of(admin, Here::Users),
        at: format!("{USERS}/{}", user.id),
        is_self: user.id == admin.owner.user_id,
        since: minute(user.created_at),
        verified: user.email_verified_at.map(minute).unwrap_or_default(),
        disabled: user.disabled_at.map(minute).unwrap_or_default(),
        totp: factors.totp,
        codes_left: factors.recovery_codes_left,
        passkeys: factors.passkeys,
        passkey_required: factors.passkey_required,
        sessions: sessions.collect(),
        logins: entries(reader.connection(), oauth, &logins).await?,
        record: with_query("/admin/audit", &[("who", &user.id)]),
        acts: with_query("/admin/audit", &[("by", &format!("admin {}", user.id))]),
        typed_name: user.name.as_deref().unwrap_or_default(),
        typed_roles: &user.roles,
        seen_name: user.name.as_deref().unwrap_or_default(),
        seen_roles: &user.roles,
        user,
    })
}
