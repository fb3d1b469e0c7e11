//! What a decoy has done, by the bytes that it held from look to look.
//!
//! A look-alike that never looked like anything has shown nothing. It must have risen, and then
//! done what tells it from a leak: levelled off, or given back what it held.

/// The part of the drill that it must have been level for.
const LEVEL_SHARE: f64 = 0.25;
/// The band that is level, as a share of the most that was held.
const LEVEL_BAND: f64 = 0.1;
/// The part of the most it held since the last fall that a fall leaves at most.
const FALL: f64 = 0.5;

/// The bytes held since the injection, in constant memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Antics {
    first_seconds: Option<f64>,
    last_seconds: f64,
    peak: f64,
    /// The most held since the last fall.
    crest: f64,
    falls: u32,
    /// Lowest and highest since it has been level.
    band: (f64, f64),
    level_since: f64,
}

impl Antics {
    /// So much is held at `t` seconds.
    pub fn note(&mut self, t: f64, held: f64) {
        if self.first_seconds.is_none() {
            self.first_seconds = Some(t);
            (self.band, self.level_since) = ((held, held), t);
        }
        self.last_seconds = t;
        self.peak = self.peak.max(held);
        self.crest = self.crest.max(held);
        if held < FALL * self.crest {
            self.falls += 1;
            self.crest = held;
        }
        self.band = (self.band.0.min(held), self.band.1.max(held));
        if self.band.1 - self.band.0 > LEVEL_BAND * self.peak {
            (self.band, self.level_since) = ((held, held), t);
        }
    }

    /// The most it held.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// Whether it rose and came back, or rose and levelled off.
    pub fn is_benign(&self) -> bool {
        let Some(first) = self.first_seconds else { return false };
        let level_seconds = self.last_seconds - self.level_since;
        let is_level = level_seconds >= LEVEL_SHARE * (self.last_seconds - first);
        self.peak > 0.0 && (self.falls > 0 || (is_level && level_seconds > 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_benign(held: impl Fn(f64) -> f64) -> bool {
        let mut antics = Antics::default();
        for step in 0..200 {
            let t = f64::from(step) * 0.2;
            antics.note(100.0 + t, held(t));
        }
        antics.is_benign()
    }

    #[test]
    fn what_levels_off_or_comes_back_is_benign() {
        assert!(is_benign(|t| t.min(10.0)), "it filled");
        assert!(is_benign(|t| 1.0 - (-t / 8.0).exp()), "it warmed up");
        assert!(is_benign(|t| t % 9.0), "a sawtooth");
        assert!(is_benign(|t| if t % 20.0 < 3.0 { 64.0 } else { 0.0 }), "a batch");
        assert!(is_benign(|_| 64.0), "a step at once");
    }

    #[test]
    fn what_only_rises_and_what_does_nothing_has_shown_nothing() {
        assert!(!is_benign(|t| t), "a leak");
        assert!(!is_benign(|t| t.min(38.0)), "it was full too late");
        assert!(!is_benign(|_| 0.0), "nothing happened");
        assert!(!Antics::default().is_benign());
    }
}
