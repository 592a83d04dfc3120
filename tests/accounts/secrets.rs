//! What a copy of the data tells: L26, and who may read it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::app::{Engine, PASSWORD, TestApp, Tokens, on_both};

/// All bytes of the database.
pub async fn dump(app: &TestApp) -> Vec<u8> {
    if app.database.starts_with("sqlite:") {
        let files = std::fs::read_dir(app.folder.path()).unwrap().flatten();
        let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("tokenhouse.db"));
        return files.flat_map(|file| std::fs::read(file.path()).unwrap()).collect();
    }
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'";
    let mut rows = Vec::new();
    for table in app.texts(tables).await {
        rows.extend(app.texts(&format!("SELECT row_to_json(t)::text FROM {table} t")).await);
    }
    rows.join("\n").into_bytes()
}

pub fn holds(dump: &[u8], secret: &[u8]) -> bool {
    dump.windows(secret.len()).any(|window| window == secret)
}

on_both!(a_copy_of_the_database_has_no_password_and_no_token, |app| {
    let first = app.tokens().await;
    let second: Tokens = app.refresh(&first.refresh_token).await.json().await.unwrap();
    let dump = dump(&app).await;
    assert!(holds(&dump, b"ada@example.com") && holds(&dump, b"$argon2id$"), "this is not the database");
    assert!(!holds(&dump, PASSWORD.as_bytes()), "L26 password");
    for tokens in [&first, &second] {
        let raw = URL_SAFE_NO_PAD.decode(&tokens.refresh_token).unwrap();
        let secret = &raw[16..48];
        let hex = secret.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        // Its end as text is enough: where a token begins, base64 does not show.
        let text = &tokens.refresh_token[22..64];
        for (what, bytes) in [("bytes", secret), ("text", text.as_bytes()), ("hex", hex.as_bytes())] {
            assert!(!holds(&dump, bytes), "L26 refresh token as {what}");
        }
        assert!(!holds(&dump, &raw[..16]), "L26 family");
        let signature = tokens.access_token.rsplit('.').next().unwrap();
        assert!(!holds(&dump, signature.as_bytes()), "L26 access token");
    }
});

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_reads_the_files() {
    let app = TestApp::start(Engine::Sqlite).await;
    app.tokens().await;
    let mut seen = Vec::new();
    for folder in [app.folder.path().to_owned(), app.folder.path().join("keys")] {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let right = if entry.path().is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, right, "{}: {mode:o}", entry.path().display());
            seen.push(name(&entry.path()));
        }
    }
    for file in ["tokenhouse.db", "tokenhouse.db-wal", "keys", "signing-keys.json"] {
        assert!(seen.iter().any(|name| name == file), "{file} is not among {seen:?}");
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
