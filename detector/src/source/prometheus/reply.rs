//! Answers of the API, as far as they matter here.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::Labels;

/// Longest message of a refusal that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// What stands around every answer.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an answer {status, data}")]
pub struct Reply<T> {
    pub data: T,
    /// Of Prometheus and Thanos.
    #[serde(default = "Vec::new", deserialize_with = "texts")]
    pub warnings: Vec<String>,
    /// Of a `VictoriaMetrics` cluster.
    #[serde(default, rename = "isPartial")]
    pub is_partial: bool,
}

/// The answer to a query: a matrix, or a vector.
#[derive(Debug, Deserialize)]
#[serde(expecting = "data {resultType, result}")]
pub struct Data {
    pub result: Vec<RangeSeries>,
}

/// A series with its samples: Unix seconds and values, in order of time.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a series {metric, values}")]
pub struct RangeSeries {
    /// Its labels.
    pub metric: Labels,
    /// Of a range.
    #[serde(default)]
    pub values: Vec<Sample>,
    /// Of an instant.
    #[serde(default)]
    pub value: Option<Sample>,
}

/// An instant in Unix seconds, and the value then.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(expecting = "a pair [seconds, \"value\"]")]
pub struct Sample(pub f64, #[serde(deserialize_with = "number")] pub f64);

/// What a refusal says.
pub fn message(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal: Refusal = serde_json::from_str(body).ok()?;
    Some(shortened(refusal.error))
}

/// No longer than somebody reads.
pub fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

/// Texts, or null for none.
fn texts<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(json).map(Option::unwrap_or_default)
}

/// Values are written as text, because JSON knows neither NaN nor infinity.
fn number<'de, D: Deserializer<'de>>(json: D) -> Result<f64, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number in quotes")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
            text.parse().map_err(|_| E::custom("a value that is no number"))
        }
    }
    json.deserialize_str(Text)
}
