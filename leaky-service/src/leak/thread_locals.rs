//! Thread-local buffer pools: taken on one thread, given back on another.
//!
//! Each thread keeps spare buffers for itself, so that no lock is needed. A handler takes one
//! from its thread's pool, fills it, and leaves the writing to a thread that does nothing else.
//! The writer gives the buffer back: to its own pool, from which nobody ever takes. The handlers'
//! pools stay empty, so each request allocates, and the writer's pool grows for ever.

use std::cell::RefCell;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "thread_locals",
    role: Role::Leak,
    description: "Thread-local pools: buffers taken on one thread and given back on another",
    page: include_str!("thread_locals.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'+',
    new: || Box::<ThreadLocals>::default(),
};

thread_local! {
    /// Spare buffers of this thread, those given back last first.
    static SPARE: RefCell<Pool> = const { RefCell::new(Pool { first: None }) };
}

/// Buffers in a chain, so that a pool needs no memory of its own.
struct Pool {
    first: Option<Box<Buffer>>,
}

struct Buffer {
    bytes: Vec<Box<[u8]>>,
    next: Option<Box<Self>>,
}

/// A buffer to write, and what becomes of it then.
struct Job {
    buffer: Box<Buffer>,
    give_back: bool,
}

struct Writer {
    /// Has no bound of its own: what waits in it is charged to the leak, and counts for the cap.
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
    /// Buffers that it was told to give back.
    given_back: usize,
}

/// The writer is started by the first buffer there is to write.
#[derive(Default)]
struct ThreadLocals {
    writer: Mutex<Option<Writer>>,
}

impl Pool {
    fn take(&mut self) -> Option<Box<Buffer>> {
        let mut first = self.first.take()?;
        self.first = first.next.take();
        Some(first)
    }

    fn give_back(&mut self, mut buffer: Box<Buffer>) {
        buffer.next = self.first.take();
        self.first = Some(buffer);
    }
}

impl Drop for Pool {
    /// One by one: a chain that drops its rest in turn would overflow the stack.
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}

impl Buffer {
    fn filled(budget: &Budget) -> Self {
        let chunks = budget.chunks(handed_out_bytes(size_of::<Self>()));
        let bytes =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { bytes, next: None }
    }
}

/// The writer's life; its pool lives as long.
fn write_all(jobs: Receiver<Job>) {
    for Job { buffer, give_back } in jobs {
        let written: usize = buffer.bytes.iter().map(|part| part.len()).sum();
        if give_back && written > 0 {
            // The defect: this is the writer's pool, and the writer never takes.
            SPARE.with_borrow_mut(|pool| pool.give_back(buffer));
        }
    }
}

impl Writer {
    fn start() -> io::Result<Self> {
        let (jobs, received) = channel();
        let thread = Builder::new().name("writer".to_owned()).spawn(|| write_all(received))?;
        Ok(Self { jobs, thread, given_back: 0 })
    }
}

impl ThreadLocals {
    fn write(&self, job: Job) -> io::Result<()> {
        let mut writer = lock(&self.writer);
        let writer = match &mut *writer {
            Some(writer) => writer,
            none => none.insert(Writer::start()?),
        };
        let given_back = usize::from(job.give_back);
        writer.jobs.send(job).map_err(|_| io::Error::other("the writer has ended"))?;
        writer.given_back += given_back;
        Ok(())
    }
}

impl Pattern for ThreadLocals {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let spare = SPARE.with_borrow_mut(Pool::take);
        let buffer = spare.unwrap_or_else(|| Box::new(Buffer::filled(budget)));
        self.write(Job { buffer, give_back: true })
    }

    fn touch_patched(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        // No pool: the allocator has caches for each thread already, and bounds them.
        self.write(Job { buffer: Box::new(Buffer::filled(budget)), give_back: false })
    }

    fn count(&self) -> usize {
        lock(&self.writer).as_ref().map_or(0, |writer| writer.given_back)
    }

    /// What a thread keeps for itself is out of everybody else's reach: the writer has to end.
    /// The next request starts another.
    fn clear(&self) -> usize {
        let Some(Writer { jobs, thread, given_back }) = lock(&self.writer).take() else { return 0 };
        drop(jobs);
        // A writer that panicked has dropped its pool as well.
        let _ = thread.join();
        given_back
    }
}
