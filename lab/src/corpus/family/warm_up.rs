//! A warm-up: classes are loaded, code is compiled, pools fill; it rises to a level and stays.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let (benign, settles) = rise(draw, scene, scene.movement);
    Sketch { benign, settles: Some(settles), ..Sketch::default() }
}

/// A rise of this height with one or two time constants, and when 95 % of it are done, as a share
/// of the window.
pub fn rise(draw: &mut Draw, scene: &Scene, height: f64) -> (Vec<f64>, f64) {
    let first = draw.pick(&ranges::WARM_UP);
    let second = first * draw.pick(&ranges::WARM_UP_SECOND);
    let (part, slowest) = if draw.chance(0.5) { (0.5, second) } else { (1.0, first) };
    let done = |share: f64, tau: f64| 1.0 - (-share / tau).exp();
    let curve = scene
        .curve(|share| height * (part * done(share, first) + (1.0 - part) * done(share, second)));
    (curve, 3.0 * slowest)
}
