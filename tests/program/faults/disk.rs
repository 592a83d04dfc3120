//! A disk that cannot sync, and one that loses power: F3, F4. `disk.c` plays it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::kill::must_be_whole;
use super::load::{Dice, Load, SETTINGS, rounds};
use crate::program::Program;
use crate::support::app::eventually;

/// What is written as a whole or not at all.
const SECTOR: usize = 512;

/// A folder with a server's data on such a disk.
struct Disk {
    folder: tempfile::TempDir,
    shim: String,
    synced: PathBuf,
    database: String,
}

impl Disk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let shim = folder.path().join("disk.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/faults/disk.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).status();
        if !compiled.is_ok_and(|done| done.success()) || !cfg!(target_os = "linux") {
            assert!(std::env::var_os("CI").is_none(), "the disk cannot be compiled, and in CI nothing may be skipped");
            eprintln!("SKIPPED: there is no cc to compile the disk with, or this is not Linux");
            return None;
        }
        let synced = folder.path().join("synced");
        fs::create_dir(&synced).unwrap();
        let database = format!("sqlite://{}", folder.path().join("data/tokenhouse.db").display());
        Some(Self { shim: shim.display().to_string(), synced, database, folder })
    }

    fn start(&self) -> Program {
        let synced = self.synced.display().to_string();
        let own = [
            ("LD_PRELOAD", self.shim.as_str()),
            ("TOKENHOUSE_TEST_DISK", &synced),
            ("TOKENHOUSE__DATABASE__URL", &self.database),
        ];
        Program::start(self.folder.path(), &[&SETTINGS[..], &own].concat())
    }

    /// One sync in so many fails.
    fn fail(&self, one_in: u32) {
        fs::write(self.synced.join("fail"), one_in.to_string()).unwrap();
    }

    fn mend(&self) {
        fs::remove_file(self.synced.join("fail")).unwrap();
    }

    /// Of what was written since the last sync each sector is there or not. Answers how many were lost.
    fn lose_power(&self, dice: &mut Dice) -> usize {
        let data = self.folder.path().join("data");
        let mut lost = 0;
        for name in ["tokenhouse.db", "tokenhouse.db-wal"] {
            let (path, synced) = (data.join(name), self.synced.join(name));
            let (written, safe) = (fs::read(&path).unwrap_or_default(), fs::read(&synced).unwrap_or_default());
            let length = if dice.roll(2) == 0 { written.len() } else { safe.len() };
            let mut left = safe.clone();
            left.resize(length, 0);
            for (n, sector) in left.chunks_mut(SECTOR).enumerate() {
                let Some(new) = written.get(n * SECTOR..n * SECTOR + sector.len()) else { continue };
                if new == sector {
                    continue;
                }
                if dice.roll(2) == 0 {
                    sector.copy_from_slice(new);
                } else {
                    lost += 1;
                }
            }
            lost += written.len().saturating_sub(length) / SECTOR;
            fs::write(&path, &left).unwrap();
            fs::write(&synced, &left).unwrap();
        }
        // It is memory that two processes share, whatever its name says.
        let _ = fs::remove_file(data.join("tokenhouse.db-shm"));
        lost
    }
}

/// Plays rounds in which it loses power, with `disturb` between.
async fn power_is_lost(what: &str, disk: &Disk, rounds: u64, disturb: impl AsyncFn(&Load, &Program)) {
    let mut dice = Dice::cast(what);
    drop(disk.start());
    let variables = [&SETTINGS[..], &[("TOKENHOUSE__DATABASE__URL", disk.database.as_str())]].concat();
    let load = Load::new(disk.folder.path(), &variables, 8, &mut dice);
    // What the command line wrote is not of this disk.
    for name in ["tokenhouse.db", "tokenhouse.db-wal"] {
        let _ = fs::copy(disk.folder.path().join("data").join(name), disk.synced.join(name));
    }
    let mut lost = 0;
    for _ in 0..rounds {
        let mut program = disk.start();
        load.ask(&[&program.url]);
        must_be_whole(&disk.database).await;
        let kill = async {
            load.more(40).await;
            disturb(&load, &program).await;
            tokio::time::sleep(Duration::from_millis(dice.roll(150))).await;
            program.signal("KILL");
            load.stop();
        };
        tokio::join!(load.run(), kill);
        program.wait(Duration::from_mins(3));
        lost += disk.lose_power(&mut dice);
    }
    let program = disk.start();
    must_be_whole(&disk.database).await;
    load.ask(&[&program.url]);
    load.must_hold(what, Duration::ZERO).await;
    eprintln!("{what}: {lost} sectors were lost");
    assert!(lost > 0, "{what}: power was never lost while anything was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_loss_of_power() {
    let Some(disk) = Disk::new() else { return };
    power_is_lost("F3", &disk, rounds(8), async |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_syncs_that_fail_and_a_loss_of_power_on_top() {
    let Some(disk) = Disk::new() else { return };
    power_is_lost("F4", &disk, rounds(5), async |load, _| {
        disk.fail(3);
        load.more(40).await;
        disk.mend();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_cannot_sync_costs_the_writes_and_nothing_else() {
    let Some(disk) = Disk::new() else { return };
    let program = disk.start();
    assert_eq!(program.register("ada@example.com").await, 201);
    let tokens = program.log_in("ada@example.com").await.unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    disk.fail(1);
    for n in 0..3 {
        assert_eq!(program.register(&format!("n{n}@example.com")).await, 503, "F4");
    }
    assert_eq!(program.log_in("ada@example.com").await, Err(503), "F4");
    assert_eq!(program.get("/api/profile", token).await, 200, "F4: tokens are verified as ever");
    assert_eq!(program.get("/api/me", token).await, 200, "F4: and the database is read");
    assert!(program.log().contains("the database did not commit"), "F4: the log says why: {}", program.log());
    disk.mend();
    eventually("F4: it recovers by itself", async || program.log_in("ada@example.com").await.is_ok()).await;
    assert_eq!(program.register("bob@example.com").await, 201, "F4");
    drop(program);
    let program = disk.start();
    assert!(program.log_in("bob@example.com").await.is_ok(), "F4");
    must_be_whole(&disk.database).await;
}
