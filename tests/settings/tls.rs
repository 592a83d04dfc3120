//! `server.tls_certificate` and `server.tls_key`: the words about each wrong pair.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokenhouse::settings::{Settings, Sources};

/// The lines about a pair of files, without the file's name and with the folder left out.
fn wrong(folder: &Path, certificate: &str, key: &str, public_url: &str) -> Vec<String> {
    let mut text = format!("[server]\npublic_url = \"{public_url}\"\n");
    for (name, file) in [("tls_certificate", certificate), ("tls_key", key)] {
        if !file.is_empty() {
            writeln!(text, "{name} = \"{}\"", folder.join(file).display()).unwrap();
        }
    }
    let Err(wrong) = Settings::read_with_files(&Sources::from_toml("x.toml", text)) else { return Vec::new() };
    let folder = format!("{}/", folder.display());
    wrong.to_string().lines().map(|line| line.trim_start_matches("x.toml: server.").replace(&folder, "")).collect()
}

#[test]
fn each_wrong_pair_has_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().signing_key.serialize_pem();
    let cut = |text: &str| text.chars().take(text.len() / 2).collect::<String>();
    for (name, text) in [
        ("good.pem", certificate.as_str()),
        ("good.key", &key),
        ("other.key", &other),
        ("empty", ""),
        ("text", "hunter2\n"),
        ("cut.pem", &cut(&certificate)),
        ("cut.key", &cut(&key)),
        ("both.pem", &format!("{key}{certificate}")),
        ("nonsense.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("nonsense.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ("damaged.key", "-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----\n"),
        ("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
    ] {
        write(name, text, 0o600);
    }
    for mode in [0o644, 0o640, 0o604] {
        write(&format!("{mode:o}.key"), &key, mode);
    }
    std::fs::create_dir(folder.join("folder")).unwrap();
    let https = "https://localhost:3000";
    for (certificate, key, public_url, expected) in [
        ("good.pem", "good.key", https, None),
        // A file with both is usual.
        ("both.pem", "both.pem", https, None),
        (
            "good.pem",
            "",
            https,
            Some(
                "tls_certificate = \"good.pem\": server.tls_key is missing; want the file of the certificate's private key there",
            ),
        ),
        (
            "",
            "good.key",
            https,
            Some(
                "tls_key = \"good.key\": server.tls_certificate is missing; want the file of the key's certificate there",
            ),
        ),
        (
            "none.pem",
            "good.key",
            https,
            Some(
                "tls_certificate = \"none.pem\": there is no such file; want the path of a PEM file with the certificate and those that lead to its authority",
            ),
        ),
        (
            "good.pem",
            "none.key",
            https,
            Some(
                "tls_key = \"none.key\": there is no such file; want the path of a PEM file with the certificate's private key",
            ),
        ),
        (
            "good.pem",
            "good.key",
            "http://localhost:3000",
            Some(
                "public_url = \"http://localhost:3000\": server.tls_certificate is set, so people and clients come by https; want \"https://localhost:3000\"",
            ),
        ),
        (
            "folder",
            "good.key",
            https,
            Some(
                "tls_certificate = \"folder\": folder cannot be read: it is not a file; want a PEM file that this user can read",
            ),
        ),
        (
            "empty",
            "good.key",
            https,
            Some(
                "tls_certificate = \"empty\": empty is not PEM: it is empty; want a text with -----BEGIN … and -----END … lines, whole",
            ),
        ),
        (
            "text",
            "good.key",
            https,
            Some(
                "tls_certificate = \"text\": text is not PEM: there is no -----BEGIN in it; want a text with -----BEGIN … and -----END … lines, whole",
            ),
        ),
        (
            "cut.pem",
            "good.key",
            https,
            Some(
                "tls_certificate = \"cut.pem\": cut.pem is not PEM: an -----END line is missing; want a text with -----BEGIN … and -----END … lines, whole",
            ),
        ),
        (
            "good.key",
            "good.key",
            https,
            Some(
                "tls_certificate = \"good.key\": good.key has no certificate in it; want -----BEGIN CERTIFICATE-----, the server's own first, then those that lead to its authority",
            ),
        ),
        (
            "nonsense.pem",
            "good.key",
            https,
            Some(
                "tls_certificate = \"nonsense.pem\": the first certificate in nonsense.pem cannot be read: it is not one; want an X.509 certificate of version 3",
            ),
        ),
        (
            "good.pem",
            "text",
            https,
            Some(
                "tls_key = \"text\": text is not PEM: there is no -----BEGIN in it; want a text with -----BEGIN … and -----END … lines, whole",
            ),
        ),
        (
            "good.pem",
            "cut.key",
            https,
            Some(
                "tls_key = \"cut.key\": cut.key is not PEM: an -----END line is missing; want a text with -----BEGIN … and -----END … lines, whole",
            ),
        ),
        (
            "good.pem",
            "damaged.key",
            https,
            Some(
                "tls_key = \"damaged.key\": damaged.key is not PEM: what stands between the lines is not base64; want a text with -----BEGIN … and -----END … lines, whole",
            ),
        ),
        (
            "good.pem",
            "good.pem",
            https,
            Some(
                "tls_key = \"good.pem\": good.pem has no private key in it; want -----BEGIN PRIVATE KEY-----, or the same with RSA or EC",
            ),
        ),
        (
            "good.pem",
            "nonsense.key",
            https,
            Some("tls_key = \"nonsense.key\": the key in nonsense.key cannot be used: "),
        ),
        (
            "good.pem",
            "locked.key",
            https,
            Some(
                "tls_key = \"locked.key\": the key in locked.key has a passphrase, and nobody is there to type it; want one without: openssl pkey -in locked.key -out FILE",
            ),
        ),
        (
            "good.pem",
            "other.key",
            https,
            Some(
                "tls_key = \"other.key\": the key in other.key is not that of the certificate in good.pem; want the two files that were issued together",
            ),
        ),
        (
            "good.pem",
            "644.key",
            https,
            Some(
                "tls_key = \"644.key\": 644.key can be read by others than its owner (mode 644); want chmod 600 644.key, or 640 where it belongs to root",
            ),
        ),
        (
            "good.pem",
            "604.key",
            https,
            Some(
                "tls_key = \"604.key\": 604.key can be read by others than its owner (mode 604); want chmod 600 604.key, or 640 where it belongs to root",
            ),
        ),
        // Neither root itself nor a user to whom it belongs needs the group.
        (
            "good.pem",
            "640.key",
            https,
            Some(
                "tls_key = \"640.key\": 640.key can be read by others than its owner (mode 640); want chmod 600 640.key, or 640 where it belongs to root",
            ),
        ),
    ] {
        let found = wrong(folder, certificate, key, public_url);
        match expected {
            None => assert!(found.is_empty(), "{certificate} {key}: {found:?}"),
            Some(expected) => {
                let [line] = found.as_slice() else { panic!("{certificate} {key}: {found:?}") };
                assert!(line.starts_with(expected), "{line}\n{expected}");
                assert!(!line.contains("hunter2"), "{line}");
            }
        }
    }
    // Commands beside a running server do not look into the files.
    let text = format!(
        "[server]\npublic_url = \"{https}\"\ntls_certificate = \"{0}/empty\"\ntls_key = \"{0}/644.key\"\n",
        folder.display()
    );
    let settings = Settings::read(&Sources::from_toml("x.toml", text)).unwrap();
    assert_eq!(settings.server.tls.unwrap().key, folder.join("644.key"));
}
