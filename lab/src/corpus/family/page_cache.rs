//! Mapped files are read: resident memory rises, anonymous memory does not, and the kernel takes
//! the pages back when somebody needs them.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let begins = if draw.chance(0.5) { 0.0 } else { draw.pick(&ranges::ONSET) };
    let full = begins + draw.pick(&ranges::FILL) * draw.one_of([1.0, 3.0]);
    let files =
        scene.curve(|share| scene.movement * ((share - begins) / (full - begins)).clamp(0.0, 1.0));
    Sketch { files: Some(files), settles: Some(full), ..scene.idle() }
}
