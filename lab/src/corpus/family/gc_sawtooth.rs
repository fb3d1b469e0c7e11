//! Garbage that is collected: memory rises and falls back to the same floor.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let benign = teeth(draw, scene).into_iter().map(|tooth| tooth * scene.movement).collect();
    Sketch { benign, ..Sketch::default() }
}

/// Teeth of height 1, each of its own length and of nearly the same height.
pub fn teeth(draw: &mut Draw, scene: &Scene) -> Vec<f64> {
    let length = (scene.samples as f64 / draw.pick(&ranges::COLLECTIONS)).max(4.0);
    let mut tooth = length;
    let mut at = draw.unit() * length;
    let mut height = 1.0;
    scene.curve(|_| {
        at += 1.0;
        if at >= tooth {
            at = 0.0;
            tooth = length * draw.between(0.7, 1.3);
            height = draw.between(0.9, 1.1);
        }
        height * at / tooth
    })
}
