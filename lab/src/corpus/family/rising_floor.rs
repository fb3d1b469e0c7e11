//! A leak under garbage collection: what is left after each collection is a little more than
//! before. The teeth count as noise here, and make most of it.

use super::gc_sawtooth::teeth;
use crate::corpus::draw::Draw;
use crate::corpus::scene::{Leak, Scene, Sketch};

/// The standard deviation of a tooth of height 1: a uniform distribution's.
const TOOTH_DEVIATION: f64 = 0.289;
/// What is left of the noise beside the teeth.
const QUIET: f64 = 0.2;

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let height = scene.noise / TOOTH_DEVIATION;
    let benign = teeth(draw, scene).into_iter().map(|tooth| tooth * height).collect();
    scene.noise *= QUIET;
    let leak = Leak::fixable(draw, scene, |grown| grown);
    Sketch { leak: Some(leak), benign, ..Sketch::default() }
}
