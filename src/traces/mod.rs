//! Traces: how long each part of a request took, told to a collector of OpenTelemetry. Only with the feature `otel`; without it all of this is empty, and
//! the compiler leaves nothing of it.
//!
//! A [`Span`] is begun by whoever does something that takes time, and ends when it is dropped. What is under way is known by the context of the task, so
//! nothing is handed down, and nothing is global: two servers in one process have traces of their own. Nothing that a dependency says gets into a trace,
//! and of a request only what is named in `request`.
//!
//! | file | what is in it |
//! |---|---|
//! | `span` | spans, and the context that they are in |
//! | `request` | the span of a request, and whose traces are gone on with |
//! | `export` | the way to the collector: bounded, in the background, and nothing waits for it |
//! | `client` | HTTP to the collector, and why it failed |
//! | `off` | all of it for a program without the feature |

#[cfg(feature = "otel")]
mod client;
#[cfg(feature = "otel")]
mod export;
#[cfg(not(feature = "otel"))]
mod off;
#[cfg(feature = "otel")]
mod request;
#[cfg(feature = "otel")]
mod span;

#[cfg(feature = "otel")]
pub(crate) use export::Traces;
#[cfg(feature = "otel")]
pub use export::TracesError;
#[cfg(not(feature = "otel"))]
pub(crate) use off::*;
#[cfg(feature = "otel")]
pub(crate) use span::{Here, Span, begin, carried, here, part, trace_id};

/// Whether others have a part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All of it is done here.
    #[cfg(feature = "server")]
    Internal,
    /// Another program is asked and waited for.
    Client,
}
