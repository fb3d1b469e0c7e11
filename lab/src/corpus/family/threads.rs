//! A leak of threads: each touches some of its stack, so memory rises as well.

use super::descriptors::counted;
use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Resource, Scene, Sketch};

/// Room that the stacks may take of the limit.
const MOST: f64 = 0.5;

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let (leak, threads) = counted(draw, scene, Resource::Threads);
    let stack = draw.pick(&ranges::STACK_BYTES) / scene.limit_bytes;
    let all = leak.curve.iter().copied().fold(0.0, f64::max) * stack;
    let fits = (MOST / all).min(1.0);
    let benign = leak.curve.iter().map(|held| held * stack * fits).collect();
    Sketch { leak: Some(leak), threads: Some(threads), benign, ..Sketch::default() }
}
