//! How log lines look: for people on a terminal, JSON elsewhere. They go to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use super::log_lines::Lines;
use crate::settings::{Log, LogFormat};

/// Sends the log lines of this process to standard error, by `settings`.
///
/// # Errors
/// When the process has a log already.
pub fn start(settings: &Log) -> Result<(), TryInitError> {
    // The settings were checked, so the filter parses; were it not so, "info" beats silence.
    let level = if settings.level.contains("actix") { "" } else { ",actix_server=warn" };
    let filter = EnvFilter::try_new(format!("{}{level}", settings.level)).unwrap_or_else(|_| EnvFilter::new("info"));
    // A log on a full disk loses lines. Telling so there would panic, and end the request that was to be logged.
    let subscriber = tracing_subscriber::fmt().log_internal_errors(false);
    let pretty = match settings.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let subscriber = subscriber.with_env_filter(filter).with_writer(Lines::new(!pretty));
    if pretty {
        let subscriber = subscriber.with_target(false).with_ansi(std::io::stderr().is_terminal());
        #[cfg(feature = "otel")]
        let subscriber = subscriber.map_event_format(super::log_traces::Pretty);
        subscriber.finish().try_init()
    } else {
        let subscriber = subscriber.json().flatten_event(true).with_current_span(true).with_span_list(false);
        #[cfg(feature = "otel")]
        let subscriber = subscriber.map_event_format(super::log_traces::Json);
        subscriber.finish().try_init()
    }
}
