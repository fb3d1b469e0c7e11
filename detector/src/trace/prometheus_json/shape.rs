//! The shape of an answer, as it is read: within bounds, and with the place of each mistake.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::source::exposition::excerpt;
use crate::trace::Problem;
use crate::trace::dump::MOST_SAMPLES;

/// What Prometheus answers.
#[derive(Debug)]
pub struct Answer(pub Fields);

/// Its fields, as far as they matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", expecting = "an answer {status, data}")]
pub struct Fields {
    pub status: Option<String>,
    pub error_type: Option<String>,
    pub error: Option<String>,
    pub warnings: Option<Vec<String>>,
    pub data: Option<Data>,
    pub result_type: Option<String>,
    pub result: Option<Matrix>,
}

impl Fields {
    /// What Prometheus refused, and why.
    pub fn refusal(&self) -> Option<String> {
        let refused = self.status.as_deref() == Some("error") || self.error.is_some();
        let told = [&self.error_type, &self.error].into_iter().flatten();
        let told: Vec<&str> = told.map(String::as_str).collect();
        refused.then(|| if told.is_empty() { "no reason given".into() } else { told.join(": ") })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", expecting = "data {resultType, result}")]
pub struct Data {
    pub result_type: Option<String>,
    pub result: Option<Matrix>,
}

#[derive(Debug)]
pub struct Matrix(pub Vec<Element>);

#[derive(Debug)]
pub enum Element {
    Series(Told),
    /// A number or a text: the result of a scalar or a string.
    Bare,
}

/// A series as it is told.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a series {metric, values}")]
pub struct Told {
    pub metric: BTreeMap<String, String>,
    pub values: Option<Values>,
    pub value: Option<IgnoredAny>,
}

#[derive(Debug)]
pub struct Values(pub Vec<(f64, f64)>);

#[derive(Deserialize)]
#[serde(expecting = "a pair [seconds, \"value\"]")]
struct Pair(f64, Number);

struct Number(f64);

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Root;
        impl<'de> Visitor<'de> for Root {
            type Value = Answer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the answer of Prometheus to a range query")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Answer, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map)).map(Answer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Answer, A::Error> {
                let result = Some(Matrix::deserialize(SeqAccessDeserializer::new(list))?);
                Ok(Answer(Fields { result, ..Fields::default() }))
            }
        }
        json.deserialize_any(Root)
    }
}

/// Counts the series, so that a mistake in one is told with its number.
impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Matrix;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of series")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Matrix, A::Error> {
                let (mut all, mut samples) = (Vec::new(), 0);
                loop {
                    let place = |error| Error::custom(format!("series {}: {error}", all.len() + 1));
                    let Some(element) = list.next_element().map_err(place)? else {
                        return Ok(Matrix(all));
                    };
                    if let Element::Series(Told { values: Some(Values(values)), .. }) = &element {
                        samples += values.len();
                    }
                    if samples > MOST_SAMPLES {
                        return Err(Error::custom(Problem::TooManySamples));
                    }
                    all.push(element);
                }
            }
        }
        json.deserialize_seq(List)
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Element;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a series {metric, values}")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
                Told::deserialize(MapAccessDeserializer::new(map)).map(Element::Series)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Element, E> {
                Ok(Element::Bare)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Element, E> {
                Ok(Element::Bare)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Element, E> {
                Ok(Element::Bare)
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Element, E> {
                Ok(Element::Bare)
            }
        }
        json.deserialize_any(One)
    }
}

/// Counts the values, as above.
impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of pairs [seconds, \"value\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Values, A::Error> {
                let mut all = Vec::new();
                loop {
                    let place = |error| Error::custom(format!("value {}: {error}", all.len() + 1));
                    let Some(Pair(t_seconds, Number(value))) =
                        list.next_element().map_err(place)?
                    else {
                        return Ok(Values(all));
                    };
                    if all.len() == MOST_SAMPLES {
                        return Err(Error::custom(Problem::TooManySamples));
                    }
                    all.push((t_seconds, value));
                }
            }
        }
        json.deserialize_seq(List)
    }
}

/// Prometheus writes values as text, because JSON knows neither NaN nor infinity.
impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in quotes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let number = text.parse().map(Number);
                number.map_err(|_| E::custom(format!("`{}` is no number", excerpt(text))))
            }
        }
        json.deserialize_str(Text)
    }
}
