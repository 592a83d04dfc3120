use std::net::TcpStream;

use super::*;
use crate::settings::Sources as SettingsSources;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_by_itself_ends_what_is_beside_it() {
    for panics in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let within = |name: &str| folder.path().join(name).display().to_string();
        let set = [
            ("SERVER__LISTEN", "127.0.0.1:0".to_owned()),
            ("METRICS__LISTEN", "127.0.0.1:0".to_owned()),
            ("DATABASE__URL", format!("sqlite://{}", within("tokenhouse.db"))),
            ("TOKENS__KEY_DIR", within("keys")),
            ("MAIL__OUTBOX_DIR", within("outbox")),
        ];
        let set = set.map(|(name, value)| (format!("TOKENHOUSE__{name}"), value));
        let settings = Settings::read(&SettingsSources::default().with_environment(set)).unwrap();
        let mut server = Server::start(&settings, Clock::system()).await.unwrap();
        let (metrics, log) = (server.metrics_address().unwrap(), folder.path().join("tokenhouse.db-wal"));
        assert!(TcpStream::connect(metrics).is_ok() && log.exists());

        server.handle.stop(false).await;
        server.running = tokio::spawn(async move {
            assert!(!panics, "on purpose");
            Err(io::Error::other("of itself"))
        });
        let error = server.run_until(std::future::pending(), std::future::pending()).await.unwrap_err().to_string();
        assert!(error.contains(if panics { "panicked" } else { "of itself" }), "{error}");
        assert!(TcpStream::connect(metrics).is_err(), "{error}");
        // SQLite deletes it with the last connection.
        assert!(!log.exists(), "{error}");
    }
}
