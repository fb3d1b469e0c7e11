//! A leak of the same amount every second: the textbook case.

use crate::corpus::draw::Draw;
use crate::corpus::scene::{Leak, Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let leak = Leak::fixable(draw, scene, |grown| grown);
    Sketch { leak: Some(leak), ..scene.idle() }
}
