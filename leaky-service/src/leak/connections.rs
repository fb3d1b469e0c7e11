//! Connections that nobody closes: borrowed from a pool for a request, and never given back.
//!
//! The pool lends connections to an upstream service and would lend the same ones again. But
//! the handler that borrows has no line that gives back, so the pool never has one to spare, opens
//! a new one for every request, and keeps the lent ones in its books. The other side waits for
//! the next request on each of them.
//!
//! Both sides live in this process, so an event takes two descriptors: one at each end.

mod upstream;

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use self::upstream::{Connection, Upstream};
use crate::pattern::{End, Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "connections",
    role: Role::Leak,
    description: "Connections that nobody closes: two descriptors per request, one at each end",
    page: include_str!("connections.md"),
    takes: &[Resource::Descriptors],
    per_event: Some(Outside { descriptors: MOST_DESCRIPTORS, ..Outside::NOTHING }),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'2',
    new: || Box::<Connections>::default(),
};

/// What a request opens at most: the first one starts the upstream, which listens.
const MOST_DESCRIPTORS: u64 = Connection::DESCRIPTORS as u64 + 1;

/// Connections that the pool keeps when nobody needs them; it closes the others.
const MAX_IDLE: usize = 10;

#[derive(Default)]
struct Connections {
    pool: Mutex<Pool>,
}

/// Connections to one upstream service, which is started when the first is needed.
#[derive(Default)]
struct Pool {
    upstream: Option<Upstream>,
    idle: Vec<Connection>,
    /// By the request that borrowed it.
    lent: HashMap<u64, Connection>,
}

impl Pool {
    /// Lends a request an idle connection, or a new one.
    fn lend(&mut self, borrower: u64) -> io::Result<&mut Connection> {
        let connection = match self.idle.pop() {
            Some(idle) => idle,
            None => self.open()?,
        };
        Ok(self.lent.entry(borrower).insert_entry(connection).into_mut())
    }

    fn open(&mut self) -> io::Result<Connection> {
        if let Some(upstream) = &self.upstream {
            return upstream.connect();
        }
        self.upstream.insert(Upstream::start()?).connect()
    }

    fn give_back(&mut self, borrower: u64) {
        let Some(connection) = self.lent.remove(&borrower) else { return };
        if self.idle.len() < MAX_IDLE {
            self.idle.push(connection);
        }
    }

    fn connections(&self) -> usize {
        self.idle.len() + self.lent.len()
    }

    fn descriptors(&self) -> usize {
        usize::from(self.upstream.is_some()) + self.connections() * Connection::DESCRIPTORS
    }
}

impl Pattern for Connections {
    fn touch(&self, event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        // The defect is an absence: no line of this handler gives the connection back.
        let mut pool = lock(&self.pool);
        let asked = pool.lend(event.id)?.ask();
        if asked.is_err() {
            // One that does not work is closed; a request that failed keeps nothing.
            pool.lent.remove(&event.id);
        }
        asked
    }

    fn ended(&self, id: u64, _end: End, patched: bool) {
        if patched {
            lock(&self.pool).give_back(id);
        }
    }

    fn count(&self) -> usize {
        lock(&self.pool).connections()
    }

    fn outside(&self) -> Outside {
        let descriptors = lock(&self.pool).descriptors() as u64;
        Outside { descriptors, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let pool = std::mem::take(&mut *lock(&self.pool));
        pool.connections()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use axum::http::Request;

    use super::*;

    #[test]
    fn a_connection_that_does_not_work_is_closed() {
        let connections = Connections::default();
        let (parts, ()) = Request::new(()).into_parts();
        let touch = |id| {
            let event = Event { id, received: SystemTime::now(), parts: &parts, endpoint: None };
            connections.touch(&event, &Budget::begin(1024))
        };
        touch(1).unwrap();
        connections.ended(1, End::Answered, true);
        lock(&connections.pool).idle[0].hang_up();
        assert!(touch(2).is_err());
        assert_eq!(connections.count(), 0, "nobody would give it back");
        touch(3).unwrap();
        assert_eq!(connections.count(), 1);
    }
}
