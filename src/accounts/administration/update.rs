//! What an administrator may change about an account.

use serde_json::json;

use super::{By, NotDone};
use crate::accounts::records::{self, UserRecord};
use crate::accounts::roles::{Role, Roles};
use crate::audit::Act;
use crate::settings::EmailVerification;
use crate::store::Connection;

/// What shall be different about an account; what is `None` stays as it is.
#[derive(Debug, Default)]
pub struct Update {
    /// The name that is displayed, or none.
    pub name: Option<Option<String>>,
    /// Whether its owner may not log in.
    pub disabled: Option<bool>,
    /// Its roles.
    pub roles: Option<RoleChange>,
    /// As what somebody saw the account who decided this: where it is so no more, nothing is changed.
    pub seen: Seen,
}

/// What somebody saw of an account; `None` for what he need not have seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Its name, or that it has none.
    pub name: Option<Option<String>>,
    /// Its roles.
    pub roles: Option<Roles>,
}

impl Seen {
    fn is_so(&self, user: &UserRecord) -> bool {
        self.name.as_ref().is_none_or(|name| *name == user.name)
            && self.roles.as_ref().is_none_or(|roles| *roles == Roles::stored(&user.roles))
    }
}

/// How roles shall be different.
#[derive(Debug)]
pub enum RoleChange {
    /// One more.
    Add(Role),
    /// One less.
    Remove(Role),
    /// These and no others.
    Set(Roles),
}

impl RoleChange {
    fn apply(self, stored: &str) -> Result<Roles, NotDone> {
        let roles = Roles::stored(stored);
        match self {
            Self::Add(role) => roles.with(&role).map_err(|error| NotDone::Invalid(vec![error])),
            Self::Remove(role) => Ok(roles.without(&role)),
            Self::Set(roles) => Ok(roles),
        }
    }
}

pub(super) async fn change(
    mut connection: Connection<'_>,
    (by, verification): (&By, EmailVerification),
    user: &UserRecord,
    update: Update,
    now: i64,
) -> Result<Vec<String>, NotDone> {
    let may_take_away =
        update.disabled == Some(true) || matches!(update.roles, Some(RoleChange::Remove(_) | RoleChange::Set(_)));
    if may_take_away {
        by.begin_taking_away(connection.reborrow()).await?;
    }
    by.enter(connection.reborrow(), now).await?;
    // Whether or not it is disabled: the row is taken either way.
    let _ = records::lock_user(connection.reborrow(), &user.id, None).await?;
    let user = records::user_by_id(connection.reborrow(), &user.id).await?.ok_or(NotDone::Unknown)?;
    if !update.seen.is_so(&user) {
        return Err(NotDone::ChangedMeanwhile);
    }
    let mut ends = false;
    if let Some(name) = &update.name {
        records::set_name(connection.reborrow(), &user.id, name.as_deref()).await?;
        by.did(Act::UserRename, &user.id, now).record(connection.reborrow()).await?;
    }
    if let Some(change) = update.roles {
        let (old, new) = (Roles::stored(&user.roles), change.apply(&user.roles)?);
        records::set_roles(connection.reborrow(), &user.id, &new.to_store()).await?;
        let lost = !new.has_all(&old);
        ends |= lost;
        for (act, roles) in [(Act::UserRoleAdd, new.but(&old)), (Act::UserRoleRemove, old.but(&new))] {
            if !roles.is_empty() {
                let event = by.did(act, &user.id, now).with(&json!({ "roles": roles }));
                event.record(connection.reborrow()).await?;
            }
        }
    }
    if let Some(disabled) = update.disabled {
        records::set_disabled(connection.reborrow(), &user.id, disabled.then_some(now)).await?;
        ends |= disabled;
        let act = if disabled { Act::UserDisable } else { Act::UserEnable };
        by.did(act, &user.id, now).record(connection.reborrow()).await?;
    }
    if may_take_away {
        check_admin_is_left(connection.reborrow(), by, verification).await?;
    }
    if ends {
        return Ok(records::end_sessions_of_user(connection, &user.id, None, now).await?);
    }
    Ok(Vec::new())
}

/// That an administrator does not leave the server without one who may log in: himself, as a rule.
pub(super) async fn check_admin_is_left(
    connection: Connection<'_>,
    by: &By,
    verification: EmailVerification,
) -> Result<(), NotDone> {
    match by {
        By::Admin(_) if !records::has_admin(connection, verification).await? => Err(NotDone::LastAdmin),
        By::Admin(_) | By::Operator => Ok(()),
    }
}
