//! The request's id, on every log line that the request gives rise to.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderName;
use actix_web::middleware::Next;
use tracing::Instrument as _;

/// Where a request has its id, and its answer too.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A middleware for resources whose acts are logged, within the server's edge, which has put a harmless id there. Not for all routes: a span costs about as much as verifying a known token.
///
/// # Errors
/// Those of the service behind it.
pub(crate) async fn in_span<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let span = tracing::info_span!("request", id);
    next.call(request).instrument(span).await
}
