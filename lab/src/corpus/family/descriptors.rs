//! A leak of descriptors: files, sockets. Memory hardly notices.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Leak, Resource, Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let (leak, fds) = counted(draw, scene, Resource::Fds);
    Sketch { leak: Some(leak), fds: Some(fds), ..scene.idle() }
}

/// A leak of things that are counted, and the count that it shows in.
pub fn counted(draw: &mut Draw, scene: &Scene, resource: Resource) -> (Leak, Vec<f64>) {
    let growth = draw.pick(&ranges::COUNTED);
    let base = draw.pick(&ranges::COUNT_BASE);
    // Things that come and go are as noisy as the difficulty says, but not more than there are.
    let noise = (growth / scene.difficulty).min(base / 3.0);
    let leak = Leak::fixable(draw, scene, |grown| grown);
    let scale = growth / scene.movement;
    let curve: Vec<f64> = leak.curve.iter().map(|share| (share * scale).floor()).collect();
    let count = curve.iter().map(|held| (base + noise * draw.normal()).max(1.0) + held).collect();
    (Leak { resource, curve, ..leak }, count)
}
