//! Children that nobody waits for: a program is run for each request, and its end goes unheard.
//!
//! The handler runs a hook and does not care how it ended. But the kernel keeps a process that has
//! ended until its parent asks for its exit status: a zombie, which takes a process id and an
//! entry in the process table, and no memory of ours.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;

use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "children",
    role: Role::Leak,
    description: "Children that nobody waits for: a zombie process per request, and no memory",
    page: include_str!("children.md"),
    takes: &[Resource::Processes],
    per_event: Some(Outside { processes: 1, ..Outside::NOTHING }),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'4',
    new: || Box::<Children>::default(),
};

/// A program that ends at once, and that every system has.
const HOOK: &str = "true";

#[derive(Default)]
struct Children {
    /// A program with this defect has no such list; here it lets `clear` wait for the children.
    forgotten: Mutex<Vec<Child>>,
}

fn run_hook() -> io::Result<Child> {
    Command::new(HOOK).spawn()
}

/// Ends a child, should it still run, and takes it off the process table.
fn reap(mut child: Child) -> io::Result<ExitStatus> {
    // One that has ended already cannot be ended again.
    let _ = child.kill();
    child.wait()
}

impl Pattern for Children {
    fn touch(&self, _event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        let child = run_hook()?;
        // The defect: nobody waits for it. Dropping a `Child` would not either.
        lock(&self.forgotten).push(child);
        Ok(())
    }

    fn touch_patched(&self, _event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        run_hook()?.wait().map(drop)
    }

    fn count(&self) -> usize {
        lock(&self.forgotten).len()
    }

    fn outside(&self) -> Outside {
        Outside { processes: self.count() as u64, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let children = std::mem::take(&mut *lock(&self.forgotten));
        // One that cannot be waited for is no child any more.
        children.into_iter().map(reap).count()
    }
}
