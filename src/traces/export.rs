//! The way to the collector: OTLP over HTTP, in the background.
//!
//! Spans go into a queue that never waits: what finds no room is lost, as is what the collector does not take. A thread of its own sends them, many at
//! once, so that a collector that hangs or is gone holds up nobody.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, RetryPolicy, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter,
    SpanProcessor,
};
use url::Url;

use super::client::{Client, Failure};
use crate::http::client_address::TrustedProxies;
use crate::settings::Settings;

/// So many spans may wait; what comes then is lost.
const QUEUE: usize = 4096;
/// So many are sent at once.
const BATCH: usize = 512;
/// How long one waits to be sent together with others.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take for what is sent at once. Nothing is sent twice: what is lost must not hold up what comes.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a shutdown waits for what is not sent yet.
const FAREWELL: Duration = Duration::from_secs(2);

/// Traces cannot be sent by these settings.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The HTTP client could not be made.
    #[error("traces.endpoint: cannot prepare HTTP for it: {0}")]
    Client(#[source] reqwest::Error),
    /// The exporter does not take the address.
    #[error("traces.endpoint: {0}")]
    Exporter(#[source] ExporterBuildError),
    /// The operating system gave no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// The traces of one server. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Traces(Option<Arc<Running>>);

pub(super) struct Running {
    provider: SdkTracerProvider,
    pub(super) tracer: SdkTracer,
    /// Knows the tracer, and nothing is under way in it.
    pub(super) base: Context,
    pub(super) proxies: TrustedProxies,
    /// The server's own address by the settings; a request may say anything.
    pub(super) scheme: String,
    pub(super) address: String,
    pub(super) port: Option<u16>,
}

impl Traces {
    /// Begins to send traces where the settings say so.
    ///
    /// # Errors
    /// [`TracesError`].
    pub fn start(settings: &Settings) -> Result<Self, TracesError> {
        let Some(endpoint) = &settings.traces.endpoint else { return Ok(Self(None)) };
        let failure = Failure::default();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(endpoint, TIMEOUT, failure.clone())?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
            .with_timeout(TIMEOUT)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(TracesError::Exporter)?;
        let counts = Arc::new(Counts::default());
        let exporter = Exporter { inner: exporter, failure, counts: Arc::clone(&counts) };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let inner = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        Ok(Self::told_to(Queue { inner, counts }, settings))
    }

    /// Begins traces whose spans `processor` gets.
    pub fn told_to(processor: impl SpanProcessor + 'static, settings: &Settings) -> Self {
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.traces.sample)));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(sampler)
            .with_resource(resource(&settings.traces.service_name))
            .build();
        let tracer = provider.tracer("tokenhouse");
        let public = Url::parse(&settings.server.public_url).ok();
        let public = public.as_ref();
        Self(Some(Arc::new(Running {
            base: Context::new().with_value(tracer.clone()),
            tracer,
            provider,
            proxies: TrustedProxies(settings.server.trusted_proxies.clone()),
            scheme: public.map_or("http", Url::scheme).to_owned(),
            address: public.and_then(Url::host_str).unwrap_or_default().to_owned(),
            port: public.and_then(Url::port_or_known_default),
        })))
    }

    /// None.
    #[cfg(test)]
    pub fn off() -> Self {
        Self(None)
    }

    pub(super) fn running(&self) -> Option<&Running> {
        self.0.as_deref()
    }

    /// Has `work` be done where traces can begin: what it spawns with `carried` goes on there.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let _within = self.running().map(|running| running.base.clone().attach());
        work()
    }

    /// Sends what is not sent yet, though not for long.
    pub async fn stop(self) {
        let Some(running) = self.0 else { return };
        let provider = running.provider.clone();
        let sent = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FAREWELL)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("the collector did not take the last traces in time; they are lost");
        }
    }
}

/// Says of every span which server it is from. What else is known of it may stand in `OTEL_RESOURCE_ATTRIBUTES`.
fn resource(service_name: &str) -> Resource {
    Resource::builder()
        .with_service_name(service_name.to_owned())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

/// How many spans wait, and how many were lost. Says once that some are, and once that it is over.
#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicUsize,
    lost: AtomicU64,
}

impl Counts {
    fn lose(&self, spans: usize, error: &dyn Display) {
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        if self.lost.fetch_add(spans, Ordering::Relaxed) == 0 {
            tracing::warn!(%error, "traces are lost until the collector takes them");
        }
    }

    /// The collector took some. It is over when it is not behind.
    fn taken(&self) {
        if self.waiting.load(Ordering::Relaxed) < BATCH {
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                tracing::info!(lost, "the collector takes traces again");
            }
        }
    }
}

/// The queue, which would not say what it has no room for.
#[derive(Debug)]
struct Queue {
    inner: BatchSpanProcessor,
    counts: Arc<Counts>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) < QUEUE {
            self.inner.on_end(span);
        } else {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.lose(1, &"the queue is full");
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Where the queue ends.
#[derive(Debug)]
struct Exporter {
    inner: opentelemetry_otlp::SpanExporter,
    failure: Failure,
    counts: Arc<Counts>,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.counts.waiting.fetch_sub(spans, Ordering::Relaxed);
        let outcome = self.inner.export(batch).await;
        match (&outcome, self.failure.take()) {
            (Ok(()), _) => self.counts.taken(),
            (Err(_), Some(failure)) => self.counts.lose(spans, &failure),
            (Err(error), None) => self.counts.lose(spans, error),
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
