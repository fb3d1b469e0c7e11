//! A leak that begins with the process and hides in its warm-up: the knee comes, the rise stays.

use super::warm_up::rise;
use crate::corpus::draw::Draw;
use crate::corpus::scene::{Leak, Scene, Sketch};

/// The height of the warm-up, as a share of the leak's movement.
const HEIGHT: (f64, f64) = (0.3, 1.5);

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let height = draw.between(HEIGHT.0, HEIGHT.1) * scene.movement;
    let (benign, _) = rise(draw, scene, height);
    let curve = scene.curve(|share| scene.movement * share);
    let leak = Leak::of_memory(0.0, curve);
    Sketch { leak: Some(leak), benign, ..Sketch::default() }
}
