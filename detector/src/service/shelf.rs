//! The database as all threads share it, and what is done while it cannot be used.
//!
//! Trouble that may pass (locked, full, no access) is waited out: what is not written waits in
//! memory, and nobody is told of it. It counts as over when something could be written, because a
//! full disk can still be read. A file that is damaged or not ours is left alone; from then on a
//! database in memory takes its place, which is gone with the process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::store::{Store, StoreError};
use super::voice::narrate;
use crate::cli::chain;

/// How the database is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// `ok`, or the kind of trouble.
    pub state: &'static str,
    /// Whether incidents are kept in memory only, and lost with the process.
    pub in_memory: bool,
    /// What is wrong, and what to do.
    pub trouble: Option<String>,
}

/// The database; clones are the same one.
#[derive(Clone, Debug)]
pub struct Shelf(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    store: Option<Store>,
    health: Health,
}

impl Shelf {
    /// Opens the file, as far as that can be done now.
    pub fn open(path: PathBuf) -> Self {
        let health = Health { state: "ok", in_memory: false, trouble: None };
        let shelf = Self(Arc::new(Mutex::new(Inner { path, store: None, health })));
        // What is wrong stands in its health.
        let _ = shelf.with(|_| Ok(()));
        shelf
    }

    /// How the database is.
    pub fn health(&self) -> Health {
        self.lock().health.clone()
    }

    /// Works on the database. Trouble is noted, and the work done over where a database in memory
    /// takes the file's place.
    pub fn with<T>(
        &self,
        mut work: impl FnMut(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut inner = self.lock();
        let done = inner.attempt(&mut work);
        match done {
            Err(error) if error.is_lasting() && !inner.health.in_memory => {
                inner.go_on_in_memory(&error)?;
                inner.attempt(&mut work)
            }
            done => done,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn attempt<T>(
        &mut self,
        work: &mut impl FnMut(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let before = self.store.as_ref().map(Store::changes);
        let done = match &mut self.store {
            Some(store) => work(store),
            None => Store::open(&self.path).and_then(|store| work(self.store.insert(store))),
        };
        let proved = self.store.as_ref().map(Store::changes) != before;
        match &done {
            Ok(_) if proved && self.health.state != "ok" && !self.health.in_memory => {
                narrate!("the database {} is well again", self.path.display());
                self.health = Health { state: "ok", in_memory: false, trouble: None };
            }
            Err(error) if !self.health.in_memory => self.note(error),
            _ => {}
        }
        done
    }

    fn note(&mut self, error: &StoreError) {
        let trouble = format!("{}: {}", self.path.display(), chain(error));
        if self.health.trouble.as_ref() != Some(&trouble) {
            narrate!("{trouble}");
        }
        self.health = Health { state: error.name(), in_memory: false, trouble: Some(trouble) };
    }

    fn go_on_in_memory(&mut self, error: &StoreError) -> Result<(), StoreError> {
        let open = self.store.as_ref().and_then(|store| store.open_incidents().ok());
        let mut store = Store::in_memory()?;
        for incident in open.unwrap_or_default() {
            store.adopt(&incident)?;
        }
        narrate!("incidents are kept in memory only, and lost when this process ends");
        self.store = Some(store);
        self.note(error);
        self.health.in_memory = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::store::Wanted;

    #[test]
    fn a_damaged_file_is_left_alone_and_the_work_goes_on_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("detector.db");
        std::fs::write(&path, [7; 8192]).expect("written");
        let shelf = Shelf::open(path.clone());
        let health = shelf.health();
        assert_eq!((health.state, health.in_memory), ("corrupt", true));
        assert!(shelf.with(|store| store.incidents(&Wanted::default())).is_ok());
        assert_eq!(shelf.health().state, "corrupt");
        assert_eq!(std::fs::read(path).expect("read"), [7; 8192]);
    }

    #[test]
    fn what_could_not_be_opened_is_opened_once_it_can_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("later/detector.db");
        let shelf = Shelf::open(path.clone());
        assert_eq!(shelf.health().state, "no_access");
        std::fs::create_dir(folder.path().join("later")).expect("made");
        assert!(shelf.with(|store| store.open_incidents()).is_ok());
        assert_eq!(shelf.health(), Health { state: "ok", in_memory: false, trouble: None });
    }

    #[test]
    fn what_can_be_read_and_not_written_is_not_well() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("detector.db");
        let shelf = Shelf::open(path.clone());
        let other = rusqlite::Connection::open(path).expect("opened");
        other.execute_batch("BEGIN IMMEDIATE").expect("locked");
        assert!(shelf.with(Store::touch).is_err());
        assert!(shelf.with(|store| store.open_incidents()).is_ok());
        assert_eq!(shelf.health().state, "locked");
        other.execute_batch("ROLLBACK").expect("let go");
        assert!(shelf.with(|store| store.open_incidents()).is_ok());
        assert_eq!(shelf.health().state, "locked");
        shelf.with(Store::touch).expect("written");
        assert_eq!(shelf.health().state, "ok");
    }
}
