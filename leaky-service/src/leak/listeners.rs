//! Listeners that accumulate: every request subscribes, none ever unsubscribes.
//!
//! Each handler wants to know when settings change while it runs, and registers a callback that
//! captures its context. The author forgot that a handler ends: the registry keeps the callback,
//! and through it the context, for ever. Every later event runs all of them.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::pattern::{ContractNames, End, Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "listeners",
    role: Role::Leak,
    description: "Listener accumulation: callbacks with their captured context, never removed",
    page: include_str!("listeners.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: Some(ContractNames {
        count_field: "count",
        removed_field: "callbacks_removed",
        removed_field_in_all: "listeners_removed",
        count_gauge: "leak_listeners_total",
        bytes_gauge: "leak_listeners_size_bytes",
    }),
    fill: b'l',
    new: || Box::<Listeners>::default(),
};

/// A callback's share of the registry: 16 bytes for the pointer and its vtable, 20 as size
/// classes go for vectors of a power of two; a vector that doubles when full has, on average over
/// its growth, 2 ln 2 = 1.39 slots per element.
const REGISTRY_SHARE_BYTES: usize = 28;

type Listener = Box<dyn Fn(&SettingsChanged) + Send>;

/// The event that listeners wait for.
struct SettingsChanged {
    /// How many such events there have been.
    revision: u64,
}

/// What a handler knows of its request, captured by its callback.
struct Context {
    request_id: u64,
    chunks: Vec<Box<[u8]>>,
    seen_revision: AtomicU64,
}

#[derive(Default)]
struct Listeners {
    registry: Mutex<Vec<Listener>>,
    /// The fixed registry, by the request whose end unsubscribes.
    subscribed: Mutex<HashMap<u64, Listener>>,
    revision: AtomicU64,
}

impl Context {
    fn notice(&self, event: &SettingsChanged) {
        let is_running = self.request_id > 0 && !self.chunks.is_empty();
        if is_running {
            self.seen_revision.store(event.revision, Ordering::Relaxed);
        }
    }
}

/// The callback of a handler that has begun.
fn listener(event: &Event<'_>, budget: &Budget) -> Listener {
    let rest = handed_out_bytes(size_of::<Context>()) + REGISTRY_SHARE_BYTES;
    let chunks = budget.chunks(rest);
    let context = Context {
        request_id: event.id,
        chunks: chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect(),
        seen_revision: AtomicU64::new(0),
    };
    Box::new(move |event| context.notice(event))
}

impl Pattern for Listeners {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let listener = listener(event, budget);
        // The defect: there is no other end to this subscription.
        lock(&self.registry).push(listener);
        Ok(())
    }

    fn touch_patched(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let listener = listener(event, budget);
        lock(&self.subscribed).insert(event.id, listener);
        Ok(())
    }

    fn ended(&self, id: u64, _end: End, _patched: bool) {
        let unsubscribed = lock(&self.subscribed).remove(&id);
        drop(unsubscribed);
    }

    fn count(&self) -> usize {
        lock(&self.registry).len() + lock(&self.subscribed).len()
    }

    fn clear(&self) -> usize {
        let listeners = std::mem::take(&mut *lock(&self.registry));
        let subscribed = std::mem::take(&mut *lock(&self.subscribed));
        listeners.len() + subscribed.len()
    }

    fn settings_changed(&self) {
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        let event = SettingsChanged { revision };
        lock(&self.registry).iter().for_each(|listener| listener(&event));
        lock(&self.subscribed).values().for_each(|listener| listener(&event));
    }
}
