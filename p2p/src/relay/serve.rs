//! One TCP connection: TLS, then HTTP, then either Iroh's relay or a web page.

use super::waiting::Waiting;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    service::Service,
};
use hyper_util::rt::TokioIo;
use iroh_relay::{
    http::{RELAY_PATH, RELAY_PROBE_PATH},
    server::{RelayService, http_server::RelayServiceWithNotify, streams::MaybeTlsStream},
};
use std::{
    error::Error,
    net::Shutdown,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpStream, sync::Notify};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

/// A request for a web page.
pub type PageRequest = Request<Incoming>;
/// The answer to it.
pub type PageAnswer = Response<PageBody>;
/// The body of a web page.
pub type PageBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;
type Answering<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Answers a request for a web page. The connection ends after a minute, whatever still comes
/// of it, and sooner where the relay's waiting room is full.
pub type Pages = Arc<dyn Fn(PageRequest) -> Answering<PageAnswer> + Send + Sync>;

/// The header in which a connection's seat in the waiting room is told to who decides
/// about access. What a client sends there is overwritten.
pub(super) const SEAT: &str = "x-punchbowl-seat";

/// What every connection is served with. Cheap to clone.
#[derive(Clone)]
pub(super) struct Front {
    relay: RelayService,
    tls: TlsAcceptor,
    pages: Option<Pages>,
    patience: Duration,
}

/// How much longer a connection may stay that has asked for a page: some pages go on for as
/// long as somebody looks at them, and browsers then ask for the rest anew.
const LOOKING: Duration = Duration::from_secs(60);
/// The most that a request's head may take.
const HEAD: usize = 16 * 1024;

impl Front {
    pub(super) fn new(
        relay: RelayService,
        tls: rustls::ServerConfig,
        pages: Option<Pages>,
        patience: Duration,
    ) -> Front {
        Front { relay, tls: TlsAcceptor::from(Arc::new(tls)), pages, patience }
    }

    /// Serves a connection until it is known who it is, from when on the relay has it; or
    /// until it ends. `false` when it was put out for its silence.
    pub(super) async fn serve(&self, stream: TcpStream, seat: &Waiting) -> bool {
        // A second handle on the socket: once the relay has the stream, its handshake has no
        // deadline of its own.
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(_) => return true,
        };
        let Ok(handle) = stream.try_clone() else { return true };
        let Ok(stream) = TcpStream::from_std(stream) else { return true };
        let (upgraded, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let serving = async {
            self.tls_and_http(stream, seat, &upgraded, &looks).await;
            if upgraded.load(Ordering::Relaxed) {
                // The relay has it now.
                seat.known.cancelled().await;
            }
        };
        let in_time = tokio::select! {
            // First, so that who is known in the last moment stays.
            biased;
            () = serving => true,
            () = seat.known.cancelled() => true,
            () = seat.go.cancelled() => false,
            () = async {
                tokio::time::sleep(self.patience).await;
                if looks.load(Ordering::Relaxed) {
                    tokio::time::sleep(LOOKING).await;
                }
            } => false,
        };
        if !in_time {
            // It may have ended by itself.
            let _ = handle.shutdown(Shutdown::Both);
        }
        in_time
    }

    async fn tls_and_http(
        &self,
        stream: TcpStream,
        seat: &Waiting,
        upgraded: &Arc<AtomicBool>,
        looks: &Arc<AtomicBool>,
    ) {
        let stream = match self.tls.accept(stream).await {
            Ok(stream) => stream,
            Err(error) => {
                debug!(%error, "no TLS");
                return;
            }
        };
        let service = Either {
            relay: RelayServiceWithNotify::new(self.relay.clone(), Arc::new(Notify::new())),
            seat: HeaderValue::from(seat.number()),
            pages: self.pages.clone(),
            upgraded: Arc::clone(upgraded),
            looks: Arc::clone(looks),
        };
        let served = hyper::server::conn::http1::Builder::new()
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(MaybeTlsStream::Tls(stream)), service)
            .with_upgrades()
            .await;
        if let Err(error) = served {
            debug!(%error, "no HTTP");
        }
    }
}

/// The relay at its path, web pages at all others.
struct Either {
    relay: RelayServiceWithNotify,
    seat: HeaderValue,
    pages: Option<Pages>,
    upgraded: Arc<AtomicBool>,
    /// A page of the pool was asked for.
    looks: Arc<AtomicBool>,
}

impl Service<Request<Incoming>> for Either {
    type Response = Response<PageBody>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Answering<Result<Self::Response, Self::Error>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        match (request.method(), request.uri().path()) {
            (&Method::GET, RELAY_PATH) => {
                request.headers_mut().insert(SEAT, self.seat.clone());
                let (answer, upgraded) = (self.relay.call(request), Arc::clone(&self.upgraded));
                Box::pin(async move {
                    let answer = answer.await?;
                    upgraded.store(answer.status() == StatusCode::SWITCHING_PROTOCOLS, Ordering::Relaxed);
                    Ok(answer.map(|body| body.map_err(|never| match never {}).boxed_unsync()))
                })
            }
            // Asked by nodes that measure how far the relay is.
            (&Method::GET, RELAY_PROBE_PATH) => {
                let mut answer = Response::new(text(""));
                answer
                    .headers_mut()
                    .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                Box::pin(async { Ok(answer) })
            }
            _ => match &self.pages {
                Some(pages) => {
                    self.looks.store(true, Ordering::Relaxed);
                    let answer = pages(request);
                    Box::pin(async { Ok(answer.await) })
                }
                None => {
                    let answer = this_is(request.uri().path());
                    Box::pin(async { Ok(answer) })
                }
            },
        }
    }
}

/// For people who look what is behind an open port.
fn this_is(path: &str) -> Response<PageBody> {
    const PAGE: &str = "This is a relay of a Punchbowl mining pool.\n\n\
        It passes sealed packets on between the pool and its members, and cannot read them.\n\
        There is nothing to see here with a browser.\n";
    const ROBOTS: &str = "User-agent: *\nDisallow: /\n";
    let (status, page) = match path {
        "/" => (StatusCode::OK, PAGE),
        "/robots.txt" => (StatusCode::OK, ROBOTS),
        _ => (StatusCode::NOT_FOUND, "There is nothing here.\n"),
    };
    let mut answer = Response::new(text(page));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

fn text(text: &'static str) -> PageBody {
    Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed_unsync()
}
