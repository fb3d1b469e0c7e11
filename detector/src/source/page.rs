//! A service that is elsewhere, seen by its metrics page alone.

use std::collections::{BTreeMap, BTreeSet};

use super::MetricsSource;
use crate::target::{Entity, LookError};
use crate::{Observation, Signal};

/// Reads a page that stands for its process.
#[derive(Debug)]
pub(crate) struct PageEntity {
    page: MetricsSource,
    /// What it has to tell; by default memory.
    wanted: Vec<Signal>,
    /// What was asked for by name, at the latest look.
    named: BTreeMap<String, f64>,
}

impl PageEntity {
    pub(crate) fn new(page: MetricsSource, wanted: &[Signal]) -> Self {
        Self { page, wanted: wanted.to_vec(), named: BTreeMap::new() }
    }
}

impl Entity for PageEntity {
    fn observe(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError> {
        let (observation, named) = self.page.observe(t_seconds, &self.wanted, notes)?;
        self.named = named;
        Ok(observation)
    }

    fn ask_for(&mut self, names: &BTreeSet<String>) {
        self.page.ask_for(names);
    }

    fn named(&mut self) -> BTreeMap<String, f64> {
        std::mem::take(&mut self.named)
    }
}
