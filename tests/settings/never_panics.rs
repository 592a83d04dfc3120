//! Nothing that anybody writes into a file or a variable makes it panic.

use proptest::prelude::*;
use tokenhouse::settings::{Settings, Sources};

/// TOML that has our keys in it more often than chance would.
fn toml_like() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "server.listen",
        "server.public_url",
        "server.max_body",
        "server.trusted_proxies",
        "log.level",
        "database.url",
        "auth.accept",
        "tokens.access_ttl",
        "limits.register_per_ip",
        "remote.a.issuer",
        "remote.a.required_claims",
        "remote.b",
        "tokens.secret",
    ]);
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}").replace("NaN", "nan")),
        "\\PC{0,24}".prop_map(|text| serde_json::Value::from(text).to_string()),
        "(https?|postgres|sqlite)://[a-z@:/?#.\\[\\]{}%-]{0,24}".prop_map(|text| format!("'{text}'")),
        "[0-9]{1,22} ?[a-zµ/.]{0,4}".prop_map(|text| format!("'{text}'")),
        Just("[{}, [1], 'x']".to_owned()),
        Just("{ a = { includes = [] } }".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
    ];
    prop::collection::vec((key, value), 0..6).prop_map(|pairs| {
        pairs.into_iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join("\n")
    })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Settings::read(&Sources::from_toml("x.toml", text));
    }

    #[test]
    fn no_toml_makes_it_panic(text in toml_like()) {
        if let Err(wrong) = Settings::read(&Sources::from_toml("x.toml", text)) {
            prop_assert_eq!(wrong.to_string().lines().count(), wrong.mistakes().len());
        }
    }

    #[test]
    fn no_environment_makes_it_panic(name in "TOKENHOUSE__?[A-Z_.\\[\\]0-9é]{0,30}", value in "\\PC{0,80}") {
        let _ = Settings::read(&Sources::default().with_environment([(name, value)]));
    }
}

proptest! {
    // Estimating guesses is slow in a build without optimization.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_secret_makes_it_panic(value in "\\PC{28,90}") {
        let environment = [("TOKENHOUSE__TOKENS__SECRET", value.clone())];
        if let Err(wrong) = Settings::read(&Sources::default().with_environment(environment)) {
            prop_assert!(!wrong.to_string().contains(&value));
        }
    }
}
