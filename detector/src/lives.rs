//! Evidence that pools across the runs of one entity: a service that is killed at its limit every
//! hour leaks, although no run of it lasts.

/// Runs that must have grown to their end before they count: of one or two, the end was chance.
const LEAST_RUNS: u32 = 2;

/// The latest runs in a row that grew until they were ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lives {
    runs: u32,
    grew_seconds: f64,
}

impl Lives {
    /// After one more run that grew for so long up to its end, or did not; a run that was too
    /// short to be judged says nothing.
    pub(crate) fn after(self, judged: bool, grew_seconds: Option<f64>) -> Self {
        match grew_seconds {
            Some(seconds) => {
                Self { runs: self.runs + 1, grew_seconds: self.grew_seconds + seconds }
            }
            None if judged => Self::default(),
            None => self,
        }
    }

    /// How long they grew together, once they are enough.
    pub(crate) fn evidence_seconds(self) -> f64 {
        if self.runs >= LEAST_RUNS { self.grew_seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_count_once_two_in_a_row_grew_and_one_that_did_not_clears_them() {
        let once = Lives::default().after(true, Some(100.0));
        assert!(once.evidence_seconds() <= 0.0);
        let twice = once.after(false, None).after(true, Some(50.0));
        assert!((twice.evidence_seconds() - 150.0).abs() < 1e-9);
        assert_eq!(twice.after(true, None), Lives::default());
    }
}
