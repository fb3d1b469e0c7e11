//! A leak in steps: an arena, a table that grows by blocks, a job that leaks each time it runs.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Leak, Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let steps = draw.pick(&ranges::STAIRS).round();
    let regular = draw.chance(0.5);
    let mut rises: Vec<f64> = Vec::new();
    for step in 0..steps as usize {
        let jitter = if regular { 0.5 } else { draw.unit() };
        rises.push((step as f64 + jitter) / steps);
    }
    let leak = Leak::fixable(draw, scene, |grown| {
        rises.iter().filter(|rise| grown >= **rise).count() as f64 / steps
    });
    Sketch { leak: Some(leak), ..scene.idle() }
}
