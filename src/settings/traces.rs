//! `[traces]`: where traces go, and how many.

use url::Url;

use super::Traces;
use super::reader::{Reader, Wrong};

const ENDPOINT: &str = "traces.endpoint";

pub(super) fn traces(r: &mut Reader) -> Option<Traces> {
    read(r, cfg!(feature = "otel"))
}

fn read(r: &mut Reader, is_built_in: bool) -> Option<Traces> {
    let want = "want the collector's base address, such as \"http://127.0.0.1:4318\", or \"\" for no traces";
    let endpoint = r.text(ENDPOINT, want, |text| if text.is_empty() { Ok(None) } else { base(text).map(Some) });
    let sample = r.share("traces.sample");
    let service_name = r.words("traces.service_name", "want the name of this server, such as \"tokenhouse\"");
    if !is_built_in && matches!(endpoint, Some(Some(_))) {
        let advice =
            "this program was built without traces; want \"\", or a program that was built with --features otel";
        r.refuse(ENDPOINT, advice);
    }
    Some(Traces { endpoint: endpoint?, sample: sample?, service_name: service_name? })
}

/// The address of a collector, to which a path can be added.
fn base(text: &str) -> Result<Url, Wrong> {
    let url = Url::parse(text).map_err(|_| Wrong::NotThis)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Wrong::NotThis);
    }
    let more = url.query().or(url.fragment()).is_some() || url.password().is_some() || !url.username().is_empty();
    if more {
        return Err(Wrong::Because(
            "want an address without user, query and fragment; what the collector wants to know of its callers is \
             OTEL_EXPORTER_OTLP_HEADERS in the environment"
                .to_owned(),
        ));
    }
    if url.path().trim_end_matches('/').ends_with("/v1/traces") {
        return Err(Wrong::Because("/v1/traces is added to it; want the address without".to_owned()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Sources;

    fn complaint(toml: &str, is_built_in: bool) -> String {
        let sources = Sources::from_toml("x.toml", toml);
        let mut reader = Reader::new(&sources).unwrap();
        let traces = read(&mut reader, is_built_in);
        // The rest is not asked for here, and would be unknown.
        let all = reader.finish(traces, &sources).err().map(|wrong| wrong.to_string()).unwrap_or_default();
        all.lines().find(|line| line.contains("traces.")).unwrap_or_default().to_owned()
    }

    #[test]
    fn without_the_feature_an_endpoint_is_refused() {
        let set = "[traces]\nendpoint = \"http://127.0.0.1:4318\"";
        let right = "x.toml: traces.endpoint = \"http://127.0.0.1:4318\": this program was built without traces; want \"\", or a program that was \
                     built with --features otel";
        assert_eq!(complaint(set, false), right);
        assert_eq!(complaint(set, true), "");
        assert_eq!(complaint("[traces]\nendpoint = \"\"", false), "");
    }
}
