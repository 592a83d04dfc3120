//! Second factors of one's account: authenticator app, recovery codes, passkeys.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::overview::Done;
use super::{back, refused};
use crate::accounts::Accounts;
use crate::accounts::passkeys::NewPasskey;
use crate::accounts::totp::RecoveryCodes;
use crate::accounts::totp_generator::NewTotp;
use crate::http::Problem;
use crate::http::methods::{post, resource};
use crate::http::request_id::in_span;
use crate::oauth::OAuth;
use crate::web::ACCOUNT;
use crate::web::complaint::Complaint;
use crate::web::own_form::OwnForm;
use crate::web::page;
use crate::web::signed_in::SignedIn;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let acts = [
        ("totp", post(to(begin_totp))),
        ("totp/confirm", post(to(confirm_totp))),
        ("totp/remove", post(to(remove_totp))),
        ("recovery-codes", post(to(renew_codes))),
        ("passkeys", post(to(add_passkey))),
        ("passkeys/challenge", post(to(challenge))),
        ("passkeys/rename", post(to(rename_passkey))),
        ("passkeys/remove", post(to(remove_passkey))),
        ("passkeys/require", post(to(require_passkey))),
    ];
    for (path, act) in acts {
        cfg.service(resource(&format!("{ACCOUNT}/{path}"), [act]).wrap(from_fn(in_span)));
    }
}

#[derive(Template)]
#[template(path = "totp.html")]
struct TotpPage<'p> {
    /// None, when a wrong code came: the app has it already.
    new: Option<&'p NewTotp>,
    error: Option<&'p Complaint>,
    form_token: &'p str,
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct CodesPage<'p> {
    codes: &'p [String],
}

fn codes_page(signed_in: &SignedIn, codes: &RecoveryCodes) -> HttpResponse {
    page::page(StatusCode::OK, &CodesPage { codes: &codes.recovery_codes }, &signed_in.browser, None)
}

fn totp_page(
    status: StatusCode,
    signed_in: &SignedIn,
    new: Option<&NewTotp>,
    error: Option<&Complaint>,
) -> HttpResponse {
    let page = TotpPage { new, error, form_token: signed_in.browser.form_token() };
    page::page(status, &page, &signed_in.browser, None)
}

async fn begin_totp(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, _: OwnForm) -> HttpResponse {
    match accounts.begin_totp(&signed_in.owner).await {
        Ok(new) => totp_page(StatusCode::OK, &signed_in, Some(&new), None),
        Err(not) => refused(&signed_in, &oauth, "", &Problem::from(not)).await,
    }
}

async fn confirm_totp(
    signed_in: SignedIn,
    accounts: Data<Accounts>,
    oauth: Data<OAuth>,
    form: OwnForm,
) -> HttpResponse {
    let confirmed = async { Ok::<_, Problem>(accounts.confirm_totp(&signed_in.owner, &form.read()?).await?) };
    match confirmed.await {
        Ok(codes) => codes_page(&signed_in, &codes),
        Err(problem) if problem.is("invalid-token") => refused(&signed_in, &oauth, "", &problem).await,
        Err(problem) => page::of_problem(&problem, |status, why| totp_page(status, &signed_in, None, Some(why))),
    }
}

async fn remove_totp(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let removed = async { Ok(accounts.disable_totp(&signed_in.owner, form.read()?).await?) };
    back(&signed_in, &oauth, Done::TotpOff, removed.await).await
}

async fn renew_codes(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let renewed = async { Ok::<_, Problem>(accounts.renew_recovery_codes(&signed_in.owner, form.read()?).await?) };
    match renewed.await {
        Ok(codes) => codes_page(&signed_in, &codes),
        Err(problem) => refused(&signed_in, &oauth, "codes", &problem).await,
    }
}

/// For the script.
async fn challenge(signed_in: SignedIn, accounts: Data<Accounts>, form: OwnForm) -> HttpResponse {
    let begun = async { Ok::<_, Problem>(accounts.begin_passkey(&signed_in.owner, form.read()?).await?) };
    match begun.await {
        Ok(challenge) => HttpResponse::Ok().json(challenge),
        Err(problem) => problem.error_response(),
    }
}

async fn add_passkey(signed_in: SignedIn, accounts: Data<Accounts>, oauth: Data<OAuth>, form: OwnForm) -> HttpResponse {
    let added = async {
        let answer = form.get("passkey").and_then(|answer| serde_json::from_str::<NewPasskey>(answer).ok());
        let answer = answer.ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "no-passkey").detail("That was no answer of a passkey.")
        })?;
        accounts.add_passkey(&signed_in.owner, answer).await?;
        Ok(())
    };
    back(&signed_in, &oauth, Done::PasskeyAdded, added.await).await
}

async fn rename_passkey(
    signed_in: SignedIn,
    accounts: Data<Accounts>,
    oauth: Data<OAuth>,
    form: OwnForm,
) -> HttpResponse {
    let id = form.get("id").unwrap_or_default().to_owned();
    let renamed = async { Ok(accounts.rename_passkey(&signed_in.owner, id, &form.read()?).await?) };
    back(&signed_in, &oauth, Done::PasskeyRenamed, renamed.await).await
}

async fn remove_passkey(
    signed_in: SignedIn,
    accounts: Data<Accounts>,
    oauth: Data<OAuth>,
    form: OwnForm,
) -> HttpResponse {
    let id = form.get("id").unwrap_or_default().to_owned();
    let removed = async { Ok(accounts.remove_passkey(&signed_in.owner, id, form.read()?).await?) };
    back(&signed_in, &oauth, Done::PasskeyRemoved, removed.await).await
}

/// Asks for a passkey besides the password from now on, or no more.
async fn require_passkey(
    signed_in: SignedIn,
    accounts: Data<Accounts>,
    oauth: Data<OAuth>,
    form: OwnForm,
) -> HttpResponse {
    let password = form.get("password").unwrap_or_default();
    let change =
        crate::accounts::passkey_requirement::SecondFactorChange::new(form.get("required") == Some("yes"), password);
    match accounts.require_passkey(&signed_in.owner, change).await {
        Ok(Some(codes)) => codes_page(&signed_in, &codes),
        Ok(None) => back(&signed_in, &oauth, Done::PasskeyRequired, Ok(())).await,
        Err(not) => refused(&signed_in, &oauth, "require", &Problem::from(not)).await,
    }
}
