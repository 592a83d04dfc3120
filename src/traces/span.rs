//! Spans, and the context that they are in.

use std::ops::Deref;

use futures_util::future::Either;
use opentelemetry::trace::{FutureExt as _, SpanKind, Status, TraceContextExt as _, TraceId, Tracer as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

use super::Kind;

/// A place in a trace; nowhere when nothing is recorded.
#[derive(Clone)]
pub(crate) struct Here(Option<Context>);

/// A span of its own, which ends when this is dropped.
pub(crate) struct Span(Here);

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0.0 {
            context.span().end();
        }
    }
}

impl Deref for Span {
    type Target = Here;

    fn deref(&self) -> &Here {
        &self.0
    }
}

/// Begins a part of what is under way. Nothing when nothing is: what the server does for itself each second is in no trace.
pub(crate) fn part(name: &'static str, kind: Kind) -> Span {
    Context::map_current(|context| Span(Here(context.has_active_span().then(|| start(context, name, kind)).flatten())))
}

/// The same; but when nothing is under way, it begins a trace of its own.
pub(crate) fn begin(name: &'static str, kind: Kind) -> Span {
    Context::map_current(|context| Span(Here(start(context, name, kind))))
}

/// What is under way.
pub(crate) fn here() -> Here {
    Context::map_current(|context| Here(context.span().is_recording().then(|| context.clone())))
}

/// The trace of what is under way, also when it is not kept: for log lines.
pub(crate) fn trace_id() -> Option<TraceId> {
    Context::map_current(|context| Some(context.span().span_context().trace_id()).filter(|id| *id != TraceId::INVALID))
}

/// Has `work` be done in the context of this moment, wherever it is done.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    work.with_current_context()
}

fn start(context: &Context, name: &'static str, kind: Kind) -> Option<Context> {
    // Of a trace that is not kept, no part is.
    if context.has_active_span() && !context.span().is_recording() {
        return None;
    }
    let tracer = context.get::<SdkTracer>()?;
    let kind = match kind {
        Kind::Internal => SpanKind::Internal,
        Kind::Client => SpanKind::Client,
    };
    Some(context.with_span(tracer.span_builder(name).with_kind(kind).start_with_context(tracer, context)))
}

impl Span {
    /// A span that was begun elsewhere, in its context.
    pub(super) fn of(context: Context) -> Self {
        Self(Here(Some(context)))
    }

    /// Nothing is recorded.
    pub(super) fn nothing() -> Self {
        Self(Here(None))
    }

    /// With this said of it.
    pub(crate) fn with(self, key: &'static str, value: &str) -> Self {
        if self.is_recorded() {
            self.tell(key, value.to_owned());
        }
        self
    }

    /// Has `work` be done within it: what that begins are its parts.
    pub(crate) fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        match &self.0.0 {
            Some(context) => Either::Left(work.with_context(context.clone())),
            None => Either::Right(work),
        }
    }

    /// The same for what is done at once.
    pub(crate) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let _within = self.0.0.clone().map(Context::attach);
        work()
    }

    /// Ends it before it goes out of sight.
    pub(crate) fn end(self) {
        drop(self);
    }
}

impl Here {
    /// The place itself, for whoever goes on with it elsewhere.
    pub(crate) fn place(&self) -> Self {
        self.clone()
    }

    /// Begins a part of it.
    pub(crate) fn part(&self, name: &'static str, kind: Kind) -> Span {
        Span(Self(self.0.as_ref().and_then(|context| start(context, name, kind))))
    }

    /// Notes that it came to no good end; `why` is one of few words.
    pub(crate) fn failed(&self, why: &'static str) {
        self.failed_with(why);
    }

    pub(super) fn failed_with(&self, why: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new("error.type", why));
            context.span().set_status(Status::error(""));
        }
    }

    /// Notes that something happened within it.
    pub(crate) fn event(&self, name: &'static str) {
        if let Some(context) = &self.0 {
            context.span().add_event(name, Vec::new());
        }
    }

    /// Whether anything that is noted of it is kept.
    pub(crate) fn is_recorded(&self) -> bool {
        self.0.as_ref().is_some_and(|context| context.span().is_recording())
    }

    pub(super) fn tell(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    pub(super) fn rename(&self, name: String) {
        if let Some(context) = &self.0 {
            context.span().update_name(name);
        }
    }
}
