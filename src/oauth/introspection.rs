//! `POST /v1/introspect`: whether a token is good, for who cannot check it itself (RFC 7662).
//!
//! Every client that proves who it is may ask, about access tokens of this server: whoever serves what they open may know. About a refresh token only
//! the client is told that it was given to; those of `/api/login` belong to no client, so nobody is told anything about them.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::client::Client;
use super::documented::{NotAnswered, OAuthAnswers, TokenQuestion};
use super::error::OAuthError;
use super::form::Form;
use super::{OAuth, answer};
use crate::accounts::refresh_token::RefreshToken;
use crate::accounts::{micros, records};
use crate::http::caller::Caller;
use crate::store::StoreError;
use crate::token::{Claims, Rejection};

/// Whether a token is good, and what it says (RFC 7662).
#[utoipa::path(
    post,
    path = "/oauth2/default/v1/introspect",
    operation_id = "introspect",
    tag = "OAuth and OpenID Connect",
    request_body(content = TokenQuestion, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "`active` and, when it is true, the rest.", body = Introspection, headers(("Cache-Control" = String, description = "`no-store`"))),
        OAuthAnswers<(Form, NotAnswered)>,
    ),
    security(("client_secret_basic" = []), ()),
)]
pub(super) async fn introspect(
    request: HttpRequest,
    caller: Caller,
    oauth: Data<OAuth>,
    form: Form,
) -> Result<HttpResponse, OAuthError> {
    let client = oauth.authenticate_proven(&request, &form, &caller).await?;
    let token = form.get("token").ok_or_else(|| OAuthError::invalid_request("The parameter token is missing."))?;
    // `token_type_hint` says where to look first, and each kind shows itself at once (section 2.1).
    if let Some(refresh) = RefreshToken::parse(token) {
        let told = oauth.about_refresh_token(&client, &refresh).await.map_err(|error| {
            tracing::error!(%error, "the store failed");
            OAuthError::unavailable()
        })?;
        return Ok(answer(&told.unwrap_or_else(inactive)));
    }
    let told = match oauth.verifier.look_into(token).await {
        Ok(claims) => active(&claims),
        Err(Rejection::StoreUnavailable | Rejection::KeysUnavailable) => return Err(OAuthError::unavailable()),
        Err(_) => inactive(),
    };
    Ok(answer(&told))
}

/// RFC 7662, section 2.2.
#[derive(Default, Serialize, ToSchema)]
#[schema(examples(json!({ "active": true, "scope": "customScope", "client_id": "0oaGq3yLwK8o2Vt5Zr7d", "token_type": "Bearer", "sub": "0oaGq3yLwK8o2Vt5Zr7d", "iss": "http://localhost:3000/oauth2/default", "aud": "api://default", "exp": 1_795_499_735, "iat": 1_795_496_135, "jti": "AT.uG4-OfOKifHiu7AUXd7LjabZ" }), json!({ "active": false })))]
struct Introspection {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// A text, or a list of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

fn inactive() -> Introspection {
    Introspection::default()
}

impl OAuth {
    /// `None` when it is not good, or not this client's.
    async fn about_refresh_token(
        &self,
        client: &Client,
        token: &RefreshToken,
    ) -> Result<Option<Introspection>, StoreError> {
        let now = self.registry.clock.unix_micros();
        let mut reader = self.registry.store.read().await?;
        let Some(session) = records::session_by_family(reader.connection(), &token.family_hash()).await? else {
            return Ok(None);
        };
        let user = records::user_by_id(reader.connection(), &session.user_id).await?;
        drop(reader);
        let idle_end = session.last_used_at.saturating_add(micros(self.idle_ttl_of(client)));
        let end = session.expires_at.min(idle_end);
        let is_good = session.ended_at.is_none()
            && now < end
            && user.is_some_and(|user| user.disabled_at.is_none())
            && session.client_id.as_deref() == Some(client.id())
            && token.is_of_hash(&session.refresh_hash);
        Ok(is_good.then(|| Introspection {
            active: true,
            scope: session.scopes,
            client_id: session.client_id,
            sub: Some(session.user_id),
            iss: Some(self.addresses.issuer.clone()),
            iat: Some(session.last_used_at.div_euclid(1_000_000)),
            exp: Some(end.div_euclid(1_000_000)),
            token_type: Some("refresh_token"),
            ..Introspection::default()
        }))
    }
}

/// What section 2.2 has words for. The session and the user's other claims are nobody's business.
fn active(claims: &Claims) -> Introspection {
    let mut all = claims.to_json();
    let seconds = |name| all.get(name).and_then(Value::as_i64);
    let (exp, iat) = (seconds("exp"), seconds("iat"));
    Introspection {
        active: true,
        scope: Some(claims.scopes.to_string()),
        client_id: claims.client_id.clone(),
        token_type: Some("Bearer"),
        sub: Some(claims.subject.clone()),
        iss: Some(claims.issuer.clone()),
        aud: all.remove("aud"),
        exp,
        iat,
        jti: claims.token_id.clone(),
    }
}
