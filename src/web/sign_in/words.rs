//! What a person is told who did not get in.

use std::time::Duration;

use actix_web::http::StatusCode;

use crate::accounts::error::Unavailable;
use crate::accounts::login::NotLoggedIn;
use crate::web::complaint::Complaint;
use crate::web::page::WRONG;

/// What is told, with which status, and how many seconds must pass before another try.
pub(super) struct Told {
    pub status: StatusCode,
    pub why: Complaint,
    pub wait: Option<u64>,
}

pub(super) fn told(not: &NotLoggedIn) -> Told {
    let wrong = |why: &str| Told { status: WRONG, why: Complaint::new(why), wait: None };
    match not {
        NotLoggedIn::TooMany(too_many) => {
            let wait = seconds(too_many.retry_after);
            let why = Complaint::new(format!("Too many tries. Please wait {} before the next one.", in_words(wait)));
            Told { status: StatusCode::TOO_MANY_REQUESTS, why, wait: Some(wait) }
        }
        NotLoggedIn::WrongCredentials => {
            let why = Complaint::new("No account has this email address and this password.");
            Told { status: WRONG, why: why.on(&["email", "password"]), wait: None }
        }
        NotLoggedIn::EmailNotVerified => Told {
            status: StatusCode::FORBIDDEN,
            ..wrong("Your email address is not verified yet. Please open the link in the letter that was sent to you.")
        },
        NotLoggedIn::OtpRequired(_) => wrong("A second factor is asked for."),
        NotLoggedIn::WrongOtp => {
            let why = "That is neither the code of this moment nor a recovery code that is left. Each is good once.";
            Told { status: WRONG, why: Complaint::new(why).on(&["otp"]), wait: None }
        }
        NotLoggedIn::Unavailable(unavailable) => {
            let wait = match unavailable {
                Unavailable::Hashing(busy) => seconds(busy.retry_after),
                Unavailable::Store(error) => {
                    tracing::error!(%error, "the store failed");
                    5
                }
            };
            let why = Complaint::new("That is not possible at this moment. Please try again shortly.");
            Told { status: StatusCode::SERVICE_UNAVAILABLE, why, wait: Some(wait) }
        }
    }
}

fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

fn in_words(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} seconds") } else { format!("{} minutes", seconds.div_ceil(60)) }
}
