//! How acts end, as metrics name it.

use super::counts::names;

names! {
    /// How a login ended, at whichever door.
    LoginOutcome {
        /// A session began.
        Good = "good",
        /// The password was right, and a second factor is asked for.
        SecondFactorAsked = "second_factor_asked",
        /// No such account, another password, or the account is disabled.
        WrongCredentials = "wrong_credentials",
        /// The code of the second factor was wrong.
        WrongCode = "wrong_code",
        /// The passkey or its challenge was not good.
        WrongPasskey = "wrong_passkey",
        /// The email address must be verified first.
        EmailNotVerified = "email_not_verified",
        /// Too many tries from the address or at the account.
        Limited = "limited",
        /// The queue of hashes was full.
        Busy = "busy",
        /// The store failed.
        StoreFailed = "store_failed",
    }
}

names! {
    /// How a registration ended.
    RegistrationOutcome {
        /// There is an account.
        Made = "made",
        /// A letter tells the rest: addresses must be verified first.
        Asked = "asked",
        /// The address has an account.
        Taken = "taken",
        /// A field was wrong.
        Invalid = "invalid",
        /// Registration is closed.
        Closed = "closed",
        /// Too many from the address.
        Limited = "limited",
        /// The queue of hashes was full.
        Busy = "busy",
        /// The store failed.
        StoreFailed = "store_failed",
    }
}

names! {
    /// What became of a refresh token that was shown.
    RefreshOutcome {
        /// There are new tokens.
        Good = "good",
        /// It was spent before: somebody has a copy, and the session has ended.
        Reused = "reused",
        /// It is none, or its session is over, or more was asked for than was granted.
        NotGood = "not_good",
        /// The store failed.
        StoreFailed = "store_failed",
    }
}

names! {
    /// What an access token was made for.
    Grant {
        /// A login at `/api/login`, with whatever it takes.
        Login = "login",
        /// `/api/refresh`.
        Refresh = "refresh",
        /// A client for itself.
        ClientCredentials = "client_credentials",
        /// A client for its user, by a code.
        AuthorizationCode = "authorization_code",
        /// A client for its user, once more.
        RefreshToken = "refresh_token",
        /// A client for its user, on another device.
        DeviceCode = "device_code",
    }
}

names! {
    /// What became of a letter when it was tried.
    LetterOutcome {
        /// The mail server, or the outbox, has it.
        Sent = "sent",
        /// It was not taken, and is tried again.
        Failed = "failed",
        /// It will never be delivered.
        GivenUp = "given_up",
    }
}
