//! The span of a request, by OpenTelemetry's conventions for HTTP, and whose traces are gone on with.
//!
//! What a request carries is not told: no query, no header, no address of a client. Of its path the pattern of the route is told, for a path may hold an
//! address or an id; and of its method only a known one, for whoever sends it may write anything there.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::http::{Method, StatusCode, Version};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt as _, TraceState, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use super::export::Traces;
use super::span::Span;

const TRACEPARENT: &str = "traceparent";

impl Traces {
    /// Begins the span of a request.
    ///
    /// A trusted proxy's trace is gone on with, and the proxy says whether it is kept. Anybody else's would let strangers fill the collector and write
    /// into the traces of others, so theirs begins anew, with a link to where they say they come from; the server alone says whether it is kept.
    pub fn request(&self, request: &ServiceRequest) -> Span {
        let Some(running) = self.running() else { return Span::nothing() };
        let told = told(request.headers());
        let trusted = request.peer_addr().is_some_and(|peer| running.proxies.trusts(peer.ip().to_canonical()));
        let method = method(request.method());
        let mut attributes = vec![
            KeyValue::new("http.request.method", method.unwrap_or("_OTHER")),
            KeyValue::new("url.scheme", running.scheme.clone()),
            KeyValue::new("server.address", running.address.clone()),
        ];
        attributes.extend(running.port.map(|port| KeyValue::new("server.port", i64::from(port))));
        attributes.extend(version(request.version()).map(|version| KeyValue::new("network.protocol.version", version)));
        let name = method.unwrap_or("HTTP");
        let builder = running.tracer.span_builder(name).with_kind(SpanKind::Server).with_attributes(attributes);
        let context = match told {
            Some(parent) if trusted => {
                let parent = running.base.with_remote_span_context(parent);
                parent.with_span(builder.start_with_context(&running.tracer, &parent))
            }
            told => {
                let context = running.base.with_span(builder.start_with_context(&running.tracer, &running.base));
                if let Some(told) = told {
                    context.span().add_link(without_state(&told), Vec::new());
                }
                context
            }
        };
        Span::of(context)
    }
}

impl Span {
    /// Notes which route answered, if any, and how.
    pub(crate) fn answered(&self, asked: &Method, route: Option<&str>, status: StatusCode) {
        if !self.is_recorded() {
            return;
        }
        if let Some(route) = route {
            self.rename(format!("{} {route}", method(asked).unwrap_or("HTTP")));
            self.tell("url.path", route.to_owned());
            self.tell("http.route", route.to_owned());
        }
        self.tell("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            self.failed_with(status.as_str().to_owned());
        }
    }
}

/// Where the request says it comes from. With two such headers it says nothing (W3C Trace Context, section 3.2).
fn told(headers: &HeaderMap) -> Option<SpanContext> {
    let mut told = headers.get_all(TRACEPARENT);
    told.next()?;
    if told.next().is_some() {
        return None;
    }
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    Some(context.span().span_context().clone()).filter(SpanContext::is_valid)
}

/// Without what vendors note beside it, which is any text.
fn without_state(told: &SpanContext) -> SpanContext {
    SpanContext::new(told.trace_id(), told.span_id(), told.trace_flags(), true, TraceState::NONE)
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// Those of RFC 9110 and PATCH, as OpenTelemetry wants.
fn method(method: &Method) -> Option<&'static str> {
    let known = ["GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT", "TRACE", "CONNECT"];
    known.into_iter().find(|known| method.as_str() == *known)
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        _ => None,
    }
}
