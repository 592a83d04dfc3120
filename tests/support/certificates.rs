//! An authority of the tests' own, its certificates, and clients that believe it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Utc};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The certificates of a test, and who signed them.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Issued {
    pub certificate: String,
    pub key: String,
    /// What a client sees.
    pub der: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, "An authority of the tests");
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = parameters.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// A certificate for `localhost`.
    pub fn issue(&self) -> Issued {
        self.issue_for("localhost", None)
    }

    /// One for `name`, which ends on the day of `until`.
    pub fn issue_for(&self, name: &str, until: Option<DateTime<Utc>>) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        if let Some(until) = until {
            let (month, day) =
                (u8::try_from(until.month()).expect("a month"), u8::try_from(until.day()).expect("a day"));
            parameters.not_after = rcgen::date_time_ymd(until.year(), month, day);
        }
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        Issued { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }

    /// What may be set of a client that believes this authority alone.
    pub fn client(&self) -> reqwest::ClientBuilder {
        let authority = reqwest::Certificate::from_pem(self.pem.as_bytes()).expect("a certificate");
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        client.tls_info(true).tls_certs_only([authority])
    }

    /// A connection after its handshake, over which one of `protocols` is spoken.
    pub async fn connect(&self, address: std::net::SocketAddr, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots
            .add(rustls::pki_types::CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM"))
            .expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let stream = TcpStream::connect(address).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake")
    }
}

impl Issued {
    /// One that vouches for itself.
    pub fn self_signed() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let (certificate, der) = (made.cert.pem(), made.cert.der().to_vec());
        Self { certificate, key: made.signing_key.serialize_pem(), der }
    }

    /// Writes `server.pem` and `server.key` into `folder`, each as a whole.
    pub fn write(&self, folder: &Path) {
        for (name, text) in [("server.key", &self.key), ("server.pem", &self.certificate)] {
            let new = folder.join(format!("{name}.new"));
            std::fs::write(&new, text).expect("it is written");
            std::fs::set_permissions(&new, PermissionsExt::from_mode(0o600)).expect("its mode is set");
            std::fs::rename(&new, folder.join(name)).expect("it is moved");
        }
    }
}

/// The certificate that an answer came with.
pub fn shown(response: &reqwest::Response) -> Vec<u8> {
    let info = response.extensions().get::<reqwest::tls::TlsInfo>().expect("what TLS told");
    info.peer_certificate().expect("a certificate").to_vec()
}
