//! Files that stay open: a log is opened for every request, and closed "later".
//!
//! Each request appends a line to the audit log. The author did not want to lose a line to a
//! failed close, so handles are put aside, to be flushed and closed together at shutdown. A
//! server does not shut down: descriptors run out first, and then nothing can be opened any more,
//! nor any connection accepted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Mutex;

use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "files",
    role: Role::Leak,
    description: "Open files: one descriptor per request, never closed; memory hardly moves",
    page: include_str!("files.md"),
    takes: &[Resource::Descriptors],
    per_event: Some(Outside { descriptors: 1, ..Outside::NOTHING }),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'1',
    new: || Box::<Files>::default(),
};

/// Stands in for the log: an open descriptor like any other, and nothing piles up on a disk.
const AUDIT_LOG: &str = "/dev/null";

#[derive(Default)]
struct Files {
    /// To be closed at shutdown.
    to_close: Mutex<Vec<File>>,
}

/// Appends the request's line to the log, and hands back the log, open.
fn audit(event: &Event<'_>) -> io::Result<File> {
    let mut log = OpenOptions::new().append(true).open(AUDIT_LOG)?;
    writeln!(log, "{} {} {}", event.id, event.parts.method, event.parts.uri.path())?;
    Ok(log)
}

impl Pattern for Files {
    fn touch(&self, event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        let log = audit(event)?;
        // The defect: as long as it is in this list, it is open.
        lock(&self.to_close).push(log);
        Ok(())
    }

    fn touch_patched(&self, event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        // Dropping the handle closes it, whatever happened before.
        audit(event).map(drop)
    }

    fn count(&self) -> usize {
        lock(&self.to_close).len()
    }

    fn outside(&self) -> Outside {
        Outside { descriptors: self.count() as u64, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let files = std::mem::take(&mut *lock(&self.to_close));
        files.len()
    }
}
