//! Histograms in data: the HDR format V2, deflated, as base64, which is what HDR tools of other
//! languages read and write. What is written and read again is equal to the count.

use std::fmt::{self, Debug, Formatter};

use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Counter, Histogram,
    serialization::{Deserializer, Serializer, V2DeflateSerializer},
};
use serde::{Deserialize, Serialize};

/// A histogram of times in nanoseconds.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recorded<T: Counter = u64>(pub(crate) Histogram<T>);

/// A text is no histogram.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// Not base64.
    #[error("is not base64")]
    Base64,
    /// Base64 of something else.
    #[error("is no HDR histogram of format V2: {0}")]
    Histogram(hdrhistogram::serialization::DeserializeError),
}

impl<T: Counter> Recorded<T> {
    /// The histogram behind such a text.
    pub(crate) fn read(text: &str) -> Result<Self, RecordedError> {
        let bytes = STANDARD.decode(text).map_err(|_| RecordedError::Base64)?;
        let histogram = Deserializer::new().deserialize(&mut bytes.as_slice());
        histogram.map(Self).map_err(RecordedError::Histogram)
    }
}

/// As base64 of the deflated form.
#[expect(clippy::expect_used, reason = "writing to memory, and no count is above 2^63")]
pub(crate) fn encode<T: Counter>(histogram: &Histogram<T>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("room");
    STANDARD.encode(bytes)
}

impl<T: Counter> TryFrom<String> for Recorded<T> {
    type Error = RecordedError;

    fn try_from(text: String) -> Result<Self, RecordedError> {
        Self::read(&text)
    }
}

impl<T: Counter> From<Recorded<T>> for String {
    fn from(recorded: Recorded<T>) -> Self {
        encode(&recorded.0)
    }
}

/// Thousands of buckets are of no use to anybody who reads a failed assertion.
impl<T: Counter> Debug for Recorded<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} times up to {} ns", self.0.len(), self.0.max())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recording::{MAX_NANOS, Times};

    proptest! {
        // Every count comes back at its own value.
        #[test]
        fn what_is_written_reads_the_same(
            times in prop::collection::vec((0..=MAX_NANOS, 1_u64..1 << 40), 0..200),
        ) {
            let mut histogram = Times::new().expect("valid bounds").response;
            for (nanos, count) in times {
                histogram.saturating_record_n(nanos, count);
            }
            let json = serde_json::to_string(&Recorded(histogram.clone())).expect("text");
            let read: Recorded = serde_json::from_str(&json).expect("what was written");
            prop_assert_eq!(read.0, histogram);
        }

        // Whatever stands in a file, it is a histogram or refused.
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Recorded::<u64>::read(&STANDARD.encode(bytes));
        }
    }

    #[test]
    fn what_is_no_histogram_is_refused_with_the_reason() {
        for (text, said) in [("?", "is not base64"), ("AAAAAAAA", "is no HDR histogram")] {
            let error = Recorded::<u64>::read(text).expect_err(text).to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
