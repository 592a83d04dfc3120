//! The words about each wrong value, key and variable.

use tokenhouse::settings::{Settings, Sources};

use super::{wrong_in_environment, wrong_in_file};

/// Section, line, and what is said about it.
const WRONG_VALUES: &[(&str, &str, &str)] = &[
    (
        "server",
        "listen = \"localhost:3000\"",
        r#"server.listen = "localhost:3000": want an IP address and a port, such as "127.0.0.1:3000" or "[::]:3000""#,
    ),
    (
        "server",
        "public_url = \"https://a.example/\"",
        r#"server.public_url = "https://a.example/": remove the slash at the end; an origin has none"#,
    ),
    (
        "server",
        "public_url = \"https://a.example/x\"",
        r#"server.public_url = "https://a.example/x": want an origin only: remove the path behind the host and port"#,
    ),
    (
        "server",
        "trusted_proxies = [\"10.0.0.0/40\"]",
        r#"server.trusted_proxies = "10.0.0.0/40": want a network, such as "10.0.0.0/8" or "::1/128""#,
    ),
    (
        "server",
        "trusted_proxies = \"::1/128\"",
        r#"server.trusted_proxies = "::1/128": want a network, such as "10.0.0.0/8" or "::1/128", in a list, in brackets"#,
    ),
    (
        "server",
        "max_body = \"64\u{fffd}\"",
        r#"server.max_body = "64�": want a size between 1KiB and 16MiB, such as "64KiB" or "1MB""#,
    ),
    (
        "server",
        "max_body = 12",
        r#"server.max_body = 12: want a size between 1KiB and 16MiB, such as "64KiB" or "1MB""#,
    ),
    ("server", "listen.port = 1", "server.listen.port: server.listen is one value and has no keys beneath it"),
    (
        "cors",
        "origins = [\"*\"]",
        r#"cors.origins = "*": any page of the world could call with a visitor's credentials; list the exact origins"#,
    ),
    (
        "log",
        "level = \"\u{2000}\u{1058C}=\"",
        "log.level = \"\u{2000}\u{1058C}=\": want a level (error, warn, info, debug, trace, off) or a filter, such as \"info,tokenhouse=debug\"",
    ),
    (
        "log",
        "level = \"inof\"",
        r#"log.level = "inof": want a level (error, warn, info, debug, trace, off) or a filter, such as "info,tokenhouse=debug""#,
    ),
    (
        "log",
        "level = \"info,tokenhouse=loud\"",
        r#"log.level = "info,tokenhouse=loud": want a level (error, warn, info, debug, trace, off) or a filter, such as "info,tokenhouse=debug""#,
    ),
    ("log", "format = \"xml\"", r#"log.format = "xml": want one of "auto", "pretty", "json""#),
    (
        "database",
        "url = \"sqlite::memory:\"",
        r#"database.url = "sqlite::memory:": a database in memory loses every account when the server stops; want a file: "sqlite://PATH""#,
    ),
    (
        "database",
        "url = \"sqlite://x.db?mode=rwc\"",
        r#"database.url = "sqlite://x.db?mode=rwc": want a path alone, without ? or #; the server chooses the options of SQLite"#,
    ),
    (
        "database",
        "url = \"mysql://u:hunter2@h/d\"",
        r#"database.url = "mysql://(hidden)": want "sqlite://PATH" or "postgres://USER:PASSWORD@HOST/DATABASE""#,
    ),
    (
        "database",
        "url = \"postgres://u:hun/ter2@h/d\"",
        r#"database.url = "postgres://(hidden)": want "sqlite://PATH" or "postgres://USER:PASSWORD@HOST/DATABASE"; in the password write % / ? # [ ] @ as %25 %2F %3F %23 %5B %5D %40"#,
    ),
    ("auth", "accept = []", "auth.accept = []: want at least one issuer, or no token would ever be accepted"),
    (
        "auth",
        "accept = [\"okat\"]",
        r#"auth.accept = "okat": no such issuer; there are local ("local", and the names under [remote.*])"#,
    ),
    ("auth", "accept = [\"local\", \"local\"]", r#"auth.accept = "local": this is in the list twice; remove one"#),
    ("tokens", "algorithm = \"none\"", r#"tokens.algorithm = "none": want one of "HS256", "RS256", "ES256", "EdDSA""#),
    (
        "tokens",
        "algorithm = \"PS256\"",
        r#"tokens.algorithm = "PS256": want one of "HS256", "RS256", "ES256", "EdDSA""#,
    ),
    (
        "tokens",
        "rotate_every = \"1d\"",
        r#"tokens.rotate_every = "1d": want "0s" for never, or a duration between 2d and 3650d, such as "90d""#,
    ),
    (
        "tokens",
        "rotate_every = \"never\"",
        r#"tokens.rotate_every = "never": want "0s" for never, or a duration between 2d and 3650d, such as "90d""#,
    ),
    (
        "tokens",
        "access_ttl = \"1 hour-ish\"",
        r#"tokens.access_ttl = "1 hour-ish": want a duration between 1s and 24h, such as "15m" or "1h""#,
    ),
    (
        "tokens",
        "access_ttl = 3600",
        r#"tokens.access_ttl = 3600: want a duration between 1s and 24h, such as "15m" or "1h", with its unit and in quotes"#,
    ),
    (
        "tokens",
        "access_ttl = \"25h\"",
        r#"tokens.access_ttl = "25h": want a duration between 1s and 24h, such as "15m" or "1h""#,
    ),
    ("tokens", "refresh_ttl = \"30m\"", r#"tokens.refresh_ttl = "30m": want at least tokens.access_ttl, which is 1h"#),
    ("tokens", "leeway = \"1h\"", r#"tokens.leeway = "1h": want a duration between 0s and 5m, such as "15m" or "1h""#),
    (
        "tokens",
        "secret = \"hunter2\"",
        r#"tokens.secret = "(hidden)": secrets do not belong in files; remove the key and set TOKENHOUSE__TOKENS__SECRET in the environment"#,
    ),
    (
        "passwords",
        "memory_kib = \"19456\"",
        r#"passwords.memory_kib = "19456": want a whole number between 7168 and 1048576, without quotes"#,
    ),
    (
        "passwords",
        "memory_kib = 7168",
        "passwords.memory_kib = 7168: too weak together with passwords.iterations = 2; want at least one of OWASP's pairs: 47104 with 1, 19456 with 2, 12288 with 3, 9216 with 4, 7168 with 5",
    ),
    ("passwords", "iterations = -1", "passwords.iterations = -1: want a whole number between 1 and 64"),
    ("passwords", "min_length = 65", "passwords.min_length = 65: want a whole number between 8 and 64"),
    ("registration", "open = \"true\"", r#"registration.open = "true": want true or false, without quotes"#),
    (
        "accounts",
        "session_absolute_ttl = \"1d\"",
        r#"accounts.session_absolute_ttl = "1d": want at least accounts.session_idle_ttl, which is 30d"#,
    ),
    (
        "accounts",
        "email_verification = \"yes\"",
        r#"accounts.email_verification = "yes": want one of "off", "optional", "required""#,
    ),
    (
        "accounts",
        "reset_ttl = \"2d\"",
        r#"accounts.reset_ttl = "2d": want a duration between 5m and 24h, such as "15m" or "1h""#,
    ),
    (
        "mail",
        "transport = \"smtp\"",
        r#"mail.transport = "smtp": mail.host is missing; want the name of the mail server there"#,
    ),
    (
        "mail",
        "host = \"smtp.example.com\"",
        r#"mail.host = "smtp.example.com": mail.transport is "outbox", so no letter would go there; want mail.transport = "smtp", or no mail.host"#,
    ),
    (
        "mail",
        "transport = \"smtp\"\nhost = \"smtp.example.com:587\"",
        r#"mail.host = "smtp.example.com:587": want a name alone; the port is mail.port"#,
    ),
    (
        "mail",
        "transport = \"smtp\"\nhost = \"smtp.example.com\"\nusername = \"ada\"",
        r#"mail.username = "ada": its password is missing; set TOKENHOUSE__MAIL__PASSWORD in the environment"#,
    ),
    (
        "mail",
        "password = \"hunter2\"",
        r#"mail.password = "(hidden)": secrets do not belong in files; remove the key and set TOKENHOUSE__MAIL__PASSWORD in the environment"#,
    ),
    (
        "mail",
        "from = \"nobody\"",
        r#"mail.from = "nobody": want the sender of letters, such as "Example <no-reply@example.com>""#,
    ),
    (
        "mail",
        "ca_certificate = \"no-such.pem\"",
        r#"mail.ca_certificate = "no-such.pem": there is no such file; want the path of a PEM file"#,
    ),
    (
        "metrics",
        "listen = \"9464\"",
        r#"metrics.listen = "9464": want an IP address and a port, such as "127.0.0.1:9464", or "" for no metrics"#,
    ),
    (
        "metrics",
        "listen = \"127.0.0.1:3000\"",
        r#"metrics.listen = "127.0.0.1:3000": this is server.listen, and metrics are not for everybody who can log in; want another port"#,
    ),
    ("traces", "sample = 1.5", "traces.sample = 1.5: want a number between 0 and 1, such as 0.1"),
    (
        "traces",
        "sample = \"0.5\"",
        r#"traces.sample = "0.5": want a number between 0 and 1, such as 0.1, without quotes"#,
    ),
    ("traces", "sample = nan", "traces.sample = null: want a number between 0 and 1, such as 0.1"),
    (
        "traces",
        "service_name = \" \"",
        r#"traces.service_name = " ": want the name of this server, such as "tokenhouse""#,
    ),
    (
        "traces",
        "endpoint = \"127.0.0.1:4318\"",
        r#"traces.endpoint = "127.0.0.1:4318": want the collector's base address, such as "http://127.0.0.1:4318", or "" for no traces"#,
    ),
    (
        "traces",
        "endpoint = \"http://127.0.0.1:4318/v1/traces\"",
        r#"traces.endpoint = "http://127.0.0.1:4318/v1/traces": /v1/traces is added to it; want the address without"#,
    ),
    (
        "traces",
        "endpoint = \"http://ada:hunter2@127.0.0.1:4318\"",
        r#"traces.endpoint = "http://(hidden)@127.0.0.1:4318": want an address without user, query and fragment; what the collector wants to know of its callers is OTEL_EXPORTER_OTLP_HEADERS in the environment"#,
    ),
    ("audit", "keep = \"1h\"", r#"audit.keep = "1h": want a duration between 24h and 3650d, such as "15m" or "1h""#),
    (
        "limits",
        "register_per_ip = \"20 per hour\"",
        r#"limits.register_per_ip = "20 per hour": want COUNT/PERIOD, such as "10/15m", with a count from 1 and a period between 1s and 30d"#,
    ),
];

#[test]
fn each_wrong_value_has_its_words() {
    for (section, line, expected) in WRONG_VALUES {
        assert_eq!(wrong_in_file(&format!("[{section}]\n{line}\n")), [*expected], "{line}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    let cases = [
        ("[tokens]\naccess_tll = \"1h\"", "tokens.access_tll: unknown key; did you mean tokens.access_ttl?"),
        ("[server]\naccess_ttl = \"1h\"", "server.access_ttl: unknown key; did you mean tokens.access_ttl?"),
        ("[registration]\nquestionnaire = 1", "registration.questionnaire: unknown key; [registration] has open"),
        ("[xyzzy]\na = 1", "xyzzy.a: unknown key"),
        ("server = 3", "server: this is a section; want its keys, such as server.listen"),
        ("remote = 3", "remote: this is a section; want [remote.NAME] with the keys of one issuer"),
        (
            "\"x[99999999999]\" = 1",
            "\"x[99999999999]\": unknown key; the sections are server, cors, log, metrics, traces, database, auth, tokens, passwords, registration, accounts, mail, limits, audit, oauth, pages, remote.NAME",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(wrong_in_file(text), [expected], "{text}");
    }
    assert!(wrong_in_file("[server]\n[remote]\n[tokens]\n").is_empty());
}

#[test]
fn each_wrong_scope_has_its_words() {
    let word =
        "want a word of printable ASCII without blanks, \" and \\\\, such as \"customScope\"".replace("\\\\", "\\");
    let cases = [
        ("name = \"a b\"", format!("oauth.scopes[1].name = \"a b\": {word}")),
        ("name = \"é\"", format!("oauth.scopes[1].name = \"é\": {word}")),
        ("name = \"\"", format!("oauth.scopes[1].name = \"\": {word}")),
        ("name = 3", format!("oauth.scopes[1].name = 3: {word}")),
        ("description = \"x\"", format!("oauth.scopes[1].name: missing; {word}")),
        (
            "name = \"admin\"",
            "oauth.scopes[1].name = \"admin\": this scope has a meaning of its own already; want another name"
                .to_owned(),
        ),
        ("name = \"first\"", "oauth.scopes[1].name = \"first\": this scope is declared already; keep one".to_owned()),
        (
            "name = \"b\"\ndefault = \"true\"",
            "oauth.scopes[1].default = \"true\": want true or false, without quotes".to_owned(),
        ),
        ("name = \"b\"\ndescription = 1", "oauth.scopes[1].description = 1: want a text".to_owned()),
        (
            "name = \"b\"\ndefualt = true",
            "oauth.scopes[1].defualt = true: unknown key; [[oauth.scopes]] has name, description, default".to_owned(),
        ),
    ];
    for (table, expected) in cases {
        let text = format!("[[oauth.scopes]]\nname = \"first\"\n[[oauth.scopes]]\n{table}\n");
        assert_eq!(wrong_in_file(&text), [expected], "{table}");
    }
    let want = "want tables [[oauth.scopes]] with a name each, such as [{\"name\": \"customScope\"}] in a variable";
    assert_eq!(wrong_in_file("[oauth]\nscopes = 3\n"), [format!("oauth.scopes = 3: {want}")]);
    assert_eq!(wrong_in_file("[oauth]\nscopes = [\"a\"]\n"), [format!("oauth.scopes = [\"a\"]: {want}")]);
    assert_eq!(
        wrong_in_environment("TOKENHOUSE__OAUTH__SCOPES", r#"[{"name": "x"}, {"name": "x y"}]"#),
        [format!("oauth.scopes[1].name = \"x y\": {word}")]
    );
    assert_eq!(wrong_in_environment("TOKENHOUSE__OAUTH__SCOPES", "x"), [format!("oauth.scopes = \"x\": {want}")]);
    let sources =
        Sources::default().with_environment([("TOKENHOUSE__OAUTH__SCOPES", r#"[{"name": "x", "default": true}]"#)]);
    let settings = Settings::read(&sources).unwrap();
    assert_eq!((settings.oauth.scopes[0].name.as_str(), settings.oauth.scopes[0].default), ("x", true));
}

#[test]
fn claims_of_tokens() {
    let from = "want one of roles, id, name, email and email_verified; or a fixed `value` instead";
    for (table, message) in [
        ("name = \"sub\"\nfrom = \"id\"", "name = \"sub\": this claim has a meaning of its own already; want another name".to_owned()),
        ("name = \"a b\"\nfrom = \"id\"", "name = \"a b\": want the name of the claim: 1 to 128 printable characters of ASCII without blanks, such as \"groups\"".to_owned()),
        ("from = \"id\"", "name: missing; want the name of the claim: 1 to 128 printable characters of ASCII without blanks, such as \"groups\"".to_owned()),
        ("name = \"first\"\nfrom = \"id\"", "name = \"first\": this claim is declared already; keep one".to_owned()),
        ("name = \"x\"\nfrom = \"password\"", format!("from = \"password\": {from}")),
        ("name = \"x\"", format!("from: missing; {from}")),
        ("name = \"x\"\nfrom = \"id\"\nvalue = 1", "value = 1: there is `from` too; keep one of both".to_owned()),
        ("name = \"x\"\nfrom = \"id\"\nprefix = \"a\"", "prefix = \"a\": goes with from = \"roles\" only".to_owned()),
        ("name = \"x\"\nfrom = \"id\"\ntokens = [\"refresh\"]", "tokens = [\"refresh\"]: want a list of \"access\", \"id\" or both".to_owned()),
        ("name = \"x\"\nfrom = \"id\"\ntokens = []", "tokens = []: want a list of \"access\", \"id\" or both".to_owned()),
        ("name = \"x\"\nfrom = \"id\"\nscopes = [\"a b\"]", "scopes = [\"a b\"]: want a list of scopes, such as [\"profile\"]".to_owned()),
        ("name = \"x\"\nfrom = \"id\"\nform = 1", "form = 1: unknown key; [[tokens.claims]] has name, from, prefix, value, tokens, scopes".to_owned()),
    ] {
        let text = format!("[[tokens.claims]]\nname = \"first\"\nvalue = true\n[[tokens.claims]]\n{table}\n");
        assert_eq!(wrong_in_file(&text), [format!("tokens.claims[1].{message}")], "{table}");
    }
    let text = "[[tokens.claims]]\nname = \"x\"\nfrom = \"id\"\nscopes = [\"profil\"]\n";
    let words = "tokens.claims: no scope \"profil\" can be granted; want openid, profile, email, offline_access, admin or one of [[oauth.scopes]]";
    assert_eq!(wrong_in_file(text), [words]);
    assert!(wrong_in_file(&format!("{text}[[oauth.scopes]]\nname = \"profil\"\n")).is_empty());
    let long = format!("[[tokens.claims]]\nname = \"x\"\nvalue = \"{}\"\n", "x".repeat(1100));
    assert!(wrong_in_file(&long)[0].ends_with("want at most 1024 bytes, for it is in every token"));
}

#[test]
fn wrong_variables_are_refused() {
    let cases = [
        (
            "TOKENHOUSE__TOKENS__ACCESS_TTL",
            "soon",
            r#"tokens.access_ttl = "soon": want a duration between 1s and 24h, such as "15m" or "1h""#,
        ),
        (
            "TOKENHOUSE__TOKENS__ACESS_TTL",
            "1h",
            "tokens.acess_ttl: unknown key; did you mean TOKENHOUSE__TOKENS__ACCESS_TTL?",
        ),
        ("TOKENHOUSE__SERVER_LISTEN", "x", "server_listen: unknown key; did you mean TOKENHOUSE__SERVER__LISTEN?"),
        ("TOKENHOUSE__SERVER", "x", "server: this is a section; want its keys, such as TOKENHOUSE__SERVER__LISTEN"),
        ("TOKENHOUSE__SERVER__", "x", "want TOKENHOUSE__SECTION__KEY, with two underscores between levels"),
        (
            "TOKENHOUSE__SERVER__LISTEN[9999999999]",
            "x",
            "want TOKENHOUSE__SECTION__KEY, with two underscores between levels",
        ),
        ("TOKENHOUSE_SERVER_LISTEN", "x", "not read; levels are parted by two underscores: TOKENHOUSE__SERVER__LISTEN"),
        (
            "TOKENHOUSE__PASSWORDS__ITERATIONS",
            "two",
            r#"passwords.iterations = "two": want a whole number between 1 and 64"#,
        ),
        (
            "TOKENHOUSE__REMOTE__OKTA__REQUIRED_CLAIMS__GROUPS",
            "x",
            r#"remote.okta.required_claims.groups: claims have upper and lower case, which a variable's name has not; want TOKENHOUSE__REMOTE__OKTA__REQUIRED_CLAIMS='{"groups": {"includes": "staff"}}'"#,
        ),
        (
            "TOKENHOUSE__TOKENS__SECRET",
            "hunter2",
            r#"tokens.secret = "(hidden)": want at least 32 bytes, and this has 7; make one with: openssl rand -base64 32"#,
        ),
        (
            "TOKENHOUSE__TOKENS__SECRET",
            "a-string-secret-at-least-256-bits-long",
            r#"tokens.secret = "(hidden)": this is a well-known example or a text that people make up; make one with: openssl rand -base64 32"#,
        ),
    ];
    for (name, value, expected) in cases {
        assert_eq!(wrong_in_environment(name, value), [expected], "{name}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text =
        "[server]\nlisten = 3000\n[tokens]\naccess_ttl = \"0s\"\nrefresh = \"1h\"\n[auth]\naccept = [\"a\", \"b\"]\n";
    let sources = Sources::from_toml("config/x.toml", text).with_environment([("TOKENHOUSE__LOG__FORMAT", "xml")]);
    let wrong = Settings::read(&sources).unwrap_err();
    insta::assert_snapshot!(wrong, @r#"
    config/x.toml: server.listen = 3000: want an IP address and a port, such as "127.0.0.1:3000" or "[::]:3000"
    environment TOKENHOUSE__LOG__FORMAT: log.format = "xml": want one of "auto", "pretty", "json"
    config/x.toml: auth.accept = "a": no such issuer; there are local ("local", and the names under [remote.*])
    config/x.toml: auth.accept = "b": no such issuer; there are local ("local", and the names under [remote.*])
    config/x.toml: tokens.access_ttl = "0s": want a duration between 1s and 24h, such as "15m" or "1h"
    config/x.toml: tokens.refresh: unknown key; [tokens] has algorithm, rotate_every, audience, access_ttl, refresh_ttl, key_dir, leeway, secret, claims
    "#);
    assert_eq!(wrong.mistakes().len(), 6);
}

#[test]
fn a_syntax_error_has_its_line_and_quotes_nothing() {
    let found = wrong_in_file("[database]\n\nurl = \"postgres://u:hunter2@db/t\n");
    let [line] = found.as_slice() else { panic!("{found:?}") };
    assert!(line.starts_with("TOML parse error at line 3, column ") && !line.contains("hunter2"), "{line}");
}
