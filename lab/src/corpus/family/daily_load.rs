//! Memory follows the load. Half of the time the requests are known and explain it.

use crate::corpus::draw::Draw;
use crate::corpus::load::Load;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let load = Load::cyclic(draw, scene);
    let benign = load.relative().map(|load| scene.movement * (load - 1.0)).collect();
    let requests = draw.chance(0.5).then(|| load.total(scene));
    Sketch { benign, requests, ..Sketch::default() }
}
