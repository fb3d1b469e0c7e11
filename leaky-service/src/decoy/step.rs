//! The step: a configuration reload loads its rules once, and they stay for good reason: every
//! request is served by them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bulk::{Bulk, LIST_SHARE_BYTES};
use crate::pattern::{Facts, Parameter, Pattern, Role, Tick, Unit};
use crate::payload::Budget;
use crate::resource::Resource;
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "step",
    role: Role::Decoy,
    description: "Step: a configuration reload loads its rules once, and they stay",
    page: include_str!("step.md"),
    takes: &[Resource::Heap],
    per_event: None,
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

#[derive(Default)]
struct Step {
    rules: Bulk<Rule>,
    size: AtomicU64,
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

impl Pattern for Step {
    fn tick(&self, tick: &Tick) {
        if tick.enabled {
            self.rules.load(self.size.load(Ordering::Relaxed), tick, Rule::load);
        } else {
            self.rules.begin_anew();
        }
    }

    fn count(&self) -> usize {
        self.rules.count()
    }

    fn clear(&self) -> usize {
        self.rules.clear()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == SIZE.name {
            self.size.store(value, Ordering::Relaxed);
        }
    }
}
