//! Forgotten memory: leaked on purpose, by a call that was meant to happen once.
//!
//! A library wants its templates for ever (`&'static`), and `Box::leak` is the honest way to make
//! something last for ever. At start-up that is no leak. The author moved the call into the
//! handler. Nobody owns what it leaks, so nobody can give it back.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "forgotten",
    role: Role::Leak,
    description: "Forgotten memory: Box::leak on every request; only a restart gives it back",
    page: include_str!("forgotten.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: Some("what Box::leak has leaked has no owner that could drop it"),
    contract: None,
    fill: b'f',
    new: || Box::<Forgotten>::default(),
};

#[derive(Default)]
struct Forgotten {
    leaked: AtomicUsize,
    /// The template of the fixed handler, read once and shared.
    shared: Mutex<Option<Arc<Template>>>,
}

struct Template {
    chunks: Vec<Box<[u8]>>,
}

impl Template {
    fn read(budget: &Budget) -> Self {
        let chunks = budget.chunks(handed_out_bytes(size_of::<Self>()));
        let chunks =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { chunks }
    }

    fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }
}

/// A library that wants its template for ever.
fn render(template: &'static Template) -> usize {
    template.bytes()
}

/// The same library, content with a share.
fn render_shared(template: &Arc<Template>) -> usize {
    template.bytes()
}

fn checked(rendered: usize) -> io::Result<()> {
    if rendered > 0 { Ok(()) } else { Err(io::Error::other("the template is empty")) }
}

impl Pattern for Forgotten {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        // The defect: this was right at start-up, and is wrong in a handler.
        let template: &'static Template = Box::leak(Box::new(Template::read(budget)));
        self.leaked.fetch_add(1, Ordering::Relaxed);
        checked(render(template))
    }

    fn touch_patched(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let mut shared = lock(&self.shared);
        let template = shared.get_or_insert_with(|| Arc::new(Template::read(budget)));
        let template = Arc::clone(template);
        checked(render_shared(&template))
    }

    fn count(&self) -> usize {
        self.leaked.load(Ordering::Relaxed) + usize::from(lock(&self.shared).is_some())
    }

    fn clear(&self) -> usize {
        let shared = lock(&self.shared).take();
        usize::from(shared.is_some())
    }
}
