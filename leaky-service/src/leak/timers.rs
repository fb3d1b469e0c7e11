//! Timers set far too far ahead: a watchdog for every request, that nobody calls off.
//!
//! Each handler starts a timer that reports the request if it hangs. The setting is in
//! milliseconds, and somebody read it as seconds: half a minute became eight hours and twenty
//! minutes. As the watchdog is not called off when the request ends either, all that it would
//! report is kept for that long.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::ending::wait_until;
use crate::pattern::{End, Event, Facts, Parameter, Pattern, Role, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "timers",
    role: Role::Leak,
    description: "Far-future timers: a watchdog per request, due in hours, that nobody calls off",
    page: include_str!("timers.md"),
    takes: &[Resource::Heap, Resource::Tasks],
    per_event: Some(Outside::NOTHING),
    parameters: &[REQUEST_TIMEOUT],
    unclearable: None,
    contract: None,
    fill: b'#',
    new: || Box::<Timers>::default(),
};

const REQUEST_TIMEOUT: Parameter = Parameter {
    name: "request_timeout",
    description: "how long a request was meant to take at most; watchdogs wait a thousand times that",
    unit: Unit::Milliseconds,
    range: 1..=300_000,
    default: 30_000,
};

/// Time that a clear waits for the watchdogs to see that the service closes.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Timers {
    timeout_setting: AtomicU64,
    /// Tells all watchdogs to go; opened by the first of them.
    closing: Mutex<Option<watch::Sender<bool>>>,
    /// The fixed handlers' watchdogs, by the request whose end calls them off.
    running: Mutex<HashMap<u64, AbortHandle>>,
}

/// What a watchdog would report.
#[derive(Default)]
struct Watched {
    details: OnceLock<Vec<Box<[u8]>>>,
}

impl Watched {
    fn report(&self) {
        let bytes: usize = self.details.get().into_iter().flatten().map(|part| part.len()).sum();
        crate::say(format_args!("a request of {bytes} bytes seems to hang"));
    }
}

/// Reports a request after the timeout, unless the service closes first.
async fn watch_over(watched: Arc<Watched>, timeout: Duration, mut closing: watch::Receiver<bool>) {
    tokio::select! {
        () = sleep(timeout) => watched.report(),
        _ = closing.wait_for(|closing| *closing) => {}
    }
}

impl Timers {
    /// Starts the watchdog of one request, and collects what it would report.
    fn start(&self, timeout: Duration, budget: &Budget) -> io::Result<AbortHandle> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let closing =
            lock(&self.closing).get_or_insert_with(|| watch::Sender::new(false)).subscribe();
        let watched = Arc::<Watched>::default();
        let watchdog = runtime.spawn(watch_over(Arc::clone(&watched), timeout, closing));
        // What the watchdog itself takes is known by now; the details make up the rest.
        let chunks = budget.chunks(0);
        watched.details.get_or_init(|| {
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect()
        });
        Ok(watchdog.abort_handle())
    }

    fn timeout_setting(&self) -> u64 {
        self.timeout_setting.load(Ordering::Relaxed)
    }
}

impl Pattern for Timers {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        // The defect: the setting is in milliseconds. And nobody calls the watchdog off.
        let timeout = Duration::from_secs(self.timeout_setting());
        drop(self.start(timeout, budget)?);
        Ok(())
    }

    fn touch_patched(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let timeout = Duration::from_millis(self.timeout_setting());
        let watchdog = self.start(timeout, budget)?;
        lock(&self.running).insert(event.id, watchdog);
        Ok(())
    }

    fn ended(&self, id: u64, _end: End, _patched: bool) {
        let watchdog = lock(&self.running).remove(&id);
        if let Some(watchdog) = watchdog {
            watchdog.abort();
        }
    }

    fn count(&self) -> usize {
        lock(&self.closing).as_ref().map_or(0, watch::Sender::receiver_count)
    }

    fn outside(&self) -> Outside {
        Outside { tasks: self.count() as u64, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        drop(std::mem::take(&mut *lock(&self.running)));
        let Some(closing) = lock(&self.closing).take() else { return 0 };
        let count = closing.receiver_count();
        closing.send_replace(true);
        wait_until(PATIENCE, || closing.receiver_count() == 0);
        count
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == REQUEST_TIMEOUT.name {
            self.timeout_setting.store(value, Ordering::Relaxed);
        }
    }
}
