//! Which target is checked: by its number, its name, or its name in the configuration.

use std::path::{Path, PathBuf};

use crate::cli::outcome::Refusal;
use crate::config::Config;
use crate::target::{Kind, Target};

/// What to check; one of these, or `--run`, or `--metrics` alone.
#[derive(Debug, Default, clap::Args)]
#[group(id = "which", multiple = false)]
pub struct Which {
    /// The process; or one of the following, or let `--run` start one.
    #[arg(value_parser = clap::value_parser!(u32).range(1..=0x7fff_ffff))]
    pub pid: Option<u32>,

    /// A target by its name in the configuration file.
    ///
    /// Without --for or -i: 3 checks 10 minutes apart.
    #[arg(short = 's', long = "service", value_name = "NAME")]
    pub service: Option<String>,

    /// A process by its name, with its children.
    ///
    /// Followed through restarts. If several have the name and none is a parent of the others, they are listed.
    #[arg(long, value_name = "NAME")]
    pub process: Option<String>,

    /// A control group of memory: a folder, or its path below /sys/fs/cgroup (/sys/fs/cgroup/memory).
    #[arg(long, value_name = "PATH")]
    pub cgroup: Option<PathBuf>,

    /// A container by its name or id, as Docker's socket knows it; `DOCKER_HOST` may name another one.
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,

    /// A page of memory figures in JSON: `heap_alloc_mb`, `num_goroutine` and so on.
    #[arg(long, value_name = "URL")]
    pub json: Option<String>,
}

/// Nothing to check.
#[derive(Debug, thiserror::Error)]
#[error(
    "what is to be checked? give a PID, -s, --process, --cgroup, --container, --json, --metrics, or --run"
)]
pub struct Nothing;

/// A page that says nothing of this.
#[derive(Debug, thiserror::Error)]
#[error("--metrics cannot accompany {0}")]
pub struct NoPage(Kind);

impl Which {
    /// The target, `metrics` its page or itself. Of a program that is yet to be started the pid is 0.
    pub fn target(
        self,
        config: Option<&Path>,
        runs: bool,
        metrics: Option<String>,
    ) -> Result<Target, Refusal> {
        let mut target = if let Some(name) = self.service {
            let config = Config::load(config)
                .map_err(|errors| Refusal(errors.into_iter().map(Into::into).collect()))?;
            config.target(&name)?.clone()
        } else {
            let direct = self.pid.map(Kind::Pid).or(self.process.map(Kind::Process));
            let direct = direct.or(self.cgroup.map(Kind::Cgroup));
            let direct =
                direct.or(self.container.map(Kind::Container)).or(self.json.map(Kind::Json));
            let kind = match (direct, metrics.clone()) {
                (Some(kind), _) => kind,
                (None, _) if runs => Kind::Pid(0),
                (None, Some(url)) => return Ok(Target::new(url.clone(), Kind::Metrics(url))),
                (None, None) => return Err(Nothing.into()),
            };
            Target::new(kind.to_string(), kind)
        };
        if metrics.is_some() {
            if matches!(target.kind, Kind::Metrics(_) | Kind::Json(_) | Kind::Prometheus { .. }) {
                return Err(NoPage(target.kind).into());
            }
            target.metrics = metrics;
        }
        Ok(target)
    }
}
