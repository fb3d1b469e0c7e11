//! Memory that follows load: each request has a buffer, which is kept for a while after the
//! answer in case the client asks again. Twice the requests per second, twice the memory.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::pattern::{End, Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "load_bound",
    role: Role::Decoy,
    description: "Load-bound: a buffer per request under way, and for a while after its answer",
    page: include_str!("load_bound.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[LINGER],
    unclearable: None,
    contract: None,
    fill: b'L',
    new: || Box::<LoadBound>::default(),
};

const LINGER: Parameter = Parameter {
    name: "linger",
    description: "how long a buffer is kept after the end of its request",
    unit: Unit::Milliseconds,
    range: 0..=600_000,
    default: 1000,
};

/// A buffer's share of the queue, on average over its growth, as in the expiring cache.
const QUEUE_SHARE_BYTES: usize = 39;

#[derive(Default)]
struct LoadBound {
    buffers: Mutex<Buffers>,
}

struct Buffers {
    /// By request.
    under_way: HashMap<u64, Box<Buffer>>,
    /// Of requests that have ended, and when; the first to end first.
    lingering: VecDeque<(Instant, Box<Buffer>)>,
    linger: Duration,
    /// The moment of the last tick: fine enough for this, and free of charge.
    now: Instant,
}

#[expect(dead_code, reason = "no client asks again here")]
struct Buffer {
    chunks: Vec<Box<[u8]>>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            under_way: HashMap::new(),
            lingering: VecDeque::new(),
            linger: Duration::from_millis(LINGER.default),
            now: Instant::now(),
        }
    }
}

impl Buffers {
    /// Takes out the buffer that has lingered longest if that is long enough.
    fn release(&mut self) -> Option<(Instant, Box<Buffer>)> {
        let (now, linger) = (self.now, self.linger);
        let over = |(ended, _): &mut (Instant, Box<Buffer>)| {
            now.saturating_duration_since(*ended) >= linger
        };
        self.lingering.pop_front_if(over)
    }
}

impl Pattern for LoadBound {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let rest = handed_out_bytes(size_of::<Buffer>()) + QUEUE_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let buffer = Box::new(Buffer {
            chunks: chunks
                .iter()
                .map(|&length| vec![FACTS.fill; length].into_boxed_slice())
                .collect(),
        });
        lock(&self.buffers).under_way.insert(event.id, buffer);
        Ok(())
    }

    fn ended(&self, id: u64, _end: End, _patched: bool) {
        let mut buffers = lock(&self.buffers);
        let ended = buffers.now;
        // None: it was cleared while the request was under way.
        if let Some(buffer) = buffers.under_way.remove(&id) {
            buffers.lingering.push_back((ended, buffer));
        }
    }

    fn tick(&self, tick: &Tick) {
        lock(&self.buffers).now = tick.now;
        let release = || lock(&self.buffers).release();
        while let Some(buffer) = release() {
            drop(buffer);
        }
    }

    fn count(&self) -> usize {
        let buffers = lock(&self.buffers);
        buffers.under_way.len() + buffers.lingering.len()
    }

    fn clear(&self) -> usize {
        let mut buffers = lock(&self.buffers);
        let under_way = std::mem::take(&mut buffers.under_way);
        let lingering = std::mem::take(&mut buffers.lingering);
        drop(buffers);
        under_way.len() + lingering.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == LINGER.name {
            lock(&self.buffers).linger = Duration::from_millis(value);
        }
    }
}
