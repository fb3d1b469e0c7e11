//! The burst that the allocator remembers: every block of it is freed, but the allocator keeps
//! the pages for the next one. Resident memory rises, stays, and is in use by nobody.

mod arena;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use self::arena::{Arena, Block};
use crate::pattern::{Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::resource::{Outside, Resource};
use crate::room::Amounts;

pub const FACTS: Facts = Facts {
    name: "burst_retention",
    role: Role::Decoy,
    description: "Burst retention: the allocator keeps the pages that a burst has used",
    page: include_str!("burst_retention.md"),
    takes: &[Resource::OutsideMemory],
    per_event: None,
    parameters: &[PERIOD, SIZE],
    unclearable: None,
    contract: None,
    fill: b'R',
    new: || Box::<BurstRetention>::default(),
};

const PERIOD: Parameter = Parameter {
    name: "period",
    description: "from the beginning of a burst to that of the next",
    unit: Unit::Milliseconds,
    range: 1000..=86_400_000,
    default: 60_000,
};

const SIZE: Parameter = Parameter {
    name: "size",
    description: "what all blocks of a burst take together",
    unit: Unit::Bytes,
    range: 1 << 20..=1 << 30,
    default: 64 << 20,
};

/// What is allocated at one tick at most, so that a burst does not hold up requests.
const BYTES_PER_TICK: u64 = 32 << 20;

#[derive(Default)]
struct BurstRetention {
    bursts: Mutex<Bursts>,
    /// What the arena kept at the last tick: asking jemalloc takes too long to be done for each
    /// request.
    kept_bytes: AtomicU64,
}

#[derive(Default)]
struct Bursts {
    /// Of the burst that is going on.
    blocks: Vec<Block>,
    /// Made for the first burst, dropped when cleared.
    arena: Option<Arc<Arena>>,
    /// When the last burst began, since the decoy was switched on.
    began: Option<Instant>,
    /// Bytes that the last burst still has to allocate.
    to_come_bytes: u64,
    /// Blocks that the pages kept at the last tick have room for.
    kept_blocks: usize,
    period: Duration,
    size: u64,
}

impl Bursts {
    /// Begins the next burst if it is due.
    fn begin_if_due(&mut self, tick: &Tick) {
        if tick.fraction <= 0.0 {
            (self.began, self.to_come_bytes) = (None, 0);
            return;
        }
        let age = |began: Instant| tick.now.saturating_duration_since(began);
        if self.began.is_none_or(|began| age(began) >= self.period) {
            self.began = Some(tick.now);
            self.to_come_bytes = (self.size as f64 * tick.fraction) as u64;
        }
    }

    /// Allocates what of the burst falls to this tick; frees all of it when nothing is to come.
    fn go_on(&mut self, tick: &Tick<'_>, kept_bytes: u64) -> tikv_jemalloc_ctl::Result<()> {
        let bytes = tick.bytes_per_request as u64;
        // What is kept already is used again, and needs no room.
        let kept_bytes = kept_bytes.saturating_sub(self.used(bytes));
        let room = tick.room.free_bytes().saturating_add(kept_bytes);
        let blocks = self.to_come_bytes.min(BYTES_PER_TICK).min(room) / bytes;
        let new_bytes = (blocks * bytes).saturating_sub(kept_bytes);
        let reserved = tick.room.reserve(Amounts::bytes(new_bytes), false);
        let Some(reserved) = reserved.filter(|_| blocks > 0) else {
            self.to_come_bytes = 0;
            self.blocks = Vec::new();
            return Ok(());
        };
        tick.until_booked.borrow_mut().push(reserved);
        self.to_come_bytes -= blocks * bytes;
        let arena = match &self.arena {
            Some(arena) => Arc::clone(arena),
            None => Arc::new(Arena::create()?),
        };
        self.arena = Some(Arc::clone(&arena));
        let block = |_| arena.block(tick.bytes_per_request, FACTS.fill);
        self.blocks.extend((0..blocks).take_while(|_| tick.is_on()).map_while(block));
        Ok(())
    }

    fn used(&self, bytes_per_block: u64) -> u64 {
        self.blocks.len() as u64 * bytes_per_block
    }

    fn kept_bytes(&self) -> u64 {
        let kept = |arena: &Arc<Arena>| arena.kept_bytes().ok();
        self.arena.as_ref().and_then(kept).unwrap_or(0)
    }
}

impl Pattern for BurstRetention {
    fn tick(&self, tick: &Tick) {
        let mut bursts = lock(&self.bursts);
        bursts.begin_if_due(tick);
        if let Err(error) = bursts.go_on(tick, self.kept_bytes.load(Ordering::Relaxed)) {
            crate::say(format_args!("{} cannot make an arena: {error}", FACTS.name));
            bursts.to_come_bytes = 0;
        }
        // A purge of all arenas may have taken some of it.
        let kept_bytes = bursts.kept_bytes();
        let per_block = tick.bytes_per_request as u64;
        bursts.kept_blocks = ((kept_bytes + per_block / 2) / per_block) as usize;
        self.kept_bytes.store(kept_bytes, Ordering::Relaxed);
    }

    /// Blocks that there would be room for, though most of the time there are none.
    fn count(&self) -> usize {
        lock(&self.bursts).kept_blocks
    }

    fn outside(&self) -> Outside {
        Outside { bytes: self.kept_bytes.load(Ordering::Relaxed), ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let mut bursts = lock(&self.bursts);
        bursts.to_come_bytes = 0;
        bursts.blocks = Vec::new();
        bursts.arena = None;
        self.kept_bytes.store(0, Ordering::Relaxed);
        std::mem::take(&mut bursts.kept_blocks)
    }

    fn set(&self, parameter: &'static str, value: u64) {
        let mut bursts = lock(&self.bursts);
        match parameter {
            name if name == PERIOD.name => bursts.period = Duration::from_millis(value),
            name if name == SIZE.name => bursts.size = value,
            _ => {}
        }
    }
}
