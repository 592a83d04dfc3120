//! The words about each trap of a remote issuer.

use super::{OKTA, okta, wrong_in_file};

#[test]
fn each_trap_of_a_remote_issuer_has_its_words() {
    let cases = [
        ("https://{yourOktaDomain}/oauth2/default", "a placeholder was left in"),
        ("https://dev-1-admin.okta.com/oauth2/default", "remove -admin: dev-1.okta.com"),
        ("http://dev-1.okta.com/oauth2/default", "want https; http is only allowed for a loopback host"),
        ("https://dev-1.okta.com/oauth2/default/", "remove the slash at the end"),
        ("https://dev-1.okta.com", "add /oauth2/default"),
        ("https://u:hunter2@dev-1.okta.com/oauth2/default", "remove the user name and password"),
        ("https://dev-1.okta.com/oauth2/default?a", "remove the query"),
        ("https://dev-1.okta.com/oauth2/default#a", "remove the fragment"),
        ("https://169.254.169.254/x", "a link-local address is never an issuer"),
        ("https://dev-1.okta.com/oauth2/default/v1/keys", "remove /v1/keys"),
        ("http://localhost:3000/oauth2/default", "this is the issuer of this server itself already"),
    ];
    for (issuer, words) in cases {
        let found = wrong_in_file(&format!("[remote.okta]\naudience = \"a\"\nissuer = \"{issuer}\"\n"));
        let [line] = found.as_slice() else { panic!("{issuer}: {found:?}") };
        assert!(line.starts_with("remote.okta.issuer = ") && line.contains(words), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
    let want = "want some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";
    let hmac = "an HMAC: whoever has the issuer's public key could forge tokens with it";
    let cases = [
        ("algorithms = [\"HS256\"]", format!(r#"algorithms = "HS256": {hmac}; {want}"#)),
        ("algorithms = [\"none\"]", format!(r#"algorithms = "none": tokens without a signature are never accepted; {want}"#)),
        ("algorithms = [\"RSA\"]", format!(r#"algorithms = "RSA": {want}"#)),
        ("algorithms = []", format!("algorithms = []: without an algorithm no token can be accepted; {want}")),
        ("ca_certificate = \"/nowhere.pem\"", r#"ca_certificate = "/nowhere.pem": there is no such file; want the path of a PEM file"#.into()),
        ("required_claims = { groups = { include = \"x\" } }", r#"required_claims.groups = {"include":"x"}: want a text, a number, true, false or a list; or { includes = VALUE }; or { equals = VALUE }"#.into()),
        ("clientid = \"x\"", "clientid: unknown key; did you mean remote.okta.client_id?".into()),
    ];
    for (line, expected) in cases {
        assert_eq!(wrong_in_file(&okta(line)), [format!("remote.okta.{expected}")]);
    }
    let found = wrong_in_file(&okta("jwks_uri = \"http://keys.example.com/\""));
    assert!(found.concat().contains("jwks_uri = \"http://keys.example.com/\": want https"), "{found:?}");
    assert_eq!(
        wrong_in_file("[remote.okta]\n"),
        [
            r#"remote.okta.issuer: missing; want the issuer of its tokens, such as "https://dev-123456.okta.com/oauth2/default""#,
            r#"remote.okta.audience: missing; want the aud of its tokens, such as "api://default""#,
        ]
    );
    let found = wrong_in_file("[remote.Okta]\nissuer = \"x\"\naudience = \"a\"\n");
    assert_eq!(
        found,
        [
            "remote.Okta.audience: want a name of lower-case letters, digits, - and single _, so that environment variables can name it too"
        ]
    );
    let found = wrong_in_file(&okta(&OKTA.replace("remote.okta", "remote.other")));
    assert_eq!(
        found,
        [
            r#"remote.other.issuer = "https://dev-1.okta.com/oauth2/default": this is the issuer of [remote.okta] already; keep one"#
        ]
    );
}
