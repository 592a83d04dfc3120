//! What is done to one account, at addresses below its page.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, Path, ServiceConfig, to};
use actix_web::{HttpResponse, ResponseError as _};
use secrecy::SecretString;

use super::administrator::{Acting, Administrator};
use super::confirm::{Question, ask};
use super::frame::{Here, done, nothing_here, refused};
use super::new_user::words;
use super::user::{find, read};
use super::users::USERS;
use crate::accounts::administration::{NotDone, RoleChange, Seen, Update};
use crate::accounts::name::display_name;
use crate::accounts::password::Password;
use crate::accounts::records::UserRecord;
use crate::accounts::roles::Roles;
use crate::http::Problem;
use crate::http::methods::{get, post, resource};
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::web::complaint::Complaint;
use crate::web::page::{self, Message};
use crate::web::{ACCOUNT, see_other};

/// What a form showed when it was made, so that it does not undo what somebody else did meanwhile.
const SEEN: &str = "seen";

/// An act on an account, by its name in the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserAct {
    Rename,
    SetRoles,
    SetPassword,
    Enable,
    Disable,
    SignOut,
    RemoveFactors,
    Delete,
}

impl UserAct {
    const ALL: [Self; 8] = [
        Self::Rename,
        Self::SetRoles,
        Self::SetPassword,
        Self::Enable,
        Self::Disable,
        Self::SignOut,
        Self::RemoveFactors,
        Self::Delete,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Rename => "name",
            Self::SetRoles => "roles",
            Self::SetPassword => "password",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::SignOut => "sign-out",
            Self::RemoveFactors => "factors",
            Self::Delete => "delete",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }

    /// What the page tells that comes after it.
    fn done(self) -> &'static str {
        match self {
            Self::Rename => "renamed",
            Self::SetRoles => "roles",
            Self::SetPassword => "password",
            Self::Enable => "enabled",
            Self::Disable => "disabled",
            Self::SignOut => "signed-out",
            Self::RemoveFactors => "factors",
            Self::Delete => "deleted",
        }
    }

    /// Whether it is one that an administrator does to himself on the page of his account, where he shows that it is he.
    fn is_not_for(self, user: &UserRecord, admin: &Administrator) -> bool {
        matches!(self, Self::SetPassword | Self::RemoveFactors) && user.id == admin.owner.user_id
    }

    /// What is asked before it is done: title, what happens, and the button. `None` for what its form asks for already, and can be changed back.
    fn question(self) -> Option<(&'static str, &'static [&'static str], &'static str)> {
        match self {
            Self::Rename | Self::SetRoles | Self::Enable => None,
            Self::SetPassword => Some((
                "Set another password for",
                &[
                    "The password that the account has is good no more, and all its sessions end. The owner of a verified address is told by letter.",
                    "Be sure that whoever asked for this is the owner: this is how accounts are taken over. A letter, which anybody can ask for on the page where one signs in, lets its owner set a password that nobody else knows.",
                ],
                "Set the password",
            )),
            Self::Disable => Some((
                "Disable",
                &[
                    "All sessions of the account end at once, also in applications, and nobody signs in to it until it is enabled again.",
                ],
                "Disable the account",
            )),
            Self::SignOut => Some((
                "End all sessions of",
                &["Its owner is signed out at once everywhere, also in applications, and may sign in again."],
                "End all sessions",
            )),
            Self::RemoveFactors => Some((
                "Remove the second factors of",
                &[
                    "Authenticator app, recovery codes and passkeys are removed; the password alone opens the account then. All its sessions end, and its owner is told by letter.",
                    "Be sure that whoever asked for this is the owner: this is how accounts are taken over.",
                ],
                "Remove the second factors",
            )),
            Self::Delete => Some((
                "Delete",
                &[
                    "The account is deleted with its sessions, second factors and consents. This cannot be undone; only the record of what happened stays.",
                ],
                "Delete the account for good",
            )),
        }
    }
}

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/admin/users/{id}/{act}", [get(to(confirm)), post(to(act))]).wrap(from_fn(in_span)));
}

fn no_such_act(admin: &Administrator) -> HttpResponse {
    nothing_here(admin, "There is no such page.", USERS, "All accounts")
}

fn question(
    status: StatusCode,
    admin: &Administrator,
    (oauth, user): (&OAuth, &UserRecord),
    act: UserAct,
    error: Option<&Complaint>,
) -> Option<HttpResponse> {
    let (title, text, button) = act.question()?;
    let back = format!("{USERS}/{}", user.id);
    let question = Question {
        here: Here::Users,
        title: &format!("{title} {}?", user.email),
        text,
        action: &format!("{back}/{}", act.name()),
        button,
        back: &back,
        choices: &[],
        new_password: (act == UserAct::SetPassword).then(|| *oauth.accounts.rules.password_length.start()),
    };
    Some(ask(status, admin, &question, error))
}

async fn confirm(admin: Administrator, oauth: Data<OAuth>, path: Path<(String, String)>) -> HttpResponse {
    let (id, name) = path.into_inner();
    let Some(act) = UserAct::of_name(&name) else { return no_such_act(&admin) };
    match find(&admin, &oauth, &id).await {
        Ok(user) if act.is_not_for(&user, &admin) => see_other(ACCOUNT),
        Ok(user) => question(StatusCode::OK, &admin, (&oauth, &user), act, None)
            .unwrap_or_else(|| see_other(&format!("{USERS}/{}", user.id))),
        Err(not_found) => not_found,
    }
}

async fn act(acting: Acting, oauth: Data<OAuth>, path: Path<(String, String)>) -> HttpResponse {
    let (id, name) = path.into_inner();
    let Some(act) = UserAct::of_name(&name) else { return no_such_act(&acting.admin) };
    let admin = &acting.admin;
    let user = match find(admin, &oauth, &id).await {
        Ok(user) => user,
        Err(not_found) => return not_found,
    };
    let back = format!("{USERS}/{}", user.id);
    match run(act, &acting, &oauth, &user).await {
        Ok(()) => done(if act == UserAct::Delete { USERS } else { &back }, act.done()),
        Err(not) => {
            let problem = Problem::from(not);
            if problem.is("own-account") {
                let (_, why) = Complaint::of_problem(&problem);
                let message = Message::new("This is your own account", why.text()).leading_to(ACCOUNT, "Your account");
                return page::message(&admin.browser.look, problem.status_code(), &message);
            }
            if act.question().is_some() {
                let asked = |status, why: &Complaint| question(status, admin, (&oauth, &user), act, Some(why));
                return refused(&back, &problem, |status, why| {
                    asked(status, why).unwrap_or_else(|| no_such_act(admin))
                });
            }
            // Anew: it may have been changed meanwhile, which is then what the page tells.
            let user = match find(admin, &oauth, &id).await {
                Ok(user) => user,
                Err(not_found) => return not_found,
            };
            match read(admin, &oauth, &user).await {
                Ok(mut page) => refused(&back, &problem, |status, why| {
                    // As it was typed, with what was seen then; where somebody else changed it, as it is.
                    let sent = |field| acting.form.get(field).unwrap_or_default();
                    match act {
                        _ if problem.is("changed-meanwhile") => {}
                        UserAct::Rename => (page.typed_name, page.seen_name) = (sent("name"), sent("seen")),
                        UserAct::SetRoles => (page.typed_roles, page.seen_roles) = (sent("roles"), sent("seen")),
                        _ => {}
                    }
                    let why = why.clone().in_form(act.name());
                    page.answer(status, admin, "", Some(&why))
                }),
                Err(unavailable) => unavailable,
            }
        }
    }
}

/// Does it, by the rules of the API.
async fn run(act: UserAct, acting: &Acting, oauth: &OAuth, user: &UserRecord) -> Result<(), NotDone> {
    let (accounts, owner) = (&oauth.accounts, &acting.admin.owner);
    let field = |name: &str| acting.form.get(name).unwrap_or_default();
    let invalid = |error| NotDone::Invalid(vec![error]);
    let user = user.clone();
    let update = match act {
        UserAct::Rename => {
            let name = display_name(Some(field("name"))).map_err(invalid)?;
            let seen = Some(field(SEEN).to_owned()).filter(|name| !name.is_empty());
            Update { name: Some(name), seen: Seen { name: Some(seen), roles: None }, ..Update::default() }
        }
        UserAct::SetRoles => {
            let roles = Roles::of(words(field("roles")).iter().map(String::as_str)).map_err(invalid)?;
            let seen = Seen { name: None, roles: Some(Roles::stored(field(SEEN))) };
            Update { roles: Some(RoleChange::Set(roles)), seen, ..Update::default() }
        }
        UserAct::Enable => Update { disabled: Some(false), ..Update::default() },
        UserAct::Disable => Update { disabled: Some(true), ..Update::default() },
        UserAct::SetPassword => {
            let password = Password::from(SecretString::from(field("password").to_owned()));
            return accounts
                .administer(owner, async move |administration| administration.set_password(&user, password).await)
                .await;
        }
        UserAct::SignOut => {
            return accounts.administer(owner, async move |administration| administration.log_out(&user).await).await;
        }
        UserAct::RemoveFactors => {
            return accounts
                .administer(owner, async move |administration| administration.remove_factors(&user).await)
                .await;
        }
        UserAct::Delete => {
            return accounts.administer(owner, async move |administration| administration.remove(&user).await).await;
        }
    };
    accounts.administer(owner, async move |administration| administration.update(&user, update).await).await
}
