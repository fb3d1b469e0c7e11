//! One step: a configuration is reloaded, a data set replaced.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let at = draw.pick(&ranges::EVENT);
    let sign = if draw.chance(0.75) { 1.0 } else { -1.0 };
    let benign = scene.curve(|share| if share < at { 0.0 } else { sign * scene.movement });
    Sketch { benign, settles: Some(at), ..Sketch::default() }
}
