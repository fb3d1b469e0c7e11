//! Tasks that never end: every request spawns one that follows a feed, and nobody ends it.
//!
//! A handler that streams quotes starts a task which keeps its subscriber up to date. The author
//! expected the task to end with the request. But to drop a `JoinHandle` is to let its task go
//! on, and this one ends with the feed, which is as old as the process.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::ending::wait_until;
use crate::pattern::{End, Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "tasks",
    role: Role::Leak,
    description: "Tasks that never end: each request spawns one that follows a feed for ever",
    page: include_str!("tasks.md"),
    takes: &[Resource::Heap, Resource::Tasks],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'@',
    new: || Box::<Tasks>::default(),
};

/// Time that a clear waits for the tasks to see that the feed is over.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Tasks {
    /// Opened by the first request that follows it.
    feed: Mutex<Option<watch::Sender<Quote>>>,
    /// The fixed handlers' tasks, by the request whose end ends them.
    running: Mutex<HashMap<u64, AbortHandle>>,
}

/// What the feed publishes.
#[derive(Clone, Copy, Default)]
struct Quote {
    revision: u64,
    is_last: bool,
}

/// What handler and task share.
#[derive(Default)]
struct Subscriber {
    seen_revision: AtomicU64,
    /// What the subscriber has on the screen; the handler loads it while the task starts.
    screen: OnceLock<Vec<Box<[u8]>>>,
}

impl Subscriber {
    fn show(&self, quote: Quote) {
        if self.screen.get().is_some_and(|screen| !screen.is_empty()) {
            self.seen_revision.store(quote.revision, Ordering::Relaxed);
        }
    }
}

/// Keeps a subscriber up to date for as long as there is a feed.
async fn follow(mut feed: watch::Receiver<Quote>, subscriber: Arc<Subscriber>) {
    while feed.changed().await.is_ok() {
        let quote = *feed.borrow_and_update();
        if quote.is_last {
            return;
        }
        subscriber.show(quote);
    }
}

impl Tasks {
    fn subscribe(&self) -> watch::Receiver<Quote> {
        lock(&self.feed).get_or_insert_with(|| watch::Sender::new(Quote::default())).subscribe()
    }

    /// Starts the task of one subscriber, and loads what it shows meanwhile.
    fn start(&self, budget: &Budget) -> io::Result<AbortHandle> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let subscriber = Arc::<Subscriber>::default();
        let task = runtime.spawn(follow(self.subscribe(), Arc::clone(&subscriber)));
        // What the task itself takes is known by now; the screen makes up the rest.
        let chunks = budget.chunks(0);
        subscriber.screen.get_or_init(|| {
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect()
        });
        Ok(task.abort_handle())
    }
}

impl Pattern for Tasks {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        // The defect: nobody keeps what could end the task.
        drop(self.start(budget)?);
        Ok(())
    }

    fn touch_patched(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let task = self.start(budget)?;
        lock(&self.running).insert(event.id, task);
        Ok(())
    }

    fn ended(&self, id: u64, _end: End, _patched: bool) {
        let task = lock(&self.running).remove(&id);
        if let Some(task) = task {
            task.abort();
        }
    }

    fn count(&self) -> usize {
        lock(&self.feed).as_ref().map_or(0, watch::Sender::receiver_count)
    }

    fn outside(&self) -> Outside {
        Outside { tasks: self.count() as u64, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        drop(std::mem::take(&mut *lock(&self.running)));
        let Some(feed) = lock(&self.feed).take() else { return 0 };
        let count = feed.receiver_count();
        feed.send_modify(|quote| quote.is_last = true);
        wait_until(PATIENCE, || feed.receiver_count() == 0);
        count
    }

    fn settings_changed(&self) {
        if let Some(feed) = &*lock(&self.feed) {
            feed.send_modify(|quote| quote.revision += 1);
        }
    }
}
