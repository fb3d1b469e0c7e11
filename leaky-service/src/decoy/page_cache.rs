//! The mapped file: requests read a file through memory that the kernel lends and can take back
//! at any time. Resident memory rises with every page that is read for the first time.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "page_cache",
    role: Role::Decoy,
    description: "Mapped file: pages of a file that the kernel can take back at any time",
    page: include_str!("page_cache.md"),
    takes: &[Resource::FileMemory],
    per_event: Some(Outside::NOTHING),
    parameters: &[SIZE],
    unclearable: None,
    contract: None,
    fill: b'M',
    new: || Box::<PageCache>::default(),
};

const SIZE: Parameter = Parameter {
    name: "size",
    description: "how large the file is; takes effect when it is next opened, after a clear",
    unit: Unit::Bytes,
    range: 1 << 20..=1 << 30,
    default: 64 << 20,
};

/// Where the file lies, if it can: on a disk by custom, while the temporary directory may itself
/// be memory.
const DIRECTORY: &str = "/var/tmp";

#[derive(Default)]
struct PageCache {
    reader: Mutex<Reader>,
}

#[derive(Default)]
struct Reader {
    /// Opened by the first request.
    file: Option<Arc<MappedFile>>,
    size: u64,
    /// Bytes of the file that requests have asked for so far, as if it had no end.
    asked_bytes: u64,
    /// Requests that read what nobody had read before.
    records: usize,
}

/// A file that nobody else can find, mapped from its beginning to its end.
struct MappedFile {
    address: NonNull<u8>,
    length: usize,
}

#[expect(unsafe_code, reason = "the mapping is named by an address")]
// SAFETY: the mapping is only read, and unmapped when nobody has it any more.
unsafe impl Send for MappedFile {}
#[expect(unsafe_code, reason = "the mapping is named by an address")]
// SAFETY: as for `Send`.
unsafe impl Sync for MappedFile {}

impl MappedFile {
    /// Makes and maps a file of zeros: a hole, which takes no disk, but is read page by page.
    fn open(length: u64) -> io::Result<Self> {
        let file =
            nameless_file(Path::new(DIRECTORY)).or_else(|_| nameless_file(&env::temp_dir()))?;
        file.set_len(length)?;
        Self::map(&file, length as usize)
    }

    #[expect(unsafe_code, reason = "mapping memory is an unsafe system call")]
    fn map(file: &File, length: usize) -> io::Result<Self> {
        let (anywhere, protection, shared) = (ptr::null_mut(), ProtFlags::READ, MapFlags::SHARED);
        // SAFETY: the kernel chooses an address where nothing is, and nobody else can change
        // or shorten a file without a name.
        let mapped = unsafe { mmap(anywhere, length, protection, shared, file, 0)? };
        let address = NonNull::new(mapped.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let file = Self { address, length };
        // SAFETY: not to read ahead is advice about the whole mapping, and changes no contents.
        unsafe { madvise(mapped, length, Advice::Random)? };
        Ok(file)
    }

    /// Reads a byte of each page of a record that begins at `from`, and at the beginning of the
    /// file again after its end; their sum.
    #[expect(unsafe_code, reason = "reads through the address of the mapping")]
    fn read(&self, from: u64, bytes: u64) -> u64 {
        let page_bytes = procfs::page_size();
        let pages = from / page_bytes..(from + bytes).div_ceil(page_bytes);
        let byte_of = |page: u64| {
            let offset = (page * page_bytes) as usize % self.length;
            // SAFETY: the offset lies within the mapping, which lives as long as `self`.
            u64::from(unsafe { self.address.add(offset).read_volatile() })
        };
        pages.map(byte_of).sum()
    }
}

impl Drop for MappedFile {
    #[expect(unsafe_code, reason = "unmapping memory is an unsafe system call")]
    fn drop(&mut self) {
        // SAFETY: nobody has the address any more. A failure leaves it mapped, which is safe.
        let _ = unsafe { munmap(self.address.as_ptr().cast(), self.length) };
    }
}

/// A new file without a name, so that nothing is left of it whatever happens to this process.
fn nameless_file(directory: &Path) -> io::Result<File> {
    static FILES: AtomicU64 = AtomicU64::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let path: PathBuf = directory.join(format!("leaky-service-{}-{number}", process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

impl Reader {
    fn resident_bytes(&self) -> u64 {
        let length = self.file.as_ref().map_or(0, |file| file.length as u64);
        self.asked_bytes.next_multiple_of(procfs::page_size()).min(length)
    }
}

impl Pattern for PageCache {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let mut reader = lock(&self.reader);
        let file = match &reader.file {
            Some(file) => Arc::clone(file),
            None => Arc::new(MappedFile::open(reader.size)?),
        };
        reader.file = Some(Arc::clone(&file));
        let from = reader.asked_bytes;
        reader.asked_bytes += budget.bytes() as u64;
        reader.records += usize::from(from < file.length as u64);
        drop(reader);
        file.read(from, budget.bytes() as u64);
        Ok(())
    }

    /// Records of the file that are mapped in.
    fn count(&self) -> usize {
        lock(&self.reader).records
    }

    fn outside(&self) -> Outside {
        Outside { bytes: lock(&self.reader).resident_bytes(), ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let mut reader = lock(&self.reader);
        reader.asked_bytes = 0;
        let (file, records) = (reader.file.take(), std::mem::take(&mut reader.records));
        drop(reader);
        drop(file);
        records
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == SIZE.name {
            lock(&self.reader).size = value;
        }
    }
}
