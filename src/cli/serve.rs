//! `tokenhouse serve`: runs the server until it is told to stop.

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::server::{Server, logs};
use crate::settings::{DatabaseUrl, Settings};
use crate::shell::quoted;
use crate::tls::{PairFiles, pair};
use crate::token::Clock;

pub(super) fn run(settings: &Settings, json: bool, out: &mut impl Write) -> Result<u8, Failure> {
    logs::start(&settings.log).map_err(|error| Failure::Failed(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start threads: {error}")))?;
    runtime.block_on(async {
        // Before anything is announced, so that no signal is missed.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let server =
            Server::start(settings, Clock::system()).await.map_err(|error| Failure::Failed(error.to_string()))?;
        // Who reads no further than the first line has a server nevertheless.
        match announce(settings, server.address(), json, out) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
        let mut signal = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        let (first_sent, first) = tokio::sync::oneshot::channel();
        let (second_sent, second) = tokio::sync::oneshot::channel();
        let signals = async move {
            signal().await;
            let _ = first_sent.send(());
            signal().await;
            let _ = second_sent.send(());
            std::future::pending::<()>().await;
        };
        let until = |sent: tokio::sync::oneshot::Receiver<()>| async { sent.await.unwrap_or(()) };
        tokio::select! {
            ended = server.run_until(until(first), until(second)) => ended?,
            () = signals => {}
        }
        Ok(0)
    })
}

/// Says where it listens, where the data is, and what to try.
fn announce(settings: &Settings, address: SocketAddr, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let scheme = if settings.server.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    if json {
        return writeln!(out, "{}", json!({ "listening": url, "public_url": settings.server.public_url }));
    }
    writeln!(out, "tokenhouse {} listens on {url}", env!("CARGO_PKG_VERSION"))?;
    let (curl, url) = match &settings.server.tls {
        // By the name that the certificate is for.
        Some(tls) => (curl_that_believes(tls)?, settings.server.public_url.clone()),
        None => ("curl".to_owned(), url),
    };
    if !settings.auth.local {
        let issuers = settings.auth.remotes.iter().filter_map(|name| settings.remotes.get(name));
        for remote in issuers {
            writeln!(out, "It believes the access tokens of {} for {:?}.", remote.issuer, remote.audience)?;
        }
        if settings.pages.playground {
            writeln!(out, "Playground: {}/", settings.server.public_url)?;
        }
        return write!(
            out,
            "\nTry it:\n\n  {curl} {url}/api/publicInfo\n  {curl} -i {url}/api/profile\n  {curl} {url}/api/profile -H \"Authorization: Bearer $TOKEN\"\n\n"
        );
    }
    let data = match &settings.database.url {
        DatabaseUrl::Sqlite(path) => std::path::absolute(path)?.display().to_string(),
        DatabaseUrl::Postgres(_) => "PostgreSQL".to_owned(),
    };
    let keys = match &settings.tokens.secret {
        Some(_) if !settings.tokens.algorithm.is_asymmetric() => "TOKENHOUSE__TOKENS__SECRET".to_owned(),
        _ => std::path::absolute(&settings.tokens.key_dir)?.display().to_string(),
    };
    writeln!(out, "accounts: {data}\nkeys:     {keys}\nbrowser:  {}/", settings.server.public_url)?;
    write!(
        out,
        r#"
Try it:

  {curl} {url}/api/register -H 'Content-Type: application/json' \
    -d '{{"email":"ada@example.com","password":"correct horse battery staple"}}'

  TOKEN=$({curl} -s {url}/api/login -H 'Content-Type: application/json' \
    -d '{{"email":"ada@example.com","password":"correct horse battery staple"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

  {curl} {url}/api/profile -H "Authorization: Bearer $TOKEN"

"#
    )?;
    out.flush()
}

/// The command `curl`, which must be given a certificate that vouches for itself.
fn curl_that_believes(tls: &PairFiles) -> std::io::Result<String> {
    let pair = pair::read(tls, &rustls::crypto::aws_lc_rs::default_provider());
    if !pair.is_ok_and(|pair| pair.is_self_signed) {
        return Ok("curl".to_owned());
    }
    let path = std::path::absolute(&tls.certificate)?.display().to_string();
    Ok(format!("curl --cacert {}", quoted(&path)))
}
