//! `tokenhouse openapi`: the OpenAPI document of a server with these settings.

use std::io::Write;

use super::Failure;
use crate::server::openapi;
use crate::settings::Settings;

/// Writes the document. It is JSON in any case.
pub(super) fn run(settings: &Settings, out: &mut impl Write) -> Result<u8, Failure> {
    let document = openapi::text(settings).map_err(|error| Failure::Failed(error.to_string()))?;
    writeln!(out, "{document}")?;
    Ok(0)
}
