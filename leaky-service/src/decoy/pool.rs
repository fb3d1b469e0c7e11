//! The pool: it opens another connection for each request until it has as many as it may, and
//! from then on takes turns. Descriptors and buffers rise, and stop at the limit.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;

use crate::pattern::{End, Event, Facts, Parameter, Pattern, Role, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "pool",
    role: Role::Decoy,
    description: "Pool: opens a connection per request until it is full, then takes turns",
    page: include_str!("pool.md"),
    takes: &[Resource::Descriptors, Resource::Heap],
    per_event: Some(Outside { descriptors: DESCRIPTORS, ..Outside::NOTHING }),
    parameters: &[MAX_CONNECTIONS],
    unclearable: None,
    contract: None,
    fill: b'P',
    new: || Box::<Pool>::default(),
};

const MAX_CONNECTIONS: Parameter = Parameter {
    name: "max_connections",
    description: "connections it opens at most; lowering it closes idle ones",
    unit: Unit::Count,
    range: 1..=10_000,
    default: 100,
};

/// Descriptors of a connection: ours, and the database's, which is in this process too.
const DESCRIPTORS: u64 = 2;

/// A connection's share of the queue of idle ones, on average over its growth, as in the request
/// history.
const QUEUE_SHARE_BYTES: usize = 14;

#[derive(Default)]
struct Pool {
    connections: Mutex<Connections>,
}

struct Connections {
    /// The one that has been idle longest first.
    idle: VecDeque<Box<Connection>>,
    /// By the request that uses it.
    busy: HashMap<u64, Box<Connection>>,
    /// Idle, busy, and being opened.
    open: usize,
    max: usize,
}

#[expect(dead_code, reason = "nothing is said on these connections")]
struct Connection {
    ours: UnixStream,
    database: UnixStream,
    read_buffer: Vec<Box<[u8]>>,
}

/// What a request that wants a connection gets.
enum Turn {
    /// One that was idle.
    Idle(Box<Connection>),
    /// Leave to open one.
    Open,
    /// All are busy; a real pool would let the request wait.
    Wait,
}

impl Default for Connections {
    fn default() -> Self {
        let max = MAX_CONNECTIONS.default as usize;
        Self { idle: VecDeque::new(), busy: HashMap::new(), open: 0, max }
    }
}

impl Connection {
    fn open(budget: &Budget) -> io::Result<Self> {
        let (ours, database) = UnixStream::pair()?;
        let rest = handed_out_bytes(size_of::<Self>()) + QUEUE_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let read_buffer =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Ok(Self { ours, database, read_buffer })
    }
}

impl Connections {
    fn turn(&mut self) -> Turn {
        if self.open < self.max {
            self.open += 1;
            return Turn::Open;
        }
        self.idle.pop_front().map_or(Turn::Wait, Turn::Idle)
    }

    /// Takes out an idle connection if there are more than there may be.
    fn close_surplus(&mut self) -> Option<Box<Connection>> {
        if self.open <= self.max {
            return None;
        }
        let surplus = self.idle.pop_front()?;
        self.open -= 1;
        Some(surplus)
    }
}

impl Pattern for Pool {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let turn = lock(&self.connections).turn();
        let connection = match turn {
            Turn::Idle(connection) => connection,
            Turn::Open => match Connection::open(budget) {
                Ok(connection) => Box::new(connection),
                Err(error) => {
                    lock(&self.connections).open -= 1;
                    return Err(error);
                }
            },
            Turn::Wait => return Ok(()),
        };
        lock(&self.connections).busy.insert(event.id, connection);
        Ok(())
    }

    fn ended(&self, id: u64, _end: End, _patched: bool) {
        let mut connections = lock(&self.connections);
        let Some(connection) = connections.busy.remove(&id) else { return };
        connections.idle.push_back(connection);
        let surplus = connections.close_surplus();
        drop(connections);
        drop(surplus);
    }

    fn count(&self) -> usize {
        let connections = lock(&self.connections);
        connections.idle.len() + connections.busy.len()
    }

    fn outside(&self) -> Outside {
        Outside { descriptors: self.count() as u64 * DESCRIPTORS, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let mut connections = lock(&self.connections);
        let idle = std::mem::take(&mut connections.idle);
        let busy = std::mem::take(&mut connections.busy);
        connections.open -= idle.len() + busy.len();
        drop(connections);
        idle.len() + busy.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == MAX_CONNECTIONS.name {
            lock(&self.connections).max = value as usize;
            let close = || lock(&self.connections).close_surplus();
            while let Some(surplus) = close() {
                drop(surplus);
            }
        }
    }
}
