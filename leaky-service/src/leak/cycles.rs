//! Strong back references: an order owns its lines, and each line owns its order.
//!
//! A line wants to look things up in the order that it belongs to, so it got an `Arc` of it. Now
//! each keeps the other alive: when the handler drops its own, the counts fall to one, not to
//! zero, and nobody can reach either of them any more.

use std::io;
use std::sync::{Arc, Mutex, Weak};

use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::{Budget, Chunks};
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "cycles",
    role: Role::Leak,
    description: "Reference cycles: parent and children own each other, so neither is ever freed",
    page: include_str!("cycles.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'y',
    new: || Box::<Cycles>::default(),
};

/// Lines of each order.
const LINES: u32 = 2;

/// What an `Arc` keeps beside its value: two counts.
const COUNTS_BYTES: usize = 2 * size_of::<usize>();

/// An order's share of the list of all orders: 8 bytes for the pointer, 10 as size classes go for
/// vectors of a power of two; a vector that doubles when full has, on average over its growth,
/// 2 ln 2 = 1.39 slots per element.
const LIST_SHARE_BYTES: usize = 14;

#[derive(Default)]
struct Cycles {
    /// Only so that the cycles can be broken in the end: whoever has such a list in earnest has
    /// no leak. It owns nothing.
    orders: Mutex<Vec<Weak<Order>>>,
}

struct Order {
    document: Vec<Box<[u8]>>,
    lines: Mutex<Vec<Arc<Line>>>,
}

struct Line {
    number: u32,
    order: Arc<Order>,
}

/// The same without the defect: a line knows its order, and does not own it.
struct FixedOrder {
    document: Vec<Box<[u8]>>,
    lines: Vec<FixedLine>,
}

struct FixedLine {
    number: u32,
    order: Weak<FixedOrder>,
}

impl Order {
    fn read(document: &Chunks) -> Arc<Self> {
        let document = read_document(document);
        let lines = Mutex::new(Vec::with_capacity(LINES as usize));
        let order = Arc::new(Self { document, lines });
        for number in 1..=LINES {
            // The defect: the line owns the order that owns the line.
            let line = Line { number, order: Arc::clone(&order) };
            lock(&order.lines).push(Arc::new(line));
        }
        order
    }

    fn is_complete(&self) -> bool {
        let belongs = |line: &Arc<Line>| line.number > 0 && !line.order.document.is_empty();
        lock(&self.lines).iter().all(belongs)
    }
}

impl FixedOrder {
    fn read(document: &Chunks) -> Arc<Self> {
        let line = |number, order: &Weak<Self>| FixedLine { number, order: Weak::clone(order) };
        Arc::new_cyclic(|order| Self {
            document: read_document(document),
            lines: (1..=LINES).map(|number| line(number, order)).collect(),
        })
    }

    fn is_complete(&self) -> bool {
        let belongs = |line: &FixedLine| {
            let order = line.order.upgrade();
            line.number > 0 && order.is_some_and(|order| !order.document.is_empty())
        };
        self.lines.iter().all(belongs)
    }
}

fn read_document(document: &Chunks) -> Vec<Box<[u8]>> {
    document.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect()
}

/// What an order takes beside its document, as the allocator hands it out.
fn skeleton_bytes() -> usize {
    let lines = handed_out_bytes(LINES as usize * size_of::<Arc<Line>>());
    let line = handed_out_bytes(COUNTS_BYTES + size_of::<Line>());
    let order = handed_out_bytes(COUNTS_BYTES + size_of::<Order>());
    order + lines + LINES as usize * line
}

impl Pattern for Cycles {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let document = budget.chunks(skeleton_bytes() + LIST_SHARE_BYTES);
        let order = Order::read(&document);
        if !order.is_complete() {
            return Err(io::Error::other("an order lost its lines"));
        }
        lock(&self.orders).push(Arc::downgrade(&order));
        Ok(()) // and the handler's own reference, the last from outside, is gone
    }

    fn touch_patched(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let order = FixedOrder::read(&budget.chunks(skeleton_bytes()));
        if order.is_complete() { Ok(()) } else { Err(io::Error::other("an order lost its lines")) }
    }

    fn count(&self) -> usize {
        lock(&self.orders).len()
    }

    fn clear(&self) -> usize {
        let orders = std::mem::take(&mut *lock(&self.orders));
        for order in orders.iter().filter_map(Weak::upgrade) {
            let lines = std::mem::take(&mut *lock(&order.lines));
            drop(lines);
        }
        orders.len()
    }
}
