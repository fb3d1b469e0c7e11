//! `rules`: prints alert rules for Prometheus.

use std::io::{self, Write};

use bytesize::ByteSize;

use super::{Outcome, Ran};
use crate::rules::{self, Bands, Containers, MetricName, Selector, Target};

const EXAMPLES: &str = "\
Examples:
  detector rules --selector 'job=\"api\"' > memory.rules.yml && promtool check rules memory.rules.yml
  detector rules --selector 'job=\"api\"' --growth 50MiB,100MiB --level 1.5GiB,2GiB
  detector rules --selector 'job=\"api\"' --containers 'name=\"api\"' --objects leak_cache_entries_total

Rules see one expression, not a curve: those about growth also fire on warm-up and on a cache that
fills, and do not see what grows more slowly than they ask. `detector check` tells them apart.

Exit codes: 0 printed; 2 could not run.";

/// Print alert rules about a target's memory, for Prometheus
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The labels of the target's series: job="api",instance=~"api-.*".
    #[arg(long, value_name = "MATCHERS")]
    selector: Selector,

    /// Its gauge of memory, in bytes.
    #[arg(long, value_name = "METRIC", default_value = "process_resident_memory_bytes")]
    memory: MetricName,

    /// Growth per hour that is worth a warning (for 30 minutes), and that is critical (for 15).
    #[arg(long, value_name = "SIZE,SIZE", default_value = "10MiB,50MiB", value_parser = bands)]
    growth: Bands,

    /// Memory that is worth a warning (for 10 minutes), and that is critical (for 5).
    #[arg(long, value_name = "SIZE,SIZE", default_value = "500MiB,1GiB", value_parser = bands)]
    level: Bands,

    /// A gauge of things kept, such as objects or entries; may be repeated.
    #[arg(long, value_name = "METRIC")]
    objects: Vec<MetricName>,

    /// New things of a kind per hour that are worth a warning.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, requires = "objects")]
    objects_growth: u64,

    /// A counter of garbage collections.
    #[arg(long, value_name = "METRIC")]
    collections: Option<MetricName>,

    /// Collections per second that are worth a warning.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, requires = "collections")]
    collections_rate: u64,

    /// A counter of requests that made memory grow, such as `memory_growth_events_total`.
    #[arg(long, value_name = "METRIC")]
    growth_events: Option<MetricName>,

    /// Growth events within an hour that are worth a warning.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, requires = "growth_events")]
    growth_events_limit: u64,

    /// Its name in the configuration of `detector watch`, whose metrics tell refused credentials [default: any].
    #[arg(long, value_name = "TARGET")]
    watched_as: Option<String>,

    /// The labels of its containers, in the series of cAdvisor: namespace="shop",container="api".
    #[arg(long, value_name = "MATCHERS")]
    containers: Option<Selector>,

    /// Growth of a container per hour that is worth a warning.
    #[arg(long, value_name = "SIZE", default_value = "20MiB", value_parser = size, requires = "containers")]
    container_growth: u64,

    /// Memory of a container that is worth a warning.
    #[arg(long, value_name = "SIZE", default_value = "800MiB", value_parser = size, requires = "containers")]
    container_level: u64,
}

/// A kind of things of which two rules would say the same.
#[derive(Debug, thiserror::Error)]
#[error("--objects {0} is given twice; Prometheus takes alerts with the same labels for one")]
struct Twice(MetricName);

pub fn run(args: Args) -> Ran {
    let twice = (1..args.objects.len()).find(|at| args.objects[..*at].contains(&args.objects[*at]));
    if let Some(at) = twice {
        return Err(Twice(args.objects[at].clone()).into());
    }
    let containers = args.containers.map(|selector| Containers {
        selector,
        growth: args.container_growth,
        level: args.container_level,
    });
    let target = Target {
        selector: args.selector,
        memory: args.memory,
        growth: args.growth,
        level: args.level,
        objects: args.objects,
        objects_per_hour: args.objects_growth,
        collections: args.collections,
        collections_per_second: args.collections_rate,
        growth_events: args.growth_events,
        growth_events_per_hour: args.growth_events_limit,
        watched_as: args.watched_as,
        containers,
    };
    io::stdout().lock().write_all(rules::for_target(&target).as_bytes())?;
    Ok(Outcome::Steady)
}

/// A warning and a larger critical size.
fn bands(text: &str) -> Result<Bands, &'static str> {
    let sizes = text.split_once(',').and_then(|(w, c)| size(w).ok().zip(size(c).ok()));
    sizes
        .filter(|(warning, critical)| warning < critical)
        .map(|(warning, critical)| Bands { warning, critical })
        .ok_or("expected a warning and a larger critical size, such as 10MiB,50MiB")
}

fn size(text: &str) -> Result<u64, &'static str> {
    let size = text.trim().parse::<ByteSize>().map(|size| size.as_u64());
    size.ok().filter(|size| *size > 0).ok_or("expected a size such as 20MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_two_sizes_in_order() {
        let expected = Bands { warning: 10 << 20, critical: 50 << 20 };
        assert_eq!(bands("10MiB,50MiB"), Ok(expected));
        assert_eq!(bands("10MiB, 50MiB"), Ok(expected));
        for bad in ["", "10MiB", "50MiB,10MiB", "10MiB,10MiB", "0,1MiB", "a,b", "1MiB,2MiB,3MiB"] {
            assert!(bands(bad).is_err(), "{bad}");
        }
    }
}
