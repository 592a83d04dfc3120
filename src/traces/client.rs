//! HTTP to the collector, and what went wrong with it: the exporter says of any failure without an answer that there is one, and no more.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use url::Url;

use super::export::TracesError;
use crate::token::fetch::with_causes;
use crate::token::issuer_url::is_loopback;

/// Why there was no answer to what was sent last; nothing when there was one.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    fn set(&self, failure: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Takes it away.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Notes failures.
#[derive(Debug)]
pub(super) struct Client {
    inner: reqwest::blocking::Client,
    failure: Failure,
}

impl Client {
    /// For `endpoint`, which is given so long for an answer. It is made on a thread of its own, for it has a runtime of its own.
    ///
    /// # Errors
    /// [`TracesError`].
    pub fn new(endpoint: &Url, timeout: Duration, failure: Failure) -> Result<Self, TracesError> {
        let is_loopback = is_loopback(endpoint);
        let make = move || {
            let mut builder = reqwest::blocking::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(timeout)
                .user_agent(concat!("tokenhouse/", env!("CARGO_PKG_VERSION")));
            if is_loopback {
                builder = builder.no_proxy();
            }
            builder.build()
        };
        let thread =
            std::thread::Builder::new().name("traces-start".to_owned()).spawn(make).map_err(TracesError::Thread)?;
        let inner = thread.join().map_err(|_| TracesError::Thread(std::io::Error::other("it panicked")))?;
        Ok(Self { inner: inner.map_err(TracesError::Client)?, failure })
    }
}

impl HttpClient for Client {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let answer = self.inner.send_bytes(request).await.map_err(without_url);
            self.failure.set(answer.as_ref().err().map(|error| with_causes(&**error)));
            answer
        })
    }
}

/// The settings say the address; and its path may hold what lets callers in.
fn without_url(error: HttpError) -> HttpError {
    match error.downcast::<reqwest::Error>() {
        Ok(error) => Box::new(error.without_url()),
        Err(error) => error,
    }
}
