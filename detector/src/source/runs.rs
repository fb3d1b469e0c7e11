//! Tells one run of a target from the next where nobody says when it started.

/// The latest run, by whatever identifies it.
#[derive(Debug)]
pub(super) struct Runs<T>(Option<(T, f64)>);

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq> Runs<T> {
    /// When the run of this identity was first seen, in the seconds of the observations: at `now_seconds` if it was
    /// another until now. A second after the one before at least, for what lies closer together counts as the same.
    pub(super) fn began(&mut self, identity: T, now_seconds: f64) -> f64 {
        let began = match self.0.take() {
            Some((latest, began)) if latest == identity => began,
            Some((_, before)) => now_seconds.max(before + 1.0),
            None => now_seconds,
        };
        self.0 = Some((identity, began));
        began
    }
}
