//! Traces of a program without the feature `otel`: nothing, of no size.

#![allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_async,
    clippy::missing_const_for_fn,
    clippy::unnecessary_wraps,
    reason = "what is asked for is what the feature has"
)]

use std::ops::Deref;

use super::Kind;

#[derive(Clone, Copy)]
pub(crate) struct Here;

pub(crate) struct Span;

impl Deref for Span {
    type Target = Here;

    fn deref(&self) -> &Here {
        &Here
    }
}

#[cfg(feature = "server")]
#[inline]
pub(crate) fn part(_: &'static str, _: Kind) -> Span {
    Span
}

#[inline]
pub(crate) fn begin(_: &'static str, _: Kind) -> Span {
    Span
}

#[inline]
pub(crate) fn here() -> Here {
    Here
}

#[inline]
pub(crate) fn carried<F: Future>(work: F) -> F {
    work
}

impl Span {
    #[inline]
    pub(crate) fn with(self, _: &'static str, _: &str) -> Self {
        self
    }

    #[inline]
    pub(crate) fn around<F: Future>(&self, work: F) -> F {
        work
    }
}

impl Here {
    #[inline]
    pub(crate) fn failed(&self, _: &'static str) {}
}

#[cfg(feature = "server")]
impl Here {
    #[inline]
    pub(crate) fn is_recorded(&self) -> bool {
        false
    }

    #[inline]
    pub(crate) fn place(&self) -> Self {
        *self
    }

    #[inline]
    pub(crate) fn part(&self, _: &'static str, _: Kind) -> Span {
        Span
    }

    #[inline]
    pub(crate) fn event(&self, _: &'static str) {}
}

#[cfg(feature = "server")]
pub(crate) use of_server::Traces;
#[cfg(feature = "server")]
pub use of_server::TracesError;

#[cfg(feature = "server")]
mod of_server {
    use actix_web::dev::ServiceRequest;
    use actix_web::http::{Method, StatusCode};

    use super::Span;
    use crate::settings::Settings;

    /// Never: nothing is begun.
    #[derive(Debug, thiserror::Error)]
    pub enum TracesError {}

    #[derive(Clone)]
    pub(crate) struct Traces;

    impl Traces {
        pub fn start(_: &Settings) -> Result<Self, TracesError> {
            Ok(Self)
        }

        #[cfg(test)]
        pub fn off() -> Self {
            Self
        }

        #[inline]
        pub fn request(&self, _: &ServiceRequest) -> Span {
            Span
        }

        pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
            work()
        }

        pub async fn stop(self) {}
    }

    impl Span {
        #[inline]
        pub(crate) fn answered(&self, _: &Method, _: Option<&str>, _: StatusCode) {}

        #[inline]
        pub(crate) fn end(self) {}

        #[inline]
        pub(crate) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
            work()
        }
    }
}
