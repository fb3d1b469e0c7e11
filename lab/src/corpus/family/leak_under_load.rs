//! A leak under a load that follows the day, whose requests may or may not be known.

use crate::corpus::draw::Draw;
use crate::corpus::load::Load;
use crate::corpus::scene::{Leak, Scene, Sketch};

/// The swing of memory with the load, as a share of the leak's movement.
const SWING: (f64, f64) = (0.2, 1.0);

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let load = Load::cyclic(draw, scene);
    let swing = draw.between(SWING.0, SWING.1) * scene.movement;
    let benign = load.relative().map(|load| swing * load).collect();
    let leak = Leak::fixable(draw, scene, |grown| grown);
    let requests = draw.chance(0.5).then(|| load.total(scene));
    Sketch { leak: Some(leak), benign, requests, ..Sketch::default() }
}
