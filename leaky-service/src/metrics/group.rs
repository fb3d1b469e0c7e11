//! The control group's memory as gauges. What the kernel does not tell, and a limit that is none,
//! have no sample at all: a 0 would look like a figure.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Registry};

use crate::cgroup::GroupMemory;

type Figure = fn(&GroupMemory) -> Option<u64>;

/// Name, help, figure.
const GAUGES: [(&str, &str, Figure); 6] = [
    (
        "cgroup_memory_limit_bytes",
        "What the control group may have; no sample if there is no limit",
        |group| group.limit_bytes,
    ),
    (
        "cgroup_memory_usage_bytes",
        "Everything the control group is charged for, cached files included",
        |group| Some(group.usage_bytes),
    ),
    (
        "cgroup_memory_working_set_bytes",
        "Usage without files that were not used of late; what counts against the limit",
        |group| Some(group.used_bytes()),
    ),
    ("cgroup_memory_anon_bytes", "Memory of the control group that no file is behind", |group| {
        group.anon_bytes
    }),
    (
        "cgroup_memory_file_bytes",
        "Cached files of the control group, shared memory included",
        |group| group.file_bytes,
    ),
    (
        "cgroup_memory_kernel_bytes",
        "What the kernel needs on the control group's behalf",
        |group| group.kernel_bytes,
    ),
];

/// Reads the group when it is scraped.
pub(super) struct GroupCollector {
    gauges: Vec<(IntGauge, Figure)>,
}

impl GroupCollector {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<()> {
        let gauge = |(name, help, figure)| Ok((IntGauge::new(name, help)?, figure));
        let gauges = GAUGES.into_iter().map(gauge).collect::<prometheus::Result<_>>()?;
        registry.register(Box::new(Self { gauges }))
    }
}

impl Collector for GroupCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.iter().flat_map(|(gauge, _)| gauge.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(Some(group)) = GroupMemory::read() else { return Vec::new() };
        let told = self.gauges.iter().filter_map(|(gauge, figure)| {
            gauge.set(figure(&group)?.cast_signed());
            Some(gauge.collect())
        });
        told.flatten().collect()
    }
}
