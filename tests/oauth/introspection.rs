//! Introspection and revocation: O6, O15, O16, J24, R47 to R55.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::house::{INACTIVE, INTROSPECT, REVOKE, SETTINGS, administrator, client, error, opens};
use crate::support::app::{TestApp, on_both};

on_both!(tells_what_a_token_is, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let (client, other) = (client(&app, &admin).await, client(&app, &admin).await);
    let token = client.token(&app).await;
    let claims = TestApp::claims(&token);
    let expected = json!({
        "active": true, "scope": "first", "client_id": client.id, "token_type": "Bearer", "sub": client.id,
        "iss": claims["iss"], "aud": "api://default", "exp": claims["exp"], "iat": claims["iat"], "jti": claims["jti"],
    });
    assert_eq!(client.introspect(&app, &token).await, expected, "R49");
    assert_eq!(other.introspect(&app, &token).await, expected);
    for hint in ["refresh_token", "access_token", "nonsense"] {
        let response = client.send(&app, INTROSPECT, &[("token", &token), ("token_type_hint", hint)]).await;
        assert_eq!(response.json::<Value>().await.unwrap(), expected, "R50");
    }

    let user = app.tokens().await;
    let told = client.introspect(&app, &user.access_token).await;
    assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!("tokenhouse")));
    assert_eq!(told["sub"], TestApp::claims(&user.access_token)["sub"]);
    assert!(told.get("sid").is_none() && told.get("uid").is_none());

    assert_eq!(error(client.send(&app, INTROSPECT, &[("x", "y")]).await).await, (400, "invalid_request".to_owned()));
    let json = app.request(Method::POST, INTROSPECT).basic_auth(&client.id, Some(&client.secret));
    let json = json.json(&json!({ "token": token })).send().await.unwrap();
    assert_eq!(error(json).await, (400, "invalid_request".to_owned()));
});

on_both!(tells_nothing_of_any_other, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let (client, removed) = (client(&app, &admin).await, client(&app, &admin).await);
    let user = app.tokens().await;
    let out = app.log_in("ada@example.com").await;
    assert_eq!(app.post_as("/api/logout", &out.access_token).await.status(), 204);
    let of_removed = removed.token(&app).await;
    let path = format!("/api/admin/clients/{}", removed.id);
    assert_eq!(app.request(Method::DELETE, &path).bearer_auth(&admin).send().await.unwrap().status(), 204);
    let good = client.token(&app).await;
    let (head, _) = good.rsplit_once('.').unwrap();
    for (row, token) in [
        ("O15 garbage", "garbage".to_owned()),
        ("O15 large", "a.".repeat(30_000)),
        ("unsigned", format!("{head}.")),
        ("another's signature", format!("{head}.{}", user.access_token.rsplit_once('.').unwrap().1)),
        ("J24 a refresh token", user.refresh_token.clone()),
        ("O6 its session ended", out.access_token),
        ("O6 its client is gone", of_removed),
    ] {
        let response = client.send(&app, INTROSPECT, &[("token", &token)]).await;
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, INACTIVE), "{row}");
    }
    // R51
    app.sql("UPDATE users SET disabled_at = 1 WHERE email = 'ada@example.com'").await;
    app.restart().await;
    assert_eq!(client.introspect(&app, &user.access_token).await.to_string(), INACTIVE, "R51");
    // J24: tokens of other kinds open nothing elsewhere.
    assert_eq!(app.refresh(&good).await.status(), 401);
    let expired = client.token(&app).await;
    app.hands.advance(std::time::Duration::from_secs(3631));
    assert_eq!(client.introspect(&app, &expired).await.to_string(), INACTIVE);
});

on_both!(a_token_given_back_is_dead, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let (client, other) = (client(&app, &admin).await, client(&app, &admin).await);
    let (token, second) = (client.token(&app).await, client.token(&app).await);
    assert!(opens(&app, &token).await);
    let user = app.tokens().await;
    for (row, by, token) in [
        ("R52 unknown", &client, "garbage"),
        ("R52 a refresh token", &client, user.refresh_token.as_str()),
        ("R53 another's", &other, token.as_str()),
        ("R53 a user's", &other, user.access_token.as_str()),
    ] {
        assert_eq!(by.send(&app, REVOKE, &[("token", token)]).await.status(), 200, "{row}");
    }
    assert!(opens(&app, &token).await && opens(&app, &user.access_token).await, "R53");
    assert_eq!(app.refresh(&user.refresh_token).await.status(), 200, "R52");

    let response = client.send(&app, REVOKE, &[("token", &token), ("token_type_hint", "refresh_token")]).await;
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, ""));
    assert!(!opens(&app, &token).await, "O16");
    assert_eq!(other.introspect(&app, &token).await.to_string(), INACTIVE, "O16");
    assert!(opens(&app, &second).await);
    assert_eq!(client.send(&app, REVOKE, &[("token", &token)]).await.status(), 200, "again");
    app.restart().await;
    assert!(!opens(&app, &token).await && opens(&app, &second).await, "after a restart");
    assert_eq!(error(client.send(&app, REVOKE, &[]).await).await, (400, "invalid_request".to_owned()));
    let acts = app.texts("SELECT act FROM audit WHERE act = 'client.token_revoke'").await;
    assert_eq!(acts.len(), 1);
});

on_both!(given_back_while_it_is_used, SETTINGS, |app| {
    let admin = administrator(&app).await;
    let client = client(&app, &admin).await;
    for _ in 0..10 {
        let token = client.token(&app).await;
        let using = join_all((0..20).map(|_| opens(&app, &token)));
        let form = [("token", token.as_str())];
        let revoking = join_all((0..4).map(|_| client.send(&app, REVOKE, &form)));
        let ((), revoked) = tokio::join!(async { drop(using.await) }, revoking);
        assert!(revoked.iter().all(|answer| answer.status() == 200));
        assert!(!opens(&app, &token).await, "O16");
    }
});
