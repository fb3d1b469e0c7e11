//! The detector's statistics against scipy, statsmodels, ruptures and numpy, as data generated once:
//! `reference/reference.py` made `reference.json`, and says with which command and versions.
//!
//! What
//! of it has no counterpart elsewhere (which explanation wins, and by how much) is tested beside it.
use crate::blocks::Block;
use crate::explain::{Covariates, Explanation, Window, best_benign, growth_that_could_win};
use crate::stats;
use serde::Deserialize;

const REFERENCE: &str = include_str!("../tests/reference/reference.json");

#[derive(Deserialize)]
struct Reference {
    fits: Vec<Fit>,
    slopes: Vec<Slope>,
    sizes: Vec<Size>,
}

/// A series of blocks, the family that explains it, and how closely others fit that family to it.
#[derive(Deserialize)]
struct Fit {
    name: String,
    family: String,
    y: Vec<f64>,
    rate: Option<Vec<f64>>,
    width: Option<f64>,
    /// Sum of squared errors of the best fit with what the family tries.
    error: f64,
    onset: usize,
    /// The same if its parameters were free, where the family tries some only.
    free: Option<f64>,
}

#[derive(Deserialize)]
struct Slope {
    name: String,
    x: Option<Vec<f64>>,
    y: Vec<f64>,
    low: f64,
    mid: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Size {
    name: String,
    values: Vec<f64>,
    worth: f64,
}

fn reference() -> Reference {
    serde_json::from_str(REFERENCE).unwrap()
}

fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs())
}

fn explained(fit: &Fit) -> (Window, Explanation) {
    let width = fit.width.unwrap_or(25.0);
    let block = |(index, &mid): (i64, &f64)| {
        let t_seconds = index as f64 * width;
        Block { index, t_seconds, mid, low: mid }
    };
    let mut blocks: Vec<Block> = (0..).zip(&fit.y).map(block).collect();
    let covariates = Covariates::of(&blocks, fit.rate.clone());
    let window = Window::new(&mut blocks, covariates);
    let found = match fit.family.as_str() {
        "Growth" => growth_that_could_win(&window).unwrap(),
        _ => best_benign(&window),
    };
    (window, found)
}

#[test]
fn every_family_fits_as_closely_as_least_squares_and_the_search_of_others() {
    let fits = reference().fits;
    assert_eq!(fits.len(), 8);
    for fit in fits {
        let (_, found) = explained(&fit);
        let name = &fit.name;
        assert_eq!(format!("{:?}", found.family), fit.family, "{name}: {found:?}");
        assert!(is_close(found.error, fit.error), "{name}: {}, not {}", found.error, fit.error);
        assert_eq!(found.onset, fit.onset, "{name}");
    }
}

/// Time constants are tried from a list. What that costs must be less than what no explanation is
/// asked to explain: two hundredths of the range.
#[test]
fn a_list_of_time_constants_is_as_good_as_all_of_them() {
    let mut compared = 0;
    for fit in reference().fits {
        let Some(free) = fit.free else { continue };
        let range = fit.y.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            - fit.y.iter().copied().fold(f64::INFINITY, f64::min);
        let (window, found) = explained(&fit);
        let cost = (found.error - free) / window.len() as f64;
        assert!(cost >= 0.0, "{}: better than the best, {} and {free}", fit.name, found.error);
        assert!(cost <= (0.02 * range).powi(2), "{}: {cost} per block", fit.name);
        compared += 1;
    }
    assert_eq!(compared, 2);
}

/// Ours takes the next order statistic outwards and widens the interval for autocorrelation, so it
/// must hold scipy's.
#[test]
fn slopes_are_those_of_scipy() {
    let slopes = reference().slopes;
    assert_eq!(slopes.len(), 4);
    for slope in slopes {
        let x = slope.x.unwrap_or_default();
        let points: Vec<(f64, f64)> = x.into_iter().zip(slope.y).collect();
        let ours = stats::theil_sen(&points).unwrap();
        assert!(is_close(ours.mid, slope.mid), "{}: {ours:?}", slope.name);
        assert!(ours.low <= slope.low && slope.high <= ours.high, "{}: {ours:?}", slope.name);
    }
}

#[test]
fn effective_sizes_are_those_of_the_autocorrelation_by_statsmodels() {
    let sizes = reference().sizes;
    assert_eq!(sizes.len(), 5);
    for size in sizes {
        let ours = stats::effective_size(&size.values, 0.0);
        assert!(is_close(ours, size.worth), "{}: {ours}, not {}", size.name, size.worth);
    }
}
