//! Fits by running sums are the fits of least squares, whatever the window looks like.

use proptest::prelude::*;

use super::*;
use crate::blocks::Block;

/// Blocks with gaps, and a rate beside them or none.
fn window() -> impl Strategy<Value = Window> {
    let block = (1_i64..4, -50.0_f64..50.0, 0.0_f64..10.0);
    let drift = prop::sample::select(vec![0.0, 1.0, 10.0]);
    (prop::collection::vec(block, 12..40), drift, any::<bool>()).prop_map(
        |(blocks, drift, rated)| {
            let mut index = 0;
            let rate = blocks.iter().map(|(.., rate)| *rate).collect();
            let mut blocks: Vec<Block> = blocks
                .iter()
                .map(|&(gap, noise, _)| {
                    index += gap;
                    let mid = 1e8 + drift * index as f64 + noise;
                    Block { index, t_seconds: index as f64 * 25.0, mid, low: mid }
                })
                .collect();
            let covariates = Covariates::of(&blocks, rated.then_some(rate));
            Window::new(&mut blocks, covariates)
        },
    )
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The error that a family claims is what its shape leaves, fitted by hand.
    #[test]
    fn every_error_is_that_of_the_shape(window in window()) {
        let growths = [growth::best(&window), growth::under_warm_up(&window)];
        for explanation in benign(&window).into_iter().chain(growths).flatten() {
            let left = squares(&window.residuals(explanation.shape));
            let scale = window.total.max(1.0);
            prop_assert!(
                (left - explanation.error).abs() <= 1e-6 * scale,
                "{explanation:?} leaves {left}"
            );
        }
    }

    /// Nothing that could win is passed over by the bound.
    #[test]
    fn growth_that_is_passed_over_would_have_lost(window in window()) {
        if explain_bound_refuses(&window) && let Some(growth) = growth::best(&window) {
            let size = stats::effective_size(&window.residuals(growth.shape), window.tolerated());
            let margin = score(&window.flat(), &window, size) - score(&growth, &window, size);
            prop_assert!(margin <= 0.0, "margin {margin}");
        }
    }
}

fn explain_bound_refuses(window: &Window) -> bool {
    growth_that_could_win(window).is_none()
}
