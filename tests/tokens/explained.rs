//! What an explanation tells beyond the verdict. That both agree, every table of attacks and every property checks.

use std::time::Duration;

use serde_json::json;
use tokenhouse::token::{Check, CheckName, Explanation, IssuerKind, Outcome, Rejection};

use crate::support::app::{TestApp, on_both};
use crate::support::tokens::base64url;
use crate::table::Stage;

fn check(explanation: &Explanation, name: CheckName) -> &Check {
    explanation.checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no {name:?}"))
}

fn failed(explanation: &Explanation) -> Vec<CheckName> {
    explanation.failed().map(|check| check.name).collect()
}

fn not_reached(explanation: &Explanation) -> Vec<CheckName> {
    let not = explanation.checks.iter().filter(|check| check.outcome == Outcome::NotReached);
    not.map(|check| check.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_told_at_once() {
    use CheckName as C;
    let stage = Stage::set().await;
    let (forge, verifier, now) = (&stage.forge, stage.app.verifier(), stage.now());
    let good = verifier.explain(&stage.good);
    assert!(good.accepted && good.authentic && good.rejection.is_none() && good.caution.is_none());
    assert_eq!(good.issuer.as_ref().unwrap().kind, IssuerKind::Local);
    assert_eq!((failed(&good), not_reached(&good)), (vec![], vec![]));
    assert_eq!(check(&good, C::Session).found.as_deref(), Some("it stands"));

    // Rightly signed: expired, for others, and of a session that is not.
    let token = forge.with_claims(
        &stage.claims,
        json!({"exp": now - 300, "iat": now - 3900, "aud": "api://other", "sid": "00000000-0000-4000-8000-000000000000"}),
    );
    let asked = verifier.explain_asking(&token).await;
    assert_eq!(asked.rejection, Some(Rejection::Expired));
    assert!(asked.authentic);
    assert_eq!(failed(&asked), [C::Expiry, C::Audience, C::Session]);
    let expiry = check(&asked, C::Expiry);
    assert_eq!(expiry.found.as_deref(), Some("2026-06-01T11:55:00Z (5 minutes ago)"));
    assert_eq!(
        expiry.expected.as_deref(),
        Some("an exp after now, 2026-06-01T12:00:00Z (clocks may differ by 30 seconds)")
    );
    assert_eq!(expiry.standard, "RFC 7519, section 4.1.4");
    assert!(expiry.remedy.as_ref().unwrap().contains("refresh token"));
    let audience = check(&asked, C::Audience);
    assert_eq!(
        (audience.expected.as_deref(), audience.found.as_deref()),
        (Some("\"api://default\""), Some("\"api://other\""))
    );
    assert_eq!(check(&asked, C::Signature).remedy, None, "what passed needs none");

    // Unsigned, and with another name in it: what it claims is told, and named what it is.
    let (header, payload) = (forge.header(json!({"alg": "none", "kid": null})), stage.claims.to_string());
    let unsigned = verifier.explain_asking(&format!("{}.{}.", base64url(header), base64url(payload))).await;
    assert_eq!(unsigned.rejection, Some(Rejection::Malformed));
    assert_eq!(failed(&unsigned), [C::Signed, C::KeyNamed]);
    assert_eq!(not_reached(&unsigned), [C::KeyKnown, C::Algorithm, C::Signature, C::Session]);
    assert!(!unsigned.authentic && unsigned.caution.unwrap().starts_with("not to be believed"));
    let subject = unsigned.claims.iter().find(|claim| claim.name == "sub").unwrap();
    assert_eq!((&subject.value, subject.meaning.is_some()), (&stage.claims["sub"], true));

    // Changed after it was signed, and long over.
    stage.app.hands.advance(Duration::from_hours(24));
    let (signed, signature) = stage.good.rsplit_once('.').unwrap();
    let flipped = format!("{signed}.{}{}", if signature.starts_with('A') { "B" } else { "A" }, &signature[1..]);
    let changed = verifier.explain_asking(&flipped).await;
    assert_eq!((failed(&changed), not_reached(&changed)), (vec![C::Signature, C::Expiry], vec![C::Session]));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_texts_that_are_no_token() {
    use CheckName as C;
    let stage = Stage::set().await;
    let (forge, verifier) = (&stage.forge, stage.app.verifier());
    let issuer = stage.claims["iss"].as_str().unwrap();
    for (iss, words) in [
        (format!("{issuer}/"), "only in capitals or a slash"),
        ("https://dev-1.okta.com/oauth2/default".to_owned(), "add that as [remote.NAME]"),
        ("https://login.example.com".to_owned(), "add it as [remote.NAME]"),
    ] {
        let explanation = verifier.explain(&forge.with_claims(&stage.claims, json!({"iss": iss, "exp": 1})));
        assert_eq!((explanation.rejection, explanation.issuer.as_ref()), (Some(Rejection::Issuer), None));
        assert_eq!(failed(&explanation), [C::Issuer, C::Expiry]);
        let check = check(&explanation, C::Issuer);
        assert_eq!(check.found.as_deref(), Some(json!(iss).to_string().as_str()));
        assert!(check.remedy.as_ref().unwrap().contains(words), "{check:?}");
    }
    for (text, found, words) in [
        ("", "nothing", "opaque"),
        ("RvqAIPPKMocXwjhTVLJQN5hoDufqWzDe", "1 part, no dot", "opaque"),
        ("a.b", "2 parts, 1 dot", "nothing cut off"),
        ("a.b.c.d.e", "5 parts, 4 dots", "encrypted"),
    ] {
        let explanation = verifier.explain(text);
        let form = check(&explanation, C::Form);
        assert_eq!(form.found.as_deref(), Some(found), "{text}");
        assert!(form.remedy.as_ref().unwrap().contains(words), "{form:?}");
        assert!(explanation.header.is_empty() && explanation.claims.is_empty());
    }
    let typed = verifier.explain(&forge.with_claims(&stage.claims, json!({"exp": "tomorrow"})));
    assert_eq!(failed(&typed), [C::Claims]);
    assert!(check(&typed, C::Claims).found.as_ref().unwrap().contains("invalid type: string"));
    assert!(typed.claims.iter().any(|claim| claim.name == "exp" && claim.value == "tomorrow"));
}

on_both!(a_session_is_a_check_too, |app| {
    let tokens = app.tokens().await;
    let (token, verifier) = (tokens.access_token.as_str(), app.verifier().clone());
    assert!(verifier.explain(token).accepted);
    assert_eq!(app.post_as("/api/logout", token).await.status(), 204);
    let ended = verifier.explain(token);
    assert_eq!((ended.rejection, failed(&ended)), (Some(Rejection::Ended), vec![CheckName::Session]));
    assert_eq!(check(&ended, CheckName::Session).found.as_deref(), Some("it has ended"));

    // After a restart memory is empty: it says so, and asking tells.
    let other = app.log_in("ada@example.com").await.access_token;
    app.restart().await;
    let verifier = app.verifier();
    let before = verifier.explain(&other);
    assert_eq!(before.rejection, Some(Rejection::SessionNotInMemory));
    assert_eq!(check(&before, CheckName::Session).outcome, Outcome::Failed);
    assert!(verifier.explain_asking(&other).await.accepted);
    assert!(verifier.explain(&other).accepted, "now it is in memory");
    assert_eq!(verifier.explain_asking(token).await.rejection, Some(Rejection::Ended));
});

#[tokio::test(flavor = "multi_thread")]
async fn no_explanation_has_a_key_in_it() {
    let stage = Stage::set().await;
    let (header, payload) = (stage.forge.header(json!({"kid": "other"})), stage.claims.to_string());
    let tokens = [
        stage.good.clone(),
        stage.forge.sign(header, payload),
        stage.forge.with_claims(&stage.claims, json!({"aud": "x"})),
    ];
    for token in tokens {
        let told = serde_json::to_string(&stage.app.verifier().explain_asking(&token).await).unwrap();
        assert!(!told.contains(&base64url(&stage.forge.secret)));
        assert!(!told.contains(token.rsplit('.').next().unwrap()), "nor the signature, with which it could be used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_serialized_is_what_pages_and_programs_read() {
    let stage = Stage::set().await;
    let token = stage.forge.with_claims(&stage.claims, json!({"aud": "api://other"}));
    let told = serde_json::to_value(stage.app.verifier().explain(&token)).unwrap();
    assert_eq!(TestApp::claims(&token)["aud"], "api://other");
    assert_eq!(told["accepted"], false);
    assert_eq!(told["rejection"], "audience");
    assert_eq!(told["verdict"], "the token is for another audience");
    let check = told["checks"].as_array().unwrap().iter().find(|check| check["name"] == "audience").unwrap();
    assert_eq!(check["outcome"], "failed");
    assert_eq!(check["question"], "Is it for this audience?");
    let exp = told["claims"].as_array().unwrap().iter().find(|claim| claim["name"] == "exp").unwrap();
    assert_eq!(exp["time"], json!({"at": "2026-06-01T13:00:00Z", "from_now": "in 1 hour"}));
}
