//! PostgreSQL that crashes, stops answering, or is shared by servers that are restarted one after the other: F11.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::load::{Dice, Load, SETTINGS, rounds};
use crate::program::Program;
use crate::support::app::eventually;
use crate::support::ports::closed_port;
use crate::support::postgres::{Own, available, fresh_database};

/// So much later another server has heard of an end. Within a second, say the documents; a busy machine is given more.
const HEARSAY: Duration = Duration::from_secs(10);

fn own_cluster() -> Option<Own> {
    let own = available().then(Own::start).flatten();
    if own.is_none() {
        eprintln!("SKIPPED: no PostgreSQL that this test may stop");
    }
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_crashes_loses_nothing_that_was_answered() {
    let Some(cluster) = own_cluster() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice::cast("PostgreSQL crashes");
    let variables = [&SETTINGS[..], &[("TOKENHOUSE__DATABASE__URL", cluster.url())]].concat();
    let variables: Vec<(&str, String)> = variables.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let load = Load::new(folder.path(), &variables, 8, &mut dice);
    let program = Program::start(folder.path(), &variables);
    load.ask(&[&program.url]);
    let crash = async {
        let mut cluster = cluster;
        for _ in 0..rounds(4) {
            load.more(60).await;
            let restarting = tokio::task::spawn_blocking(move || {
                cluster.restart();
                cluster
            });
            cluster = restarting.await.unwrap();
        }
        load.more(60).await;
        load.enough().await;
        load.stop();
        cluster
    };
    let ((), _cluster) = tokio::join!(load.run(), crash);
    load.must_hold("PostgreSQL crashes", Duration::ZERO).await;
    assert_eq!(program.get("/health/ready", "").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_stops_answering_holds_up_nothing_for_ever() {
    let Some(cluster) = own_cluster() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice::cast("PostgreSQL stops");
    let variables = [&SETTINGS[..], &[("TOKENHOUSE__DATABASE__URL", cluster.url())]].concat();
    let load = Load::new(folder.path(), &variables, 8, &mut dice);
    let program = Program::start(folder.path(), &variables);
    assert_eq!(program.register("ada@example.com").await, 201);
    let tokens = program.log_in("ada@example.com").await.unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    load.ask(&[&program.url]);
    let stop = async {
        load.more(200).await;
        cluster.signal("STOP");
        let stopped = Instant::now();
        assert_eq!(program.get("/api/profile", token).await, 200, "a known session needs no database");
        assert_eq!(program.get("/health/live", token).await, 200);
        assert_eq!(program.get("/health/ready", token).await, 503);
        assert_eq!(program.log_in("ada@example.com").await, Err(503));
        assert_eq!(program.register("bob@example.com").await, 503);
        // Not for ever: each is given up after some seconds, and there are three of them.
        assert!(stopped.elapsed() < Duration::from_mins(3), "they were told so after {:?}", stopped.elapsed());
        assert_eq!(program.get("/api/profile", token).await, 200);
        cluster.signal("CONT");
        eventually("it goes on", async || program.log_in("ada@example.com").await.is_ok()).await;
        load.more(100).await;
        load.enough().await;
        load.stop();
    };
    tokio::join!(load.run(), stop);
    load.must_hold("PostgreSQL stops", Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_servers_restarted_one_after_the_other_lose_nothing_and_cut_off_nobody() {
    if !available() {
        eprintln!("SKIPPED: no PostgreSQL for this test");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice::cast("F11");
    let database = fresh_database();
    let variables = [&SETTINGS[..], &[("TOKENHOUSE__DATABASE__URL", database.as_str())]].concat();
    let load = Load::new(folder.path(), &variables, 8, &mut dice);
    let listen: Vec<String> = (0..3).map(|_| format!("127.0.0.1:{}", closed_port())).collect();
    let start = async |n: usize| {
        let variables = [&variables[..], &[("TOKENHOUSE__SERVER__LISTEN", listen[n].as_str())]].concat();
        Program::start_beside(folder.path(), &variables).await
    };
    let mut programs: Vec<Program> = join_all((0..3).map(&start)).await;
    let urls: Vec<String> = programs.iter().map(|program| program.url.clone()).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    load.ask(&urls);
    let restart = async {
        for n in (0..usize::try_from(rounds(1)).unwrap()).flat_map(|_| 0..3) {
            load.more(80).await;
            // As a load balancer does: nobody new comes to this one, and who is there is let out.
            load.ask_all_but(n, &urls);
            load.let_out(n).await;
            programs[n].signal("TERM");
            assert_eq!(programs[n].ended(Duration::from_mins(3)).await.code(), Some(0), "F11");
            programs[n] = start(n).await;
            load.ask(&urls);
        }
        load.more(80).await;
        load.enough().await;
        load.stop();
    };
    tokio::join!(load.run(), restart);
    assert_eq!(load.unanswered(), 0, "F11: somebody was cut off");
    load.must_hold("F11", HEARSAY).await;
}
