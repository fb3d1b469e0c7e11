//! A job that runs at intervals, takes memory as it goes and gives it back at its end.

use crate::corpus::draw::Draw;
use crate::corpus::ranges;
use crate::corpus::scene::{Scene, Sketch};

pub fn sketch(draw: &mut Draw, scene: &mut Scene) -> Sketch {
    let jobs = draw.pick(&ranges::JOBS);
    let duty = draw.pick(&ranges::JOB_DUTY);
    let ramp = draw.chance(0.5);
    let mut size = 1.0;
    let mut job = -1.0;
    let benign = scene.curve(|share| {
        let turn = share * jobs;
        if turn.floor() > job {
            job = turn.floor();
            size = draw.between(0.7, 1.0);
        }
        let done = turn.fract() / duty;
        let held = if done >= 1.0 {
            0.0
        } else if ramp {
            done
        } else {
            1.0
        };
        scene.movement * size * held
    });
    Sketch { benign, ..Sketch::default() }
}
