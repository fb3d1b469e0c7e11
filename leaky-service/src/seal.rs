//! The seal of a game day: while it is on, the service does not tell what leaks.
//!
//! What every service shows stays to be seen: the figures of the process, heap profiles, its requests. Whoever
//! has put the seal on holds its key. It is gone with the process, as the leaks are.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::pattern::lock;

/// Whether the service tells what leaks.
#[derive(Default)]
pub struct Seal {
    /// Readable without the lock, for every request.
    on: AtomicBool,
    key: Mutex<Option<String>>,
}

/// What a key does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongKey {
    /// The seal is another's.
    #[error("a game day is on, under another key")]
    Another,
    /// It does not open this seal.
    #[error("this key does not open the seal")]
    DoesNotOpen,
}

impl Seal {
    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Puts it on and prepares what it hides, once: with the same key again it does nothing. What
    /// cannot be prepared is not sealed.
    pub fn put_on<E>(
        &self,
        key: &str,
        prepare: impl FnOnce() -> Result<(), E>,
    ) -> Result<Result<(), E>, WrongKey> {
        let mut held = lock(&self.key);
        match &*held {
            Some(held) if held == key => return Ok(Ok(())),
            Some(_) => return Err(WrongKey::Another),
            None => {}
        }
        // Before the leaks are on: no look in between shows them.
        self.on.store(true, Ordering::Relaxed);
        let prepared = prepare();
        match prepared {
            Ok(()) => *held = Some(key.to_owned()),
            Err(_) => self.on.store(false, Ordering::Relaxed),
        }
        Ok(prepared)
    }

    /// Takes it off; where there is none, there is nothing to do.
    pub fn take_off(&self, key: &str) -> Result<(), WrongKey> {
        let mut held = lock(&self.key);
        if held.as_deref().is_some_and(|held| held != key) {
            return Err(WrongKey::DoesNotOpen);
        }
        *held = None;
        self.on.store(false, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Result<(), ()> = Ok(());

    #[test]
    fn only_its_key_opens_it_and_twice_is_once() {
        let seal = Seal::default();
        assert_eq!(seal.take_off("a"), Ok(()), "there is none");
        assert_eq!(seal.put_on("a", || FINE), Ok(FINE));
        assert_eq!(seal.put_on("a", || Err(())), Ok(FINE), "nothing is prepared again");
        assert_eq!(seal.put_on("b", || FINE), Err(WrongKey::Another));
        assert_eq!(seal.take_off("b"), Err(WrongKey::DoesNotOpen));
        assert!(seal.is_on());
        assert_eq!(seal.take_off("a"), Ok(()));
        assert!(!seal.is_on());
        assert_eq!(seal.put_on("b", || FINE), Ok(FINE));
    }

    #[test]
    fn what_cannot_be_prepared_is_not_sealed() {
        let seal = Seal::default();
        assert_eq!(seal.put_on("a", || Err("no such leak")), Ok(Err("no such leak")));
        assert!(!seal.is_on());
        assert_eq!(seal.put_on("b", || FINE), Ok(FINE), "no key is left behind");
    }
}
