//! The JSON with which Prometheus answers a range query: the whole answer, its `data`, or the
//! list of series alone, as `promtool query range --format=json` prints it.

mod shape;

use std::io::Read;

use super::dump::{Dump, Series};
use super::{Problem, Problems};
use crate::source::exposition::Kind;
pub use shape::Answer;
use shape::{Data, Element, Matrix, Told, Values};

/// Problems that are listed; more of them say nothing new.
const MOST_PROBLEMS: usize = 20;

/// Warnings of Prometheus that are passed on.
const MOST_WARNINGS: usize = 20;

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
    dump.notes.truncate(MOST_WARNINGS);
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
        dump.histograms += 1;
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
