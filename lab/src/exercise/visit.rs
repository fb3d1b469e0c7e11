//! Looks at the lab over HTTP, for a check.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::evidence::{Evidence, Line, Look};
use super::rules::{RulesError, run_rules};
use crate::client::{Client, ClientError};

/// The longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What a check has to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The lab as it is.
    Look,
    /// The lab twice, with some time in between.
    Watch,
    /// The lab as it is, and its live allocations by line.
    Snapshot,
    /// No lab: what promtool says of the rules that were answered.
    Rules,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The lab does not show what it should.
    #[error("cannot look at the lab (another one: --url or LEAKLAB_URL)")]
    Unseen(#[from] ClientError),
    /// The rules could not be tested.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// The lab of a trainee.
#[derive(Debug)]
pub struct Lab {
    client: Client,
}

impl Lab {
    /// The lab whose service is at `url`, `http://host:port`.
    pub fn at(url: &str) -> Result<Self, VisitError> {
        Ok(Self { client: Client::new(url, ANSWER_WITHIN)? })
    }

    /// Gathers what a check needs; two looks are `watch` apart.
    pub fn evidence(
        &self,
        needs: Needs,
        watch: Duration,
        rules: Option<&Path>,
    ) -> Result<Evidence, VisitError> {
        if needs == Needs::Rules {
            let rules = rules.map(run_rules).transpose()?;
            return Ok(Evidence { rules, ..Evidence::default() });
        }
        let began = Instant::now();
        let first = self.look()?;
        let mut evidence = Evidence { last: first.clone(), first, ..Evidence::default() };
        if needs == Needs::Watch {
            thread::sleep(watch);
            evidence.last = self.look()?;
            evidence.watched_seconds = began.elapsed().as_secs_f64();
        }
        if needs == Needs::Snapshot {
            evidence.lines = self.lines()?;
        }
        Ok(evidence)
    }

    fn look(&self) -> Result<Look, ClientError> {
        Ok(Look::new(self.client.status()?, &self.client.metrics()?))
    }

    fn lines(&self) -> Result<Vec<Line>, ClientError> {
        let path = "/admin/memory/snapshot";
        let snapshot = self.client.json(path)?;
        Vec::deserialize(&snapshot["by_line"])
            .map_err(|error| self.client.foreign(path, format!("`by_line`: {error}")))
    }
}
