//! Resources that answer a wrong method as RFC 9110 wants it.

use actix_web::guard::{Any, Delete, Get, Head, Patch, Post};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpResponse, Resource, ResponseError as _, Route, web};

use super::problem::Problem;

/// A method of a resource, with its handler.
pub struct Method {
    allow: &'static str,
    route: Route,
}

/// Answers GET, and HEAD as GET without its body (RFC 9110, section 9.3.2).
#[must_use]
pub fn get(route: Route) -> Method {
    Method { allow: "GET, HEAD", route: route.guard(Any(Get()).or(Head())) }
}

/// Answers POST.
#[must_use]
pub fn post(route: Route) -> Method {
    Method { allow: "POST", route: route.guard(Post()) }
}

/// Answers PATCH (RFC 5789).
#[must_use]
pub fn patch(route: Route) -> Method {
    Method { allow: "PATCH", route: route.guard(Patch()) }
}

/// Answers DELETE.
#[must_use]
pub fn delete(route: Route) -> Method {
    Method { allow: "DELETE", route: route.guard(Delete()) }
}

/// A resource with these methods, which answers all others with 405 and says in `Allow` what it takes (RFC 9110, section 15.5.6).
#[must_use]
pub fn resource<const N: usize>(path: &str, methods: [Method; N]) -> Resource {
    let allow: Vec<&str> = methods.iter().map(|method| method.allow).collect();
    let allow = HeaderValue::from_str(&allow.join(", ")).unwrap_or(HeaderValue::from_static(""));
    let resource = methods.into_iter().fold(web::resource(path), |resource, method| resource.route(method.route));
    resource.default_service(web::to(move || {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")
            .detail("This address does not take that method; the header Allow says which it takes.")
            .header(ALLOW, allow.clone());
        std::future::ready(problem.error_response()) as std::future::Ready<HttpResponse>
    }))
}
