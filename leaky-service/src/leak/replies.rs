//! Pending replies of clients that went away: taken out in the last line of a handler that never
//! gets there.
//!
//! A handler asks a backend, and waits for the reply on a channel of its own; the other end waits
//! in a map, under the request's id, for the reply to come in. When it has come, the handler
//! takes its entry out. But a handler is a future: if the client goes away, it is dropped where
//! it waits, and the lines below that place never run.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use tokio::sync::oneshot;

use crate::pattern::{End, Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "replies",
    role: Role::Leak,
    description: "Pending replies of clients that went away: leaks only when clients abort",
    page: include_str!("replies.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'$',
    new: || Box::<Replies>::default(),
};

/// An entry's share of the map: that of an entry of 16 bytes, as in the unbounded cache.
const MAP_SHARE_BYTES: usize = 32;

#[derive(Default)]
struct Replies {
    /// Where replies that come in find out who waits for them.
    pending: Mutex<HashMap<u64, Box<Pending>>>,
    /// What the handlers themselves own, and what goes with them, however they end.
    handlers: Mutex<HashMap<u64, oneshot::Receiver<Reply>>>,
}

/// A question that was sent to the backend.
struct Pending {
    reply: oneshot::Sender<Reply>,
    /// Kept so that it can be sent again.
    question: Vec<Box<[u8]>>,
}

/// How many parts of a question the backend has read.
type Reply = usize;

impl Pending {
    fn ask(reply: oneshot::Sender<Reply>, budget: &Budget) -> Self {
        let rest = handed_out_bytes(size_of::<Self>()) + MAP_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let question =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { reply, question }
    }
}

impl Replies {
    /// The reply has come in: the entry is taken out, and whoever waits gets it.
    fn settle(&self, id: u64) {
        let pending = lock(&self.pending).remove(&id);
        if let Some(pending) = pending {
            // Nobody waits any more if the client went away.
            let _ = pending.reply.send(pending.question.len());
        }
    }
}

impl Pattern for Replies {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let (reply, answer) = oneshot::channel();
        lock(&self.handlers).insert(event.id, answer);
        let pending = Box::new(Pending::ask(reply, budget));
        lock(&self.pending).insert(event.id, pending);
        Ok(())
    }

    fn ended(&self, id: u64, end: End, patched: bool) {
        // The defect: a handler that was dropped half-way never came to this line. The fix puts
        // it into the destructor of a guard, which always runs.
        if end == End::Answered || patched {
            self.settle(id);
        }
        let answer = lock(&self.handlers).remove(&id);
        drop(answer);
    }

    fn count(&self) -> usize {
        lock(&self.pending).len()
    }

    fn clear(&self) -> usize {
        let pending = std::mem::take(&mut *lock(&self.pending));
        drop(std::mem::take(&mut *lock(&self.handlers)));
        pending.len()
    }
}
