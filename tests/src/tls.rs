//! A TLS server in front of a plain one, with a certificate of its own that nobody vouches for.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// Listens on loopback as `localhost`. Ends when dropped.
pub struct TlsFront {
    port: u16,
    certificate: PathBuf,
    _folder: TempDir,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// Before whatever listens at `inner`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn before(inner: SocketAddr) -> Result<TlsFront> {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let der = own.cert.der().to_vec();
        let folder = tempfile::Builder::new().prefix("pb-tls-").tempdir()?;
        let certificate = folder.path().join("certificate.pem");
        std::fs::write(&certificate, pem(&der)).context("writing the certificate")?;
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(der)], key.into())?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let task = tokio::spawn(async move {
            while let Ok((outer, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Who does not believe the certificate breaks off.
                    let (mut outer, mut inner) =
                        (acceptor.accept(outer).await?, TcpStream::connect(inner).await?);
                    copy_bidirectional(&mut outer, &mut inner).await
                });
            }
        });
        Ok(TlsFront { port, certificate, _folder: folder, task })
    }

    /// Where it listens, by name.
    pub fn place(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The file with its certificate, for those who shall believe it.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn pem(der: &[u8]) -> String {
    const LINE: usize = 48;
    let lines: Vec<String> = der.chunks(LINE).map(|line| STANDARD.encode(line)).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
