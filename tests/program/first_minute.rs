//! The first minute, as a newcomer has it.

use std::process::Command;

use crate::program::Program;

/// The three requests of a banner, as they are to be pasted.
pub fn requests(banner: &str) -> Vec<String> {
    let behind = banner.split("Try it:\n").nth(1).expect("requests to try");
    behind.split("\n\n").map(|request| request.trim().to_owned()).filter(|request| !request.is_empty()).collect()
}

pub fn paste(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).env("no_proxy", "*").output().expect("sh");
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn have_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "there is no curl, and in CI nothing may be skipped");
        eprintln!("SKIPPED: there is no curl to paste the requests with");
    }
    found
}

#[test]
fn the_three_requests_work_when_pasted() {
    if !have_curl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with(folder.path(), &[], &[("TOKENHOUSE__LIMITS__ENABLED", "true")]);
    let data = folder.path().canonicalize().unwrap();
    assert!(
        program.banner.contains(&format!("accounts: {}/data/tokenhouse.db\n", data.display())),
        "{}",
        program.banner
    );
    assert!(program.banner.contains(&format!("keys:     {}/data/keys\n", data.display())), "{}", program.banner);
    assert!(program.banner.contains("browser:  http://localhost:3000/\n"), "{}", program.banner);
    let [register, log_in, profile] = &requests(&program.banner)[..] else { panic!("{}", program.banner) };
    let registered = paste(register);
    assert!(registered.contains(r#""email":"ada@example.com""#), "{registered}");
    assert_eq!(paste(&format!("{log_in}\n{profile}")), "You are viewing private profile info");
    // Once more: the account is there already, and that is said.
    assert!(paste(register).contains("email-taken"));
}

#[test]
fn okta_mode_starts_without_its_issuer_and_makes_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("my.toml");
    let toml = "[auth]\naccept = [\"okta\"]\n[remote.okta]\nissuer = \"http://127.0.0.1:9/oauth2/default\"\naudience = \"api://default\"\n";
    std::fs::write(&config, toml).unwrap();
    let program = Program::start_with(folder.path(), &["--config", "my.toml"], &[]);
    assert!(
        program
            .banner
            .contains("It believes the access tokens of http://127.0.0.1:9/oauth2/default for \"api://default\".")
    );
    if have_curl() {
        let [public, profile, _] = &requests(&program.banner.replace("\n  curl", "\n\n  curl"))[..] else {
            panic!("{}", program.banner)
        };
        assert_eq!(paste(public), "You are viewing public info");
        assert!(paste(profile).starts_with("HTTP/1.1 401"));
    }
    let made: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!made.iter().any(|name| name == "data"), "{made:?}");
}
