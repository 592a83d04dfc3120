//! The acts that are recorded.

use std::fmt;

/// What somebody did, or tried to do. Its text is what `tokenhouse audit --act` filters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it, and a line for each would only repeat them")]
pub enum Act {
    Register,
    Login,
    Logout,
    SessionEnd,
    OtherSessionsEnd,
    RefreshTokenReuse,
    PasswordChange,
    PasswordForgot,
    PasswordReset,
    EmailVerify,
    EmailChangeRequest,
    EmailChange,
    TotpEnable,
    TotpDisable,
    RecoveryCodeUse,
    RecoveryCodesRenew,
    PasskeyAdd,
    PasskeyRemove,
    PasskeySecondFactor,
    AccountExport,
    AccountDelete,
    UserAdd,
    UserDisable,
    UserEnable,
    UserRename,
    UserLogout,
    UserPassword,
    UserFactorsRemove,
    UserRoleAdd,
    UserRoleRemove,
    UserRemove,
    UserImport,
    UserExport,
    ClientAdd,
    ClientChange,
    ClientRotate,
    ClientRemove,
    ClientAuthenticate,
    ClientTokenRevoke,
    Authorize,
    AuthorizationCodeReuse,
    DeviceDecision,
    ClientSession,
    KeyRotate,
    TokenMint,
    DbRestore,
}

impl Act {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 46] = [
        Self::Register,
        Self::Login,
        Self::Logout,
        Self::SessionEnd,
        Self::OtherSessionsEnd,
        Self::RefreshTokenReuse,
        Self::PasswordChange,
        Self::PasswordForgot,
        Self::PasswordReset,
        Self::EmailVerify,
        Self::EmailChangeRequest,
        Self::EmailChange,
        Self::TotpEnable,
        Self::TotpDisable,
        Self::RecoveryCodeUse,
        Self::RecoveryCodesRenew,
        Self::PasskeyAdd,
        Self::PasskeyRemove,
        Self::PasskeySecondFactor,
        Self::AccountExport,
        Self::AccountDelete,
        Self::UserAdd,
        Self::UserDisable,
        Self::UserEnable,
        Self::UserRename,
        Self::UserLogout,
        Self::UserPassword,
        Self::UserFactorsRemove,
        Self::UserRoleAdd,
        Self::UserRoleRemove,
        Self::UserRemove,
        Self::UserImport,
        Self::UserExport,
        Self::ClientAdd,
        Self::ClientChange,
        Self::ClientRotate,
        Self::ClientRemove,
        Self::ClientAuthenticate,
        Self::ClientTokenRevoke,
        Self::Authorize,
        Self::AuthorizationCodeReuse,
        Self::DeviceDecision,
        Self::ClientSession,
        Self::KeyRotate,
        Self::TokenMint,
        Self::DbRestore,
    ];

    /// The act of a name in the table.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::SessionEnd => "session.end",
            Self::OtherSessionsEnd => "session.end_others",
            Self::RefreshTokenReuse => "refresh_token.reuse",
            Self::PasswordChange => "password.change",
            Self::PasswordForgot => "password.forgot",
            Self::PasswordReset => "password.reset",
            Self::EmailVerify => "email.verify",
            Self::EmailChangeRequest => "email.change_request",
            Self::EmailChange => "email.change",
            Self::TotpEnable => "totp.enable",
            Self::TotpDisable => "totp.disable",
            Self::RecoveryCodeUse => "recovery_code.use",
            Self::RecoveryCodesRenew => "recovery_code.renew",
            Self::PasskeyAdd => "passkey.add",
            Self::PasskeyRemove => "passkey.remove",
            Self::PasskeySecondFactor => "passkey.second_factor",
            Self::AccountExport => "account.export",
            Self::AccountDelete => "account.delete",
            Self::UserAdd => "user.add",
            Self::UserDisable => "user.disable",
            Self::UserEnable => "user.enable",
            Self::UserRename => "user.rename",
            Self::UserLogout => "user.logout",
            Self::UserPassword => "user.password",
            Self::UserFactorsRemove => "user.factors_remove",
            Self::UserRoleAdd => "user.role_add",
            Self::UserRoleRemove => "user.role_remove",
            Self::UserRemove => "user.remove",
            Self::UserImport => "user.import",
            Self::UserExport => "user.export",
            Self::ClientAdd => "client.add",
            Self::ClientChange => "client.change",
            Self::ClientRotate => "client.rotate",
            Self::ClientRemove => "client.remove",
            Self::ClientAuthenticate => "client.authenticate",
            Self::ClientTokenRevoke => "client.token_revoke",
            Self::Authorize => "client.authorize",
            Self::AuthorizationCodeReuse => "authorization_code.reuse",
            Self::DeviceDecision => "device.decide",
            Self::ClientSession => "client.session",
            Self::KeyRotate => "key.rotate",
            Self::TokenMint => "token.mint",
            Self::DbRestore => "db.restore",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<&str> = Act::ALL.iter().map(|act| act.name()).collect();
        assert_eq!(names.len(), Act::ALL.len());
    }
}
