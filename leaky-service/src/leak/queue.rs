//! The unbounded queue: a channel without a limit in front of a consumer that is too slow.
//!
//! Each request hands an audit record to a shipper that sends records to an archive, one at a
//! time. The archive is down; every record waits there for its time limit. The channel takes
//! whatever the shipper does not: nobody is ever told to wait, or that it is full.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "queue",
    role: Role::Leak,
    description: "Unbounded queue: records arrive with requests, and a slow consumer takes few",
    page: include_str!("queue.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[CONSUMER_TIME],
    unclearable: None,
    contract: None,
    fill: b'q',
    new: || Box::<Queue>::default(),
};

const CONSUMER_TIME: Parameter = Parameter {
    name: "consumer_time",
    description: "time the consumer takes for each record",
    unit: Unit::Milliseconds,
    range: 1..=24 * 60 * 60 * 1000,
    default: 60_000,
};

/// A record's share of the channel: tokio's channels consist of blocks of 32 places, of 8 bytes
/// for each pointer, with 32 bytes about the block; with the header a block takes 320 bytes.
const CHANNEL_SHARE_BYTES: usize = 10;

/// Records that wait in the fixed channel at most.
const FIXED_MAX_RECORDS: usize = 100;

#[derive(Default)]
struct Queue {
    channel: Mutex<Option<Channel>>,
    fixed: Mutex<Option<FixedChannel>>,
    consumer_time_ms: AtomicU64,
    consumer: Mutex<Consumer>,
}

/// The consumer works by the service's clock: what it takes is known then.
#[derive(Default)]
struct Consumer {
    /// When it took the record that it is busy with; `None` if it waits for one.
    taken_at: Option<Instant>,
    /// Until when all it could do has been done.
    seen_at: Option<Instant>,
}

/// Both ends of a channel; opened by the first record, so that an empty queue holds nothing.
struct Channel {
    sender: mpsc::UnboundedSender<Box<Record>>,
    receiver: mpsc::UnboundedReceiver<Box<Record>>,
}

struct FixedChannel {
    sender: mpsc::Sender<Box<Record>>,
    receiver: mpsc::Receiver<Box<Record>>,
}

/// What the archive is to know of a request.
#[expect(dead_code, reason = "the archive, which would read it, does not answer")]
struct Record {
    request_id: u64,
    chunks: Vec<Box<[u8]>>,
}

impl Channel {
    fn open() -> Self {
        // The defect: a limit would have made somebody think of what happens at the limit.
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver }
    }
}

impl FixedChannel {
    fn open() -> Self {
        let (sender, receiver) = mpsc::channel(FIXED_MAX_RECORDS);
        Self { sender, receiver }
    }
}

impl Record {
    fn of(event: &Event<'_>, budget: &Budget) -> Self {
        let chunks = budget.chunks(handed_out_bytes(size_of::<Self>()) + CHANNEL_SHARE_BYTES);
        let chunks =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { request_id: event.id, chunks }
    }
}

impl Consumer {
    /// When it had time for a record, if it takes so long for each and has had time by now. How
    /// long it takes may have changed meanwhile, but not what it did before.
    fn free_at(&self, now: Instant, consumer_time: Duration) -> Option<Instant> {
        let done_at = self.taken_at.map_or(now, |taken_at| taken_at + consumer_time);
        let free_at = self.seen_at.map_or(done_at, |seen_at| done_at.max(seen_at));
        (free_at <= now).then_some(free_at)
    }
}

impl Pattern for Queue {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let record = Box::new(Record::of(event, budget));
        let mut channel = lock(&self.channel);
        let sender = &channel.get_or_insert_with(Channel::open).sender;
        sender.send(record).map_err(|_| closed())
    }

    fn touch_patched(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let record = Box::new(Record::of(event, budget));
        let mut channel = lock(&self.fixed);
        let sender = &channel.get_or_insert_with(FixedChannel::open).sender;
        match sender.try_send(record) {
            // A record that finds no room is dropped: rather an archive with gaps than no service.
            Ok(()) | Err(TrySendError::Full(_)) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(closed()),
        }
    }

    fn tick(&self, tick: &Tick) {
        let consumer_time = Duration::from_millis(self.consumer_time_ms.load(Ordering::Relaxed));
        let mut consumer = lock(&self.consumer);
        while let Some(free_at) = consumer.free_at(tick.now, consumer_time) {
            let record = self.next_record();
            consumer.taken_at = record.is_some().then_some(free_at);
            if record.is_none() {
                break;
            }
            drop(record); // the archive has it, or never will
        }
        consumer.seen_at = Some(tick.now);
    }

    fn count(&self) -> usize {
        let waiting = lock(&self.channel).as_ref().map_or(0, |channel| channel.receiver.len());
        waiting + lock(&self.fixed).as_ref().map_or(0, |channel| channel.receiver.len())
    }

    fn clear(&self) -> usize {
        let (channel, fixed) = (lock(&self.channel).take(), lock(&self.fixed).take());
        let waiting = channel.as_ref().map_or(0, |channel| channel.receiver.len());
        waiting + fixed.as_ref().map_or(0, |channel| channel.receiver.len())
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == CONSUMER_TIME.name {
            self.consumer_time_ms.store(value, Ordering::Relaxed);
        }
    }
}

impl Queue {
    fn next_record(&self) -> Option<Box<Record>> {
        let oldest = lock(&self.channel).as_mut().and_then(|open| open.receiver.try_recv().ok());
        let fixed = || lock(&self.fixed).as_mut().and_then(|open| open.receiver.try_recv().ok());
        oldest.or_else(fixed)
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the queue is closed")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use axum::http::Request;

    use super::*;
    use crate::pattern::alone;

    fn filled(records: u64) -> Queue {
        let queue = Queue::default();
        queue.set(CONSUMER_TIME.name, 1000);
        send(&queue, records);
        queue
    }

    fn send(queue: &Queue, records: u64) {
        let (parts, ()) = Request::new(()).into_parts();
        for id in 1..=records {
            let event = Event { id, received: SystemTime::now(), parts: &parts, endpoint: None };
            queue.touch(&event, &Budget::begin(1024)).unwrap();
        }
    }

    fn tick(queue: &Queue, now: Instant) {
        alone::tick(now, |tick| queue.tick(tick));
    }

    #[test]
    fn the_consumer_takes_a_record_each_time_it_is_free() {
        let (queue, began) = (filled(10), Instant::now());
        for (after_ms, left) in [(0, 9), (999, 9), (1000, 8), (1001, 8), (4100, 5), (60_000, 0)] {
            tick(&queue, began + Duration::from_millis(after_ms));
            assert_eq!(queue.count(), left, "after {after_ms} ms");
        }
    }

    #[test]
    fn an_idle_consumer_saves_up_no_time() {
        let (queue, began) = (filled(1), Instant::now());
        tick(&queue, began);
        tick(&queue, began + Duration::from_mins(1));
        send(&queue, 10);
        tick(&queue, began + Duration::from_mins(1));
        assert_eq!(queue.count(), 9);
    }

    #[test]
    fn a_faster_consumer_is_faster_from_then_on() {
        let (queue, began) = (filled(100), Instant::now());
        queue.set(CONSUMER_TIME.name, 1000 * 60 * 60);
        tick(&queue, began);
        tick(&queue, began + Duration::from_mins(1));
        queue.set(CONSUMER_TIME.name, 1000);
        assert_eq!(queue.count(), 99);
        tick(&queue, began + Duration::from_secs(63));
        assert_eq!(queue.count(), 95, "at 60, 61, 62 and 63 seconds");
    }
}
