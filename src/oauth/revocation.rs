//! `POST /v1/revoke`: a client gives a token back (RFC 7009).
//!
//! Its own access tokens are dead from the moment this is answered, and with a refresh token of its own the whole session of its user. Anything else
//! changes nothing, and the answer is the same (section 2.2).

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::client::Client;
use super::documented::{NotAnswered, OAuthAnswers, TokenQuestion};
use super::error::OAuthError;
use super::form::Form;
use super::{OAuth, records};
use crate::accounts::records as account_records;
use crate::accounts::refresh_token::RefreshToken;
use crate::audit::{Act, Event};
use crate::http::caller::Caller;
use crate::store::StoreError;
use crate::token::Rejection;

/// No verifier's clocks may differ by more, so a token is believed so long after its end at most.
const LONGEST_LEEWAY: i64 = 300;

/// A client gives a token back (RFC 7009).
#[utoipa::path(
    post,
    path = "/oauth2/default/v1/revoke",
    operation_id = "revoke",
    tag = "OAuth and OpenID Connect",
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is dead, if it was one of the client’s."),
        OAuthAnswers<(Form, NotAnswered)>,
    ),
    security(("client_secret_basic" = []), ()),
)]
pub(super) async fn revoke(
    request: HttpRequest,
    caller: Caller,
    oauth: Data<OAuth>,
    form: Form,
) -> Result<HttpResponse, OAuthError> {
    let client = oauth.authenticate(&request, &form, &caller).await?;
    let token = form.get("token").ok_or_else(|| OAuthError::invalid_request("The parameter token is missing."))?;
    oauth.revoke(&client, token, &caller).await?;
    Ok(HttpResponse::Ok().finish())
}

impl OAuth {
    async fn revoke(&self, client: &Client, token: &str, caller: &Caller) -> Result<(), OAuthError> {
        if let Some(refresh) = RefreshToken::parse(token) {
            return self.end_session_of(client, refresh, caller).await.map_err(|error| not_revoked(&error));
        }
        let claims = match self.verifier.look_into(token).await {
            Ok(claims) if claims.client_id.as_deref() == Some(client.id()) => claims,
            Err(Rejection::StoreUnavailable | Rejection::KeysUnavailable) => return Err(OAuthError::unavailable()),
            Ok(_) | Err(_) => return Ok(()),
        };
        let Some(token_id) = claims.token_id.clone() else { return Ok(()) };
        let now = self.registry.clock.unix_micros();
        let over = claims.expires_at.saturating_add(LONGEST_LEEWAY).saturating_mul(1_000_000);
        let event = Event::success(Act::ClientTokenRevoke, now).by_client().on_client(client.id()).from(caller);
        let registry = Arc::clone(&self.registry);
        // Goes on when the client hangs up: what was committed must be noted.
        let revoking = tokio::spawn(async move {
            let kept = token_id.clone();
            let work = registry.store.write(move |mut connection| {
                Box::pin(async move {
                    if records::revoke(connection.reborrow(), &kept, now, over).await? {
                        event.record(connection).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            });
            work.await?;
            registry.note_revoked(&token_id, over);
            Ok::<_, StoreError>(())
        });
        revoking.await.unwrap_or(Err(StoreError::Interrupted)).map_err(|error| not_revoked(&error))
    }

    async fn end_session_of(&self, client: &Client, token: RefreshToken, caller: &Caller) -> Result<(), StoreError> {
        let now = self.registry.clock.unix_micros();
        let client_id = client.id().to_owned();
        let event = Event::success(Act::ClientTokenRevoke, now).by_client().on_client(client.id()).from(caller);
        self.accounts
            .end_by(move |mut connection| {
                Box::pin(async move {
                    // Also by one that is spent: it is proof enough that the session is the client's.
                    let family = token.family_hash();
                    let session = account_records::session_by_family(connection.reborrow(), &family).await?;
                    let Some(session) = session.filter(|session| session.client_id.as_ref() == Some(&client_id)) else {
                        return Ok(Vec::new());
                    };
                    let ended = account_records::end_session(connection.reborrow(), &session.id, now).await?;
                    if session.ended_at.is_none() {
                        let event = event.on_user(&session.user_id).in_session(&session.id);
                        event.record(connection).await?;
                    }
                    Ok::<_, StoreError>(ended)
                })
            })
            .await
    }
}

fn not_revoked(error: &StoreError) -> OAuthError {
    tracing::error!(%error, "a token could not be revoked");
    OAuthError::unavailable()
}
