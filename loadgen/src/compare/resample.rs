//! Runs put together anew from their own seconds: the moving-block bootstrap (Kuensch 1989) with
//! circular blocks (Politis and Romano 1992). Neighbouring seconds resemble each other, so blocks of
//! `n^(1/3)` seconds are drawn, the length whose order minimises the error of an estimated variance (Hall,
//! Horowitz and Jing 1995).

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

use crate::timeline::Cell;

/// How often: with 2000, ten lie beyond either end of an interval of 99 %.
const RESAMPLES: usize = 2000;
/// Share beyond either end.
const TAIL: f64 = 0.005;

/// Cells put together.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// Times in nanoseconds, ascending, with how often each was measured.
    times: Vec<(u64, u64)>,
    completed: u64,
    errors: u64,
    nanos: u64,
}

/// A figure of a sample; none if nothing was measured.
pub(super) type Figure = fn(&Sample) -> Option<f64>;

/// The differences of figures between two runs that were put together anew many times, ascending; none
/// where a figure could not always be told.
pub(super) struct Resampled(Vec<Option<Vec<f64>>>);

/// A cell with the places of its times among those of the whole run.
struct Piece<'a> {
    cell: &'a Cell,
    counts: Vec<(usize, u64)>,
}

impl Sample {
    pub(super) fn of(cells: &[Cell]) -> Self {
        let (values, pieces) = pieces(cells);
        assemble(&values, &pieces, 0..pieces.len())
    }

    /// In seconds.
    pub(super) fn quantile(&self, quantile: f64) -> Option<f64> {
        let all: u64 = self.times.iter().map(|(_, count)| count).sum();
        let rank = ((all as f64 * quantile).ceil() as u64).max(1);
        let mut below = 0;
        self.times.iter().find_map(|(nanos, count)| {
            below += count;
            (below >= rank).then_some(*nanos as f64 / 1e9)
        })
    }

    /// In seconds.
    pub(super) fn mean(&self) -> Option<f64> {
        let all: u64 = self.times.iter().map(|(_, count)| count).sum();
        let sum: f64 = self.times.iter().map(|(nanos, count)| *nanos as f64 * *count as f64).sum();
        (all > 0).then(|| sum / all as f64 / 1e9)
    }

    pub(super) fn completed_per_second(&self) -> Option<f64> {
        (self.nanos > 0).then(|| self.completed as f64 * 1e9 / self.nanos as f64)
    }

    pub(super) fn error_share(&self) -> Option<f64> {
        let ended = self.completed + self.errors;
        (ended > 0).then(|| self.errors as f64 / ended as f64)
    }
}

impl Resampled {
    /// None if either run has no cells.
    pub(super) fn of(before: &[Cell], after: &[Cell], figures: &[Figure]) -> Option<Self> {
        if before.is_empty() || after.is_empty() {
            return None;
        }
        // Fixed, so that the same files give the same answer.
        let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
        let (before, after) = (pieces(before), pieces(after));
        let mut all = vec![Some(Vec::with_capacity(RESAMPLES)); figures.len()];
        for _ in 0..RESAMPLES {
            let [before, after] =
                [&before, &after].map(|(values, pieces)| resample(values, pieces, &mut random));
            for (figure, differences) in figures.iter().zip(&mut all) {
                let difference = figure(&after).zip(figure(&before)).map(|(a, b)| a - b);
                *differences = differences.take().zip(difference).map(|(mut known, one)| {
                    known.push(one);
                    known
                });
            }
        }
        all.iter_mut().flatten().for_each(|differences| differences.sort_by(f64::total_cmp));
        Some(Self(all))
    }

    /// Where 99 % of the differences of the figure with this number are.
    pub(super) fn interval(&self, figure: usize) -> Option<(f64, f64)> {
        let differences = self.0[figure].as_ref()?;
        let beyond = (TAIL * differences.len() as f64) as usize;
        Some((differences[beyond], differences[differences.len() - 1 - beyond]))
    }
}

fn pieces(cells: &[Cell]) -> (Vec<u64>, Vec<Piece<'_>>) {
    let mut places = BTreeMap::new();
    for cell in cells {
        for step in cell.response.iter_recorded() {
            places.insert(step.value_iterated_to(), 0);
        }
    }
    for (place, index) in places.values_mut().zip(0..) {
        *place = index;
    }
    let piece = |cell| Piece { cell, counts: counts(cell, &places) };
    let pieces = cells.iter().map(piece).collect();
    (places.into_keys().collect(), pieces)
}

fn counts(cell: &Cell, places: &BTreeMap<u64, usize>) -> Vec<(usize, u64)> {
    let steps = cell.response.iter_recorded();
    steps.map(|step| (places[&step.value_iterated_to()], step.count_at_value().into())).collect()
}

fn resample(values: &[u64], pieces: &[Piece<'_>], random: &mut impl Rng) -> Sample {
    let length = (pieces.len() as f64).cbrt().ceil() as usize;
    let mut drawn = Vec::with_capacity(pieces.len() + length);
    while drawn.len() < pieces.len() {
        // The bias of the remainder is below 2^-50.
        let start = (random.next_u64() % pieces.len() as u64) as usize;
        drawn.extend((start..start + length).map(|index| index % pieces.len()));
    }
    drawn.truncate(pieces.len());
    assemble(values, pieces, drawn)
}

fn assemble(
    values: &[u64],
    pieces: &[Piece<'_>],
    drawn: impl IntoIterator<Item = usize>,
) -> Sample {
    let mut sample =
        Sample { times: values.iter().map(|value| (*value, 0)).collect(), ..Sample::default() };
    for Piece { cell, counts } in drawn.into_iter().map(|index| &pieces[index]) {
        for (place, count) in counts {
            sample.times[*place].1 += count;
        }
        sample.completed += cell.counts.completed;
        sample.errors += cell.counts.errors;
        sample.nanos += cell.end_nanos.saturating_sub(cell.start_nanos);
    }
    sample
}
