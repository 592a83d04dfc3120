//! A mail server of its own for a test: `smtp_server.py`, with certificates of an authority that only the test knows.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::Value;
use tempfile::TempDir;

use super::letters::Received;
pub use super::python::available;
use super::python::python;

/// A folder with `ca.pem`, and `server.pem` and `server.key` signed by it for the host `name`.
pub fn certificates(name: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL wants a name of its own for it, and Python that it says what its key is for and whose key signed.
    ca.distinguished_name.push(DnType::CommonName, "An authority of the tests");
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let mut server = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    server.use_authority_key_identifier_extension = true;
    let server = server.signed_by(&key, &Issuer::new(ca, ca_key)).expect("a certificate");
    for (file, text) in
        [("ca.pem", ca_certificate.pem()), ("server.pem", server.pem()), ("server.key", key.serialize_pem())]
    {
        std::fs::write(folder.path().join(file), text).expect("it is written");
    }
    folder
}

/// A running mail server; it ends with this.
pub struct MailServer {
    pub port: u16,
    folder: TempDir,
    child: Child,
}

impl MailServer {
    /// Starts it with these arguments, on a free port when `port` is 0.
    pub fn start(port: u16, certificates: Option<&Path>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/smtp_server.py");
        let mut command = Command::new(python());
        command.arg(script).arg("--log").arg(folder.path().join("log")).args(["--port", &port.to_string()]);
        command.arg("--answers").arg(folder.path()).args(arguments);
        if let Some(certificates) = certificates {
            command.arg("--certificate").arg(certificates.join("server.pem"));
            command.arg("--key").arg(certificates.join("server.key"));
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Python starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("the mail server did not start: {line:?}"));
        Self { port, folder, child }
    }

    /// From now on MAIL or RCPT is answered so; 250 when it is `None`. HOLD stands for no command: until it is `None` no letter is taken.
    pub fn answer(&self, command: &str, answer: Option<&str>) {
        let file = self.folder.path().join(command);
        match answer {
            Some(answer) => std::fs::write(file, answer).expect("it is written"),
            None => std::fs::remove_file(file).expect("it is removed"),
        }
    }

    /// What it was told.
    pub fn events(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The commands it was given.
    pub fn commands(&self) -> Vec<String> {
        self.events().iter().map(|event| event["command"].as_str().expect("a command").to_owned()).collect()
    }

    /// The letters it took.
    pub fn letters(&self) -> Vec<Received> {
        let letters = self.events().into_iter().filter(|event| event["command"] == "DATA");
        letters
            .map(|event| {
                Received::parse(PathBuf::new(), event["letter"].as_str().expect("a letter").as_bytes().to_vec())
            })
            .collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
