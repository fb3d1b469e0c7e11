//! A leak that begins late: a queue whose consumer dies, a feature that is switched on.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Leak, Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let onset = draw.pick(&ranges::LATE_ONSET);
    let curve = scene.curve(|share| scene.movement * ((share - onset) / (1.0 - onset)).max(0.0));
    let leak = Leak::of_memory(onset, curve);
    Sketch { leak: Some(leak), ..scene.idle() }
}
