//! Several things that are wrong, told at once.

use std::error::Error;
use std::fmt;

/// So many are told; whoever has more has made one mistake many times.
const MOST_TOLD: usize = 20;

/// What is wrong, one thing each; never empty.
#[derive(Debug)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Nothing, if nothing is wrong.
    pub fn check(faults: Vec<String>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }

    /// A line for each.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let more = self.0.len().saturating_sub(MOST_TOLD);
        let more = (more > 0).then(|| format!("and {more} more of the kind"));
        self.0.iter().take(MOST_TOLD).cloned().chain(more)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("; "))
    }
}

impl Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_told_up_to_a_bound() {
        assert!(Faults::check(Vec::new()).is_ok());
        let faults = |count: usize| (1..=count).map(|nth| nth.to_string()).collect();
        let told = |count| Faults::check(faults(count)).unwrap_err().to_string();
        assert_eq!(told(3), "1; 2; 3");
        assert!(told(20).ends_with("19; 20"));
        assert!(told(22).ends_with("20; and 2 more of the kind"));
    }
}
