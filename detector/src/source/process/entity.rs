//! A process by its number with its children, as a target: one run, from the first look to its end.

use std::collections::BTreeSet;
use std::path::Path;

use super::{MemoryLimit, ProcessSource};
use crate::Observation;
use crate::source::tree::observe_family;
use crate::target::{Entity, LookError};

/// A pid, and the run of it that was seen first.
#[derive(Debug)]
pub(crate) struct ProcessEntity {
    pid: u32,
    run: Option<ProcessSource>,
}

impl ProcessEntity {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid, run: None }
    }
}

impl Entity for ProcessEntity {
    fn observe(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError> {
        let run = match &mut self.run {
            Some(run) => run,
            none => none.insert(ProcessSource::open(self.pid)?),
        };
        Ok(observe_family(Path::new("/proc"), run, t_seconds, notes)?)
    }

    fn described(&self) -> Option<String> {
        Some(format!("process {} ({})", self.pid, self.run.as_ref()?.name()))
    }

    fn pid(&self) -> Option<u32> {
        Some(self.pid)
    }

    fn process_name(&self) -> Option<String> {
        Some(self.run.as_ref()?.name().to_owned())
    }

    fn memory_limit(&self) -> Option<MemoryLimit> {
        self.run.as_ref()?.memory_limit()
    }
}
