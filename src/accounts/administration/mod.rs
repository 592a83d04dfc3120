//! What an operator or an administrator does with other people's accounts.
//!
//! The rules are those of people's own acts where there are such. All of it is recorded, in the transaction that does it, and the owner of an account is
//! told by letter what weakens or opens it.
//!
//! | file | what is in it |
//! |---|---|
//! | `add` | another account, with a password or an invitation |
//! | `update` | name, roles, disabling; that an administrator is left |
//! | `factors` | what somebody signs in with, and taking second factors away |
//! | `search` | finding accounts among very many |

mod add;
mod factors;
mod not_done;
mod search;
mod update;

use std::ops::RangeInclusive;
use std::sync::Arc;

use uuid::Uuid;

use super::Accounts;
use super::email::Email;
use super::hashing::Hashing;
use super::letters::post_notice_of_administrator;
use super::owner::Owner;
use super::password::Password;
use super::records::{self, UserRecord};
use crate::audit::{Act, Event};
use crate::http::problem::FieldError;
use crate::settings::EmailVerification;
use crate::store::{Connection, Store, StoreError};
use crate::token::Clock;

pub use add::NewUser;
pub use not_done::NotDone;
pub(crate) use search::{SearchCursor, check_length, is_address};
pub use update::{RoleChange, Seen, Update};
use update::{change, check_admin_is_left};

/// Who does it.
#[derive(Debug, Clone)]
pub enum By {
    /// Whoever runs commands on the server's machine.
    Operator,
    /// A user with the role `admin`, over HTTP.
    Admin(Owner),
}

/// Acts on accounts, by whoever may do that to all of them.
pub struct Administration<'a> {
    /// Where the accounts are.
    pub store: &'a Store,
    /// For new passwords.
    pub hashing: &'a Hashing,
    /// For the record.
    pub clock: &'a Clock,
    /// How many characters a password may have.
    pub password_length: RangeInclusive<usize>,
    /// Whether one logs in without having verified the address.
    pub email_verification: EmailVerification,
    /// Who acts.
    pub by: By,
}

impl By {
    /// The first thing in each transaction: an administrator's session may have ended since his token was checked.
    async fn enter(&self, connection: Connection<'_>, now: i64) -> Result<(), NotDone> {
        match self {
            Self::Operator => Ok(()),
            Self::Admin(owner) => Ok(owner.enter(connection, None, now).await?),
        }
    }

    /// Before [`By::enter`], where an act may take an administrator away: such acts go one after the other. An operator may do what he likes, for he can
    /// make another.
    async fn begin_taking_away(&self, connection: Connection<'_>) -> Result<(), NotDone> {
        match self {
            Self::Operator => Ok(()),
            Self::Admin(_) => Ok(records::lock_admins(connection).await?),
        }
    }

    /// That it is somebody else's account: what one signs in with oneself is changed by whoever shows once more that it is he, and not by whoever found
    /// an administrator's browser.
    fn check_is_other(&self, user_id: &str) -> Result<(), NotDone> {
        match self {
            Self::Admin(owner) if owner.user_id == user_id => Err(NotDone::OwnAccount),
            Self::Admin(_) | Self::Operator => Ok(()),
        }
    }

    fn did(&self, act: Act, user_id: &str, now: i64) -> Event {
        let event = Event::success(act, now).on_user(user_id);
        match self {
            Self::Operator => event.by_operator(),
            Self::Admin(owner) => {
                event.by_admin(&owner.user_id).in_session(&owner.session.to_string()).from(&owner.caller)
            }
        }
    }
}

impl Accounts {
    /// Administration by an administrator.
    pub(crate) fn administration(&self, owner: Owner) -> Administration<'_> {
        Administration {
            store: &self.store,
            hashing: &self.hashing,
            clock: &self.clock,
            password_length: self.rules.password_length.clone(),
            email_verification: self.rules.email_verification,
            by: By::Admin(owner),
        }
    }

    /// An act of an administrator that ends sessions. It goes on when he hangs up, for what was committed must be noted.
    pub(crate) async fn administer(
        self: &Arc<Self>,
        owner: &Owner,
        act: impl AsyncFnOnce(&Administration<'_>) -> Result<Vec<String>, NotDone> + Send + 'static,
    ) -> Result<(), NotDone> {
        let (accounts, owner) = (Arc::clone(self), owner.clone());
        let ending = actix_web::rt::spawn(async move {
            let ended = act(&accounts.administration(owner)).await?;
            accounts.note_all_ended(&ended);
            accounts.letters_wait.notify_one();
            Ok(())
        });
        ending.await.unwrap_or_else(|_| Err(StoreError::Interrupted.into()))
    }
}

/// What an account is asked for by.
enum Who {
    Id(String),
    Address(Email),
}

impl Who {
    /// `None` when it can be neither.
    fn parse(text: &str) -> Option<Self> {
        let id = text.parse::<Uuid>().ok().map(|id| Self::Id(id.to_string()));
        id.or_else(|| Email::parse(text).map(Self::Address))
    }
}

/// The id of an account by its id, also when it is gone, or by its address; `None` when it is neither, or nobody has that address.
pub(crate) async fn id_of(connection: Connection<'_>, who: &str) -> Result<Option<String>, StoreError> {
    match Who::parse(who) {
        Some(Who::Id(id)) => Ok(Some(id)),
        Some(Who::Address(email)) => Ok(records::user_by_email(connection, &email).await?.map(|user| user.id)),
        None => Ok(None),
    }
}

impl Administration<'_> {
    /// Accounts in the order of their addresses, those behind the address `cursor`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, search: Option<&str>, cursor: &str, limit: i64) -> Result<Vec<UserRecord>, StoreError> {
        let mut reader = self.store.read().await?;
        records::list_users(reader.connection(), search, cursor, limit).await
    }

    /// The account with this id or this address.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn find(&self, who: &str) -> Result<UserRecord, NotDone> {
        let mut reader = self.store.read().await?;
        let found = match Who::parse(who).ok_or(NotDone::Unknown)? {
            Who::Id(id) => records::user_by_id(reader.connection(), &id).await?,
            Who::Address(email) => records::user_by_email(reader.connection(), &email).await?,
        };
        found.ok_or(NotDone::Unknown)
    }

    /// Changes what may be changed about an account. Its sessions end when it is disabled, and when it loses a role, for their tokens say that it has it.
    /// The ids of those sessions.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn update(&self, user: &UserRecord, update: Update) -> Result<Vec<String>, NotDone> {
        let now = self.clock.unix_micros();
        let (by, user) = (self.by.clone(), user.clone());
        let verification = self.email_verification;
        self.store
            .write(move |connection| {
                Box::pin(async move { change(connection, (&by, verification), &user, update, now).await })
            })
            .await
    }

    /// Ends all sessions of an account. Their ids.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn log_out(&self, user: &UserRecord) -> Result<Vec<String>, NotDone> {
        let now = self.clock.unix_micros();
        let (by, id) = (self.by.clone(), user.id.clone());
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    by.enter(connection.reborrow(), now).await?;
                    let _ = records::lock_user(connection.reborrow(), &id, None).await?;
                    end_all(connection, &id, by.did(Act::UserLogout, &id, now), now).await
                })
            })
            .await
    }

    /// Sets another password. All sessions end, and letters that would reset it are void. The ids of the sessions.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn set_password(&self, user: &UserRecord, password: Password) -> Result<Vec<String>, NotDone> {
        self.by.check_is_other(&user.id)?;
        let invalid = |message| NotDone::Invalid(vec![FieldError { field: "password", message }]);
        password.check_length(&self.password_length).map_err(invalid)?;
        let new = self.hashing.hash_new(password, &user.email, user.name.as_deref()).await?.map_err(invalid)?;
        let now = self.clock.unix_micros();
        let (by, id, event) = (self.by.clone(), user.id.clone(), self.by.did(Act::UserPassword, &user.id, now));
        let user = user.clone();
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    by.enter(connection.reborrow(), now).await?;
                    if !records::set_password_hash(connection.reborrow(), &id, &new).await? {
                        return Err(NotDone::Unknown);
                    }
                    records::void_tokens(connection.reborrow(), &id, now).await?;
                    post_notice_of_administrator(connection.reborrow(), &user, Act::UserPassword, now).await?;
                    end_all(connection, &id, event, now).await
                })
            })
            .await
    }

    /// Deletes an account with all that belongs to it. The ids of its sessions.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn remove(&self, user: &UserRecord) -> Result<Vec<String>, NotDone> {
        let now = self.clock.unix_micros();
        let (by, id, event) = (self.by.clone(), user.id.clone(), self.by.did(Act::UserRemove, &user.id, now));
        let verification = self.email_verification;
        self.store
            .write(move |mut connection| {
                Box::pin(async move {
                    by.begin_taking_away(connection.reborrow()).await?;
                    by.enter(connection.reborrow(), now).await?;
                    let _ = records::lock_user(connection.reborrow(), &id, None).await?;
                    if records::user_by_id(connection.reborrow(), &id).await?.is_none() {
                        return Err(NotDone::Unknown);
                    }
                    let ended = records::delete_user(connection.reborrow(), &id, now).await?;
                    check_admin_is_left(connection.reborrow(), &by, verification).await?;
                    event.record(connection).await?;
                    Ok(ended)
                })
            })
            .await
    }
}

async fn end_all(
    mut connection: Connection<'_>,
    user_id: &str,
    event: Event,
    now: i64,
) -> Result<Vec<String>, NotDone> {
    let ended = records::end_sessions_of_user(connection.reborrow(), user_id, None, now).await?;
    event.record(connection).await?;
    Ok(ended)
}
