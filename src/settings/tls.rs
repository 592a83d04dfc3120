//! `server.tls_certificate` and `server.tls_key`.

use std::path::{Path, PathBuf};

use super::Server;
use super::reader::{Read, Reader, Wrong};
use crate::tls::{PairFile, PairFiles, pair};

const CERTIFICATE: &str = "server.tls_certificate";
const KEY: &str = "server.tls_key";

/// Reads both keys: both, or neither. `None` when one is wrong.
#[expect(clippy::option_option, reason = "a wrong value and none at all are different here, as for every optional key")]
pub(super) fn tls(r: &mut Reader) -> Option<Option<PairFiles>> {
    let certificate = r.text(CERTIFICATE, "want the path of a PEM file, or \"\" for none", |text| {
        file(text, "want the path of a PEM file with the certificate and those that lead to its authority")
    });
    let key = r.text(KEY, "want the path of a PEM file, or \"\" for none", |text| {
        file(text, "want the path of a PEM file with the certificate's private key")
    });
    match (certificate?, key?) {
        (Some(certificate), Some(key)) => Some(Some(PairFiles { certificate, key })),
        (None, None) => Some(None),
        (Some(_), None) => {
            r.refuse(CERTIFICATE, format!("{KEY} is missing; want the file of the certificate's private key there"));
            None
        }
        (None, Some(_)) => {
            r.refuse(KEY, format!("{CERTIFICATE} is missing; want the file of the key's certificate there"));
            None
        }
    }
}

fn file(text: &str, want: &str) -> Read<Option<PathBuf>> {
    match text {
        "" => Ok(None),
        path if Path::new(path).exists() => Ok(Some(PathBuf::from(path))),
        _ => Err(Wrong::Because(format!("there is no such file; {want}"))),
    }
}

/// Whoever comes to a server with TLS comes by https, with or without a proxy in between.
pub(super) fn check_public_url(r: &mut Reader, public_url: &str) {
    if let Some(rest) = public_url.strip_prefix("http://") {
        r.refuse(
            "server.public_url",
            format!("{CERTIFICATE} is set, so people and clients come by https; want \"https://{rest}\""),
        );
    }
}

/// Checks what is in the files.
pub(super) fn check_files(r: &mut Reader, server: &Server) {
    let Some(tls) = &server.tls else { return };
    if let Err(error) = pair::read(tls, &rustls::crypto::aws_lc_rs::default_provider()) {
        let key = match error.file() {
            PairFile::Certificate => CERTIFICATE,
            PairFile::Key => KEY,
        };
        r.refuse(key, error.to_string());
    }
}
