//! A middleware that protects a whole scope.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::body::EitherBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::{Error, FromRequest as _, ResponseError as _};
use futures_util::future::LocalBoxFuture;

use super::bearer::Bearer;

/// Lets nobody into a scope without a good access token, and asks for scopes of OAuth where told to.
///
/// Handlers inside may still take a [`Bearer`]; the token is not checked twice.
///
/// ```
/// use actix_web::{web, HttpResponse};
/// use tokenhouse::guard::Protect;
///
/// fn routes(cfg: &mut web::ServiceConfig) {
///     cfg.service(
///         web::scope("/admin")
///             .wrap(Protect::new().require_scope("admin"))
///             .route("/keys", web::get().to(HttpResponse::Ok)),
///     );
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Protect {
    scopes: Vec<String>,
}

impl Protect {
    /// Asks for a good token, with whatever scopes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for `scope` as well. May be called for several: all are needed.
    #[must_use]
    pub fn require_scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }
}

impl<S, B> Transform<S, ServiceRequest> for Protect
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Protected<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Protected { service: Rc::new(service), scopes: self.scopes.clone().into() }))
    }
}

/// The scope behind [`Protect`].
#[derive(Debug)]
pub struct Protected<S> {
    service: Rc<S>,
    scopes: Rc<[String]>,
}

impl<S, B> Service<ServiceRequest> for Protected<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (service, scopes) = (Rc::clone(&self.service), Rc::clone(&self.scopes));
        Box::pin(async move {
            let (http, payload) = request.parts_mut();
            let bearer = Bearer::from_request(http, payload).await;
            let admitted = bearer.and_then(|bearer| scopes.iter().try_for_each(|scope| bearer.require_scope(scope)));
            match admitted {
                Ok(()) => Ok(service.call(request).await?.map_into_left_body()),
                Err(refusal) => Ok(request.into_response(refusal.error_response()).map_into_right_body()),
            }
        })
    }
}
