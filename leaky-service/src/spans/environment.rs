//! The `OTEL_*` variables that say whether and how spans are sent. All that is wrong with them is
//! told at once, before anything starts.

use std::env;

/// Variables that name a collector, the more special first.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Variables that name a protocol, the more special first.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// Samplers that there are; those of a ratio read `OTEL_TRACES_SAMPLER_ARG`.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum SpansError {
    /// What the environment asks for cannot be had.
    #[error("{}", .0.join("; "))]
    Environment(Vec<String>),
    /// The endpoint or the headers are not understood.
    #[error("the collector's address or headers in OTEL_EXPORTER_OTLP_* are not understood")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// No thread to send from.
    #[error("cannot start a thread to send spans from")]
    Runtime(#[from] std::io::Error),
}

/// A collector is named, and nothing speaks against sending spans to it. The rest is read by the
/// exporter itself.
#[derive(Debug)]
pub(super) struct Environment(());

impl Environment {
    /// `None` if spans are switched off, or no collector is named.
    pub(super) fn read() -> Result<Option<Self>, SpansError> {
        Self::of(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn of(set: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, SpansError> {
        let is = |name, value: &str| set(name).is_some_and(|set| set.eq_ignore_ascii_case(value));
        let off = is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none");
        if off || ENDPOINTS.iter().all(|name| set(name).is_none()) {
            return Ok(None);
        }
        let mut faults = Vec::new();
        let exporter = set("OTEL_TRACES_EXPORTER").filter(|name| name != "otlp");
        faults.extend(
            exporter.map(|name| {
                format!("OTEL_TRACES_EXPORTER cannot be '{name}'; choose otlp or none")
            }),
        );
        let protocol = PROTOCOLS.iter().find_map(|name| Some((name, set(name)?)));
        faults.extend(protocol.filter(|(_, protocol)| protocol != "grpc").map(|(name, protocol)| {
            format!("{name} cannot be '{protocol}'; choose grpc, and the collector's port for it, usually 4317")
        }));
        faults.extend(set("OTEL_TRACES_SAMPLER").and_then(|sampler| fault_of(&sampler, &set)));
        if faults.is_empty() { Ok(Some(Self(()))) } else { Err(SpansError::Environment(faults)) }
    }
}

/// What is wrong with a sampler; the exporter would quietly send everything.
fn fault_of(sampler: &str, set: impl Fn(&str) -> Option<String>) -> Option<String> {
    if !SAMPLERS.contains(&sampler) {
        let known = SAMPLERS.join(", ");
        return Some(format!("OTEL_TRACES_SAMPLER cannot be '{sampler}'; choose one of {known}"));
    }
    let ratio = set("OTEL_TRACES_SAMPLER_ARG").and_then(|ratio| ratio.parse::<f64>().ok());
    let has_ratio = ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio));
    (sampler.ends_with("ratio") && !has_ratio).then(|| {
        format!("OTEL_TRACES_SAMPLER={sampler} needs a ratio; set OTEL_TRACES_SAMPLER_ARG to a number from 0 to 1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");

    fn of(variables: &[(&str, &str)]) -> Result<bool, String> {
        let set = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Environment::of(set).map(|found| found.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn spans_are_sent_only_if_a_collector_is_named_and_nothing_speaks_against_it() {
        assert_eq!(of(&[]), Ok(false));
        assert_eq!(of(&[("OTEL_TRACES_SAMPLER", "nonsense")]), Ok(false));
        assert_eq!(of(&[ENDPOINT]), Ok(true));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x:1")]), Ok(true));
        for (name, value) in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(of(&[ENDPOINT, (name, value)]), Ok(false), "{name}");
        }
        for (name, value) in [
            ("OTEL_SDK_DISABLED", "false"),
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_SAMPLER", "always_off"),
        ] {
            assert_eq!(of(&[ENDPOINT, (name, value)]), Ok(true), "{name}");
        }
        let ratio = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.1")];
        assert_eq!(of(&[ENDPOINT, ratio[0], ratio[1]]), Ok(true));
    }

    #[test]
    fn all_that_cannot_be_had_is_told_at_once() {
        let told = of(&[
            ENDPOINT,
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
        ])
        .unwrap_err();
        for fault in ["'zipkin'", "'http/protobuf'", "'sometimes'"] {
            assert!(told.contains(fault), "{fault} is missing from {told}");
        }
        for argument in [&[][..], &[("OTEL_TRACES_SAMPLER_ARG", "1.5")]] {
            let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
            let told = of(&[&[ENDPOINT, sampler], argument].concat()).unwrap_err();
            assert!(told.contains("OTEL_TRACES_SAMPLER_ARG"), "{told}");
        }
    }
}
