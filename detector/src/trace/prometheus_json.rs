//! The JSON with which Prometheus answers a range query: the whole answer, its `data`, or the
//! list of series alone, as `promtool query range --format=json` prints it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::dump::{Dump, MOST_SAMPLES, Series};
use super::{Problem, Problems};
use crate::source::exposition::{Kind, excerpt};

/// Problems that are listed; more of them say nothing new.
const MOST_PROBLEMS: usize = 20;

/// The answer, as far as it is JSON of the right shape.
pub fn parse(text: impl Read) -> Result<Answer, serde_json::Error> {
    serde_json::from_reader(text)
}

/// The samples of an answer, or everything that is wrong with it.
pub fn dump(answer: Answer) -> Result<Dump, Problems> {
    let Answer(answer) = answer;
    if let Some(error) = answer.refusal() {
        return Err(Problem::Refused(error).into());
    }
    let notes = answer.warnings.unwrap_or_default();
    let Data { result_type, result } = match answer.data {
        Some(data) => data,
        None => Data { result_type: answer.result_type, result: answer.result },
    };
    let Some(Matrix(result)) = result else {
        return Err(Problem::NotAnAnswer.into());
    };
    if let Some(other) = other_than_matrix(result_type, &result) {
        return Err(Problem::NotARange(other).into());
    }
    let mut dump = Dump::default();
    dump.notes = notes;
    let mut problems = Vec::new();
    for (index, element) in result.into_iter().enumerate() {
        if let Element::Series(told) = element {
            problems.extend(take_in(told, index + 1, &mut dump).err());
        }
        if problems.len() == MOST_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() { Ok(dump) } else { Err(Problems(problems)) }
}

fn other_than_matrix(declared: Option<String>, result: &[Element]) -> Option<String> {
    let instant = result.iter().find_map(|element| match element {
        Element::Bare => Some("scalar"),
        Element::Series(series) if series.value.is_some() => Some("vector"),
        Element::Series(_) => None,
    });
    let declared = declared.filter(|declared| declared != "matrix");
    declared.or(instant.map(str::to_owned))
}

/// Takes in a series up to its first problem.
fn take_in(told: Told, index: usize, dump: &mut Dump) -> Result<(), Problem> {
    let Told { metric: mut labels, values, .. } = told;
    let metric = labels.remove("__name__").ok_or(Problem::NoName(index))?;
    let Some(Values(values)) = values else {
        dump.notes.push(format!("series {index} {metric} is left out: a histogram"));
        return Ok(());
    };
    let number = dump.number(Series { metric, labels }, Kind::Untyped);
    for (at, (t_seconds, value)) in values.into_iter().enumerate() {
        dump.push(number, t_seconds, value).map_err(|problem| Problem::At {
            series: index,
            value: at + 1,
            problem: Box::new(problem),
        })?;
    }
    Ok(())
}

/// What Prometheus answers.
#[derive(Debug)]
pub struct Answer(Fields);

/// Its fields, as far as they matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", expecting = "an answer {status, data}")]
struct Fields {
    status: Option<String>,
    error_type: Option<String>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
    data: Option<Data>,
    result_type: Option<String>,
    result: Option<Matrix>,
}

impl Fields {
    fn refusal(&self) -> Option<String> {
        let refused = self.status.as_deref() == Some("error") || self.error.is_some();
        let told = [&self.error_type, &self.error].into_iter().flatten();
        let told: Vec<&str> = told.map(String::as_str).collect();
        refused.then(|| if told.is_empty() { "no reason given".into() } else { told.join(": ") })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", expecting = "data {resultType, result}")]
struct Data {
    result_type: Option<String>,
    result: Option<Matrix>,
}

#[derive(Debug)]
struct Matrix(Vec<Element>);

#[derive(Debug)]
enum Element {
    Series(Told),
    /// A number or a text: the result of a scalar or a string.
    Bare,
}

/// A series as it is told.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a series {metric, values}")]
struct Told {
    metric: BTreeMap<String, String>,
    values: Option<Values>,
    value: Option<IgnoredAny>,
}

#[derive(Debug)]
struct Values(Vec<(f64, f64)>);

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
