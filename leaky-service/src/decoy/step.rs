//! The step: a configuration reload loads its rules once, and they stay for good reason: every
//! request is served by them.

use std::io;
use std::sync::Mutex;

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::Resource;
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "step",
    role: Role::Decoy,
    description: "Step: a configuration reload loads its rules once, and they stay",
    page: include_str!("step.md"),
    takes: &[Resource::Heap],
    parameters: &[SIZE],
    unclearable: None,
    contract: None,
    fill: b'T',
    new: || Box::<Step>::default(),
};

const SIZE: Parameter = Parameter {
    name: "size",
    description: "what all rules take together, loaded once each time it is switched on",
    unit: Unit::Bytes,
    range: 1 << 20..=1 << 30,
    default: 64 << 20,
};

/// What is loaded at one tick at most, so that a reload does not hold up requests.
const BYTES_PER_TICK: u64 = 32 << 20;

/// A rule's share of the list, on average over its growth, as in the request history.
const LIST_SHARE_BYTES: usize = 14;

#[derive(Default)]
struct Step {
    configuration: Mutex<Configuration>,
}

#[expect(clippy::vec_box, reason = "rules inside the list would double with it, far from exact")]
#[derive(Default)]
struct Configuration {
    rules: Vec<Box<Rule>>,
    /// Bytes of rules that this reload has loaded; a cleared rule is not loaded again.
    loaded_bytes: u64,
    size: u64,
}

#[expect(dead_code, reason = "what the rules say does not matter here")]
struct Rule {
    number: u64,
    chunks: Vec<Box<[u8]>>,
}

impl Rule {
    fn load(number: u64, bytes: usize) -> Self {
        let budget = Budget::begin(bytes);
        let rest = handed_out_bytes(size_of::<Self>()) + LIST_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let chunks =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { number, chunks }
    }
}

impl Configuration {
    /// Rules that are still to be loaded at this tick.
    fn missing(&self, tick: &Tick) -> u64 {
        let target = (self.size as f64 * tick.fraction) as u64;
        let missing_bytes = target.saturating_sub(self.loaded_bytes);
        missing_bytes.min(BYTES_PER_TICK).min(tick.room_bytes) / tick.bytes_per_request as u64
    }
}

impl Pattern for Step {
    /// Requests are served by the rules; they add none.
    fn touch(&self, _event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        Ok(())
    }

    fn tick(&self, tick: &Tick) {
        let mut configuration = lock(&self.configuration);
        if !tick.enabled {
            configuration.loaded_bytes = 0;
            return;
        }
        let missing = configuration.missing(tick);
        let begins = missing > 0 && configuration.loaded_bytes == 0;
        let outdated = if begins { std::mem::take(&mut configuration.rules) } else { Vec::new() };
        configuration.loaded_bytes += missing * tick.bytes_per_request as u64;
        drop(configuration);
        drop(outdated);
        let rules: Vec<_> = (0..missing)
            .map(|number| Box::new(Rule::load(number, tick.bytes_per_request)))
            .collect();
        lock(&self.configuration).rules.extend(rules);
    }

    fn count(&self) -> usize {
        lock(&self.configuration).rules.len()
    }

    fn clear(&self) -> usize {
        let rules = std::mem::take(&mut lock(&self.configuration).rules);
        rules.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == SIZE.name {
            lock(&self.configuration).size = value;
        }
    }
}
