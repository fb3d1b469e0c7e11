//! The catalogue's rules, tried on a pattern that only takes notes.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::*;
use crate::controls::Change;
use crate::endpoint::Endpoint;
use crate::pattern::{End, Pattern, Role, Tick};
use crate::payload::Budget;
use crate::resource::Resource;

static FACTS: Facts = Facts {
    name: "notes",
    role: Role::Leak,
    description: "Takes notes",
    page: "",
    takes: &[Resource::Descriptors, Resource::OutsideMemory],
    per_event: Some(Outside { descriptors: 1, ..Outside::NOTHING }),
    parameters: &[],
    unclearable: Some("they are written in ink"),
    contract: None,
    fill: 1,
    new: || Box::<Notes>::default(),
};

/// What the pattern was told; static, because the catalogue owns the pattern.
static TOLD: Told = Told::new();

struct Told {
    answered: AtomicU64,
    aborted: AtomicU64,
    patched: AtomicU64,
    ticks: AtomicU64,
    failing: AtomicBool,
}

impl Told {
    const fn new() -> Self {
        Self {
            answered: AtomicU64::new(0),
            aborted: AtomicU64::new(0),
            patched: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }
    }
}

#[derive(Default)]
struct Notes {
    count: AtomicUsize,
}

fn one_more(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Pattern for Notes {
    fn touch(&self, _event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        if TOLD.failing.load(Ordering::Relaxed) {
            return Err(io::Error::other("no paper"));
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn touch_patched(&self, _event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        one_more(&TOLD.patched);
        Ok(())
    }

    fn ended(&self, _id: u64, end: End, _patched: bool) {
        one_more(if end == End::Answered { &TOLD.answered } else { &TOLD.aborted });
    }

    fn tick(&self, tick: &Tick<'_>) {
        assert!(!tick.enabled || tick.fraction > 0.99, "it begins at once, in full");
        one_more(&TOLD.ticks);
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn outside(&self) -> Outside {
        let count = self.count() as u64;
        Outside { descriptors: count, bytes: 1000 * count, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        self.count.swap(0, Ordering::Relaxed)
    }
}

/// One test, because the notes are shared.
#[test]
fn a_pattern_is_told_ends_and_time_and_stops_at_what_it_takes() {
    let mut limits = Limits::read(Some(1 << 20));
    let most = limits.most(Resource::Descriptors).unwrap();
    let catalogue = Arc::new(Catalogue::of([&FACTS].into_iter(), 1024, limits).unwrap());
    let notes = catalogue.find("notes").unwrap();
    assert_eq!(notes.clear().unwrap().count, 0, "nothing held is cleared already");
    let set = |change: Change| notes.apply(&change).unwrap();
    set(Change::ON);

    begin(&catalogue).answered();
    begin(&catalogue).answered();
    drop(begin(&catalogue));
    assert_eq!((read(&TOLD.answered), read(&TOLD.aborted)), (2, 1));
    assert_eq!((notes.count(), notes.touched(), notes.held_bytes()), (3, 3, 3000));
    let refused = notes.clear().unwrap_err();
    assert_eq!(refused.to_string(), "notes cannot be cleared: they are written in ink");
    assert!(catalogue.clear_all()[0].1.is_err());

    set(Change { patched: Some(true), ..Change::default() });
    begin(&catalogue).answered();
    assert_eq!((read(&TOLD.patched), notes.count()), (1, 3), "what has leaked stays");
    set(Change { patched: Some(false), ..Change::default() });

    TOLD.failing.store(true, Ordering::Relaxed);
    assert_eq!(begin(&catalogue).touched().count(), 0);
    assert_eq!((notes.failed(), notes.touched()), (1, 4));
    TOLD.failing.store(false, Ordering::Relaxed);
    catalogue.tick(Instant::now());
    assert_eq!(read(&TOLD.ticks), 1);

    // Both limits count what is held outside of the program's allocator.
    limits.max_held_bytes = Some(4 << 10);
    for (limits, expected) in [(Limits::read(None), most as usize), (limits, 4)] {
        let catalogue = Arc::new(Catalogue::of([&FACTS].into_iter(), 1024, limits).unwrap());
        let notes = catalogue.find("notes").unwrap();
        notes.apply(&Change::ON).unwrap();
        (0..most.min(100_000) + 100).for_each(|_| begin(&catalogue).answered());
        assert_eq!(notes.count(), expected.min(100_100));
        assert_eq!(notes.is_capped(), expected < 100_100);
    }
}

fn begin(catalogue: &Arc<Catalogue>) -> Visit {
    let (parts, ()) = Request::new(()).into_parts();
    let (id, received) = (catalogue.next_id(), SystemTime::now());
    catalogue.begin(&Event { id, received, parts: &parts, endpoint: Some(Endpoint::Data) })
}
