//! The rules, one function for each thing that is watched.

use std::time::Duration;

use super::{Containers, MetricName, Rule, Severity, Target};

const MINUTE: Duration = Duration::from_mins(1);
const MIB: f64 = 1_048_576.0;

/// What every rule about growth has to admit.
const WARM_UP: &str = "A slope cannot tell a leak from a warm-up, a cache that fills or a rise of load: \
                       look at the curve before you restart anything.";

pub fn rules(target: &Target) -> Vec<Rule> {
    let mut rules = growth(target);
    rules.extend(level(target));
    rules.extend(target.growth_events.as_ref().map(|counter| growth_events(target, counter)));
    rules.extend(target.objects.iter().map(|gauge| objects(target, gauge)));
    rules.extend(target.collections.as_ref().map(|counter| collections(target, counter)));
    rules.push(missing(target));
    rules.push(unreachable(target));
    rules.push(refused(target));
    rules.extend(target.containers.iter().flat_map(containers));
    rules
}

fn growth(target: &Target) -> Vec<Rule> {
    let series = format!("{}{}", target.memory, target.selector);
    let rule = |alert, threshold, minutes, severity| Rule {
        alert,
        expr: mib_per_hour(&series, threshold),
        lasting: minutes * MINUTE,
        severity,
        objects: None,
        summary: format!(
            "Memory of {{{{ $labels.instance }}}} grows by more than {} MiB per hour",
            mib(threshold)
        ),
        description: format!(
            "It grew by {{{{ $value | printf \"%.1f\" }}}} MiB per hour over the last hour. {WARM_UP}"
        ),
    };
    vec![
        rule("HighMemoryGrowthRate", target.growth.warning, 30, Severity::Warning),
        rule("CriticalMemoryGrowthRate", target.growth.critical, 15, Severity::Critical),
    ]
}

fn level(target: &Target) -> Vec<Rule> {
    let rule = |alert, threshold, minutes, severity| Rule {
        alert,
        expr: format!("{}{} > {threshold}", target.memory, target.selector),
        lasting: minutes * MINUTE,
        severity,
        objects: None,
        summary: format!("{{{{ $labels.instance }}}} uses more than {} MiB", mib(threshold)),
        description: "It uses {{ $value | humanize1024 }}B.".to_owned(),
    };
    vec![
        rule("HighMemoryUsage", target.level.warning, 10, Severity::Warning),
        rule("CriticalMemoryUsage", target.level.critical, 5, Severity::Critical),
    ]
}

/// An event counts at every threshold that it reached, so the sums are not added up over those.
fn growth_events(target: &Target, counter: &MetricName) -> Rule {
    let most = target.growth_events_per_hour;
    Rule {
        alert: "MemoryLeakEventsDetected",
        expr: format!(
            "max by (job, instance) (sum by (job, instance, threshold, threshold_bytes) \
             (increase({counter}{}[1h]))) > {most}",
            target.selector
        ),
        lasting: Duration::ZERO,
        severity: Severity::Warning,
        objects: None,
        summary: format!(
            "More than {most} requests to {{{{ $labels.instance }}}} made its memory grow within an hour"
        ),
        description: "They were about {{ $value | printf \"%.0f\" }}.".to_owned(),
    }
}

fn objects(target: &Target, gauge: &MetricName) -> Rule {
    let most = target.objects_per_hour;
    Rule {
        alert: "HighObjectGrowth",
        expr: format!("deriv({gauge}{}[1h]) * 3600 > {most}", target.selector),
        lasting: 30 * MINUTE,
        severity: Severity::Warning,
        objects: Some(gauge.to_string()),
        summary: format!(
            "{{{{ $labels.instance }}}} keeps more than {most} new of {gauge} per hour"
        ),
        description: format!(
            "It kept {{{{ $value | printf \"%.0f\" }}}} more per hour over the last hour. {WARM_UP}"
        ),
    }
}

fn collections(target: &Target, counter: &MetricName) -> Rule {
    let most = target.collections_per_second;
    Rule {
        alert: "ExcessiveGarbageCollection",
        expr: format!("sum by (job, instance) (rate({counter}{}[5m])) > {most}", target.selector),
        lasting: 15 * MINUTE,
        severity: Severity::Warning,
        objects: None,
        summary: format!("{{{{ $labels.instance }}}} collects garbage more than {most} times per second"),
        description: "It collects {{ $value | printf \"%.1f\" }} times per second: memory is short, or much is thrown away."
            .to_owned(),
    }
}

/// Absent everywhere, or on a target that is up: the two differ in what is broken.
fn missing(target: &Target) -> Rule {
    let (memory, selector) = (&target.memory, &target.selector);
    Rule {
        alert: "MemoryMetricsMissing",
        expr: format!(
            "absent({memory}{selector}) or (up{selector} == 1 unless on (job, instance) {memory}{selector})"
        ),
        lasting: 10 * MINUTE,
        severity: Severity::Warning,
        objects: None,
        summary: format!(
            "{memory} of {{{{ $labels.job }}}}{{{{ with $labels.instance }}}} on {{{{ . }}}}{{{{ end }}}} is missing"
        ),
        description: "Nothing watches its memory now: no alert is no sign of health.".to_owned(),
    }
}

/// Prometheus does not keep why a scrape failed: refused credentials look like any other failure ([`refused`]).
fn unreachable(target: &Target) -> Rule {
    Rule {
        alert: "MemoryMetricsUnreachable",
        expr: format!("up{} == 0", target.selector),
        lasting: 5 * MINUTE,
        severity: Severity::Warning,
        objects: None,
        summary: "{{ $labels.instance }} cannot be scraped".to_owned(),
        description: "It is down, or too slow, or refuses the credentials: the page of targets in Prometheus has the last error."
            .to_owned(),
    }
}

/// Only whoever asks the page knows why it was refused: `detector watch`, which counts it.
fn refused(target: &Target) -> Rule {
    let name = target.watched_as.as_ref().map(|name| format!(",target={name:?}"));
    Rule {
        alert: "MetricsAuthenticationFailure",
        expr: format!(
            "increase(detector_source_errors_total{{reason=\"unauthorized\"{}}}[5m]) > 0",
            name.unwrap_or_default()
        ),
        lasting: Duration::ZERO,
        severity: Severity::Warning,
        objects: None,
        summary: "The metrics of {{ $labels.target }} are refused: credentials are missing or wrong".to_owned(),
        description: "Nothing watches its memory now. Set the credentials of its target where `detector watch` runs, and those \
                      of its scrape in Prometheus."
            .to_owned(),
    }
}

/// Growth by what cannot be reclaimed (anonymous memory), level by what the kernel counts before it kills.
fn containers(containers: &Containers) -> Vec<Rule> {
    let Containers { selector, growth, level } = containers;
    vec![
        Rule {
            alert: "ContainerMemoryGrowthRate",
            expr: mib_per_hour(&format!("container_memory_rss{selector}"), *growth),
            lasting: 30 * MINUTE,
            severity: Severity::Warning,
            objects: None,
            summary: format!(
                "Memory of container {{{{ $labels.name }}}} grows by more than {} MiB per hour",
                mib(*growth)
            ),
            description: format!(
                "It grew by {{{{ $value | printf \"%.1f\" }}}} MiB per hour over the last hour. {WARM_UP}"
            ),
        },
        Rule {
            alert: "ContainerHighMemoryUsage",
            expr: format!("container_memory_working_set_bytes{selector} > {level}"),
            lasting: 10 * MINUTE,
            severity: Severity::Warning,
            objects: None,
            summary: format!("Container {{{{ $labels.name }}}} uses more than {} MiB", mib(*level)),
            description:
                "It uses {{ $value | humanize1024 }}B that the kernel cannot reclaim at once."
                    .to_owned(),
        },
    ]
}

fn mib_per_hour(series: &str, bytes_per_hour: u64) -> String {
    format!("deriv({series}[1h]) * 3600 / 1048576 > {}", mib(bytes_per_hour))
}

/// With as many digits as it takes to mean the same.
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}
