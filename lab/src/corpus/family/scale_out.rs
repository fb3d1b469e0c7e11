//! Load moves between instances: some are scaled in and this one takes more, or the other way
//! round. Half of the time the requests are known.

use crate::corpus::draw::Draw;
use crate::corpus::load::Load;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

/// How long the balancers take, as a share of the window.
const MOVES_OVER: f64 = 0.03;

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let (more, less) = (draw.pick(&ranges::EVENT), draw.pick(&ranges::EVENT));
    let by = draw.pick(&ranges::SCALE);
    let moved = |share: f64, at: f64| ((share - at) / MOVES_OVER).clamp(0.0, 1.0);
    let load = Load::of(draw, scene, |share| 1.0 + by * (moved(share, more) - moved(share, less)));
    let benign = load.relative().map(|load| scene.movement * (load - 1.0)).collect();
    let requests = draw.chance(0.5).then(|| load.total(scene));
    let settles = more.max(less) + MOVES_OVER;
    Sketch { benign, requests, settles: Some(settles), ..Sketch::default() }
}
