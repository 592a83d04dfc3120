//! A throw-away PostgreSQL cluster, started once for each test binary and gone with it, however it ends.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// A cluster, or what keeps it alive: when this process ends, the watcher's standard input closes, and it ends the cluster.
struct Cluster {
    url: String,
    bin: PathBuf,
    user: Option<User>,
    folder: PathBuf,
    watcher: Option<Child>,
}

/// A cluster of one test alone, which may be stopped. It keeps what it committed, also when it is ended at once.
pub struct Own(Cluster);

impl Own {
    /// `None` where there is only a server that is not ours to stop.
    pub fn start() -> Option<Self> {
        std::env::var_os("TOKENHOUSE_TEST_POSTGRES_URL").is_none().then(|| Self(start("on")))
    }

    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Ends it without letting anything come to its end, and starts it again.
    pub fn restart(&mut self) {
        let cluster = &mut self.0;
        let mut watcher = cluster.watcher.take().expect("a watcher");
        std::io::Write::write_all(&mut watcher.stdin.take().expect("its input"), b"keep\n").expect("it listens");
        watcher.wait().expect("it ends");
        let port = cluster.url.rsplit([':', '/']).nth(1).expect("a port").to_owned();
        cluster.watcher = Some(watch(&cluster.bin, cluster.user, &cluster.folder, &port, "on"));
        wait_for(&cluster.bin, cluster.user, &cluster.url);
    }

    /// Sends STOP or CONT to all its processes: connections stay, and nobody answers.
    pub fn signal(&self, name: &str) {
        let main = std::fs::read_to_string(self.0.folder.join("data/postmaster.pid")).expect("its process");
        let main = main.lines().next().expect("a number").to_owned();
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        let children = processes.filter_map(|process| {
            let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
            // Behind the name, which may have blanks: the state and the parent.
            let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.to_owned();
            (parent == main).then(|| process.file_name().into_string().unwrap_or_default())
        });
        let all: Vec<String> = std::iter::once(main.clone()).chain(children).collect();
        // One that has ended meanwhile is none to stop.
        let kill = format!("kill -{name} {} 2>/dev/null || true", all.join(" "));
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh").success());
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.0.watcher.take() {
            drop(watcher.stdin.take());
            let _ = watcher.wait();
        }
    }
}

/// Whom to run as: PostgreSQL refuses to be run by root.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

/// Whether tests that need PostgreSQL can run. They are skipped only when `TOKENHOUSE_TEST_POSTGRES=skip` says so.
pub fn available() -> bool {
    std::env::var("TOKENHOUSE_TEST_POSTGRES").as_deref() != Ok("skip")
}

/// The URL of a new, empty database.
pub fn fresh_database() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    // Two copies of one template at once are refused.
    static CREATING: Mutex<()> = Mutex::new(());
    let cluster = CLUSTER.get_or_init(|| start("off"));
    let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let _creating = CREATING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut create = command(&cluster.bin, "psql", cluster.user);
    create.arg(&cluster.url).args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", &format!("CREATE DATABASE {name}")]);
    run(create);
    let (server, _) = cluster.url.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}

/// A new cluster, which waits at a commit until it is written when `synchronous` is "on".
fn start(synchronous: &str) -> Cluster {
    if let Ok(url) = std::env::var("TOKENHOUSE_TEST_POSTGRES_URL") {
        return Cluster { url, bin: PathBuf::new(), user: None, folder: PathBuf::new(), watcher: None };
    }
    let bin = find_programs().unwrap_or_else(|| {
        panic!("no PostgreSQL found, neither on PATH nor in /usr/lib/postgresql: `apt-get install postgresql`, or skip with TOKENHOUSE_TEST_POSTGRES=skip")
    });
    let user = other_user();
    let folder = tempfile::Builder::new().prefix("tokenhouse-postgres-").tempdir().expect("a temporary folder").keep();
    if let Some(user) = user {
        chown(&folder, Some(user.uid), Some(user.gid)).expect("the folder is given away");
    }
    let data = folder.join("data");
    let mut initdb = command(&bin, "initdb", user);
    initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]).arg(&data);
    run(initdb);

    let port = super::ports::closed_port();
    let watcher = watch(&bin, user, &folder, &port.to_string(), synchronous);
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    wait_for(&bin, user, &url);
    Cluster { url, bin, user, folder, watcher: Some(watcher) }
}

fn watch(bin: &Path, user: Option<User>, folder: &Path, port: &str, synchronous: &str) -> Child {
    // The watcher ends the cluster as soon as its standard input closes, which the operating system does for us even after kill -9. It may have been
    // stopped.
    let script = r#""$0" -D "$3/data" -p "$1" -k "$3" -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off \
        -c "synchronous_commit=$2" -c max_connections=1000 -c shared_buffers=32MB -c log_min_messages=fatal >/dev/null 2>&1 &
        postgres=$!
        read -r end
        kill -QUIT $postgres
        kill -CONT $postgres
        wait $postgres
        [ "$end" = keep ] || rm -rf "$3""#;
    let mut watcher = command(Path::new("/bin"), "sh", user);
    watcher.args(["-c", script]).arg(bin.join("postgres")).args([port, synchronous]).arg(folder);
    watcher.stdin(Stdio::piped()).process_group(0).spawn().expect("sh starts")
}

fn wait_for(bin: &Path, user: Option<User>, url: &str) {
    let deadline = Instant::now() + Duration::from_mins(5);
    while !command(bin, "pg_isready", user).args(["-q", "-d", url]).status().expect("pg_isready runs").success() {
        assert!(Instant::now() < deadline, "PostgreSQL did not get ready at {url}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The folder with `initdb`, `postgres` and `psql`: Debian's newest, else PATH's.
fn find_programs() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).filter(complete).collect())
        .unwrap_or_default();
    debian.sort_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian.pop().or_else(|| std::env::split_paths(&path).find(complete))
}

/// `postgres` or `nobody`, when this is root.
fn other_user() -> Option<User> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = |name| Some(User { uid: id(&["-u", name])?, gid: id(&["-g", name])? });
    Some(user("postgres").or_else(|| user("nobody")).expect("a user other than root"))
}

fn command(bin: &Path, program: &str, user: Option<User>) -> Command {
    let mut command = Command::new(bin.join(program));
    command.current_dir("/").stdin(Stdio::null());
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

fn run(mut command: Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
