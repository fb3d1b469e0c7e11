//! Why a target could not be looked at, and of which kind that is.

use std::fmt;

use crate::source::{
    BadCredentials, CgroupError, ContainerError, MetricsError, PrometheusError, QueryError,
    SampleError, TreeError,
};

/// Why there is no observation.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Of a process, or of its metrics page.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// Of a process by its name.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Of a control group.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// Of a container.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// Of a query.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Who we are cannot be told.
    #[error(transparent)]
    Credentials(#[from] BadCredentials),
}

/// The kinds of failure that ask for different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// We are not let in: credentials are missing or wrong, or it is another user's.
    Unauthorized,
    /// It answers that it is in trouble.
    ServerError,
    /// It answers, and what is asked for is not there.
    MissingMetric,
    /// Nobody answers, or not in time.
    Unreachable,
    /// It has ended, or was never there.
    Gone,
    /// It answers what makes no sense.
    BadAnswer,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Unauthorized,
        Self::ServerError,
        Self::MissingMetric,
        Self::Unreachable,
        Self::Gone,
        Self::BadAnswer,
    ];

    /// The name in metrics and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::ServerError => "server_error",
            Self::MissingMetric => "missing_metric",
            Self::Unreachable => "unreachable",
            Self::Gone => "gone",
            Self::BadAnswer => "bad_answer",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl LookError {
    /// Of which kind it is.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Sample(error) => of_sample(error),
            Self::Tree(TreeError::NoSuchName { .. })
            | Self::Cgroup(CgroupError::NoSuchGroup { .. } | CgroupError::Empty { .. })
            | Self::Container(
                ContainerError::NoSuchContainer { .. } | ContainerError::NotRunning { .. },
            ) => Reason::Gone,
            Self::Container(ContainerError::NoEngine { .. }) => Reason::Unreachable,
            Self::Tree(_) | Self::Cgroup(_) | Self::Container(_) => Reason::BadAnswer,
            Self::Query(error) => of_query(error),
            Self::Credentials(_) => Reason::Unauthorized,
        }
    }
}

fn of_sample(error: &SampleError) -> Reason {
    match error {
        SampleError::Metrics { source, .. } => of_page(source),
        SampleError::Gone { .. } | SampleError::Restarted { .. } => Reason::Gone,
        SampleError::Denied { .. } => Reason::Unauthorized,
        _ => Reason::BadAnswer,
    }
}

fn of_query(error: &QueryError) -> Reason {
    match error {
        QueryError::Server { source, .. } => match source {
            PrometheusError::Unauthorised(_) => Reason::Unauthorized,
            PrometheusError::Status(500..) => Reason::ServerError,
            PrometheusError::Unreachable(_)
            | PrometheusError::Slow(_)
            | PrometheusError::OutOfTime => Reason::Unreachable,
            _ => Reason::BadAnswer,
        },
        QueryError::NoSeries { .. } => Reason::MissingMetric,
        QueryError::Several { .. } | QueryError::NoSignal { .. } => Reason::BadAnswer,
    }
}

fn of_page(error: &MetricsError) -> Reason {
    match error {
        MetricsError::Unauthorised { .. } => Reason::Unauthorized,
        MetricsError::Status(500..) => Reason::ServerError,
        MetricsError::NoHeapGauge { .. } | MetricsError::NoSignal { .. } => Reason::MissingMetric,
        MetricsError::Unreachable(_) => Reason::Unreachable,
        MetricsError::Address(_)
        | MetricsError::Authority(_)
        | MetricsError::Certificate(_)
        | MetricsError::Several { .. }
        | MetricsError::NotJson(_)
        | MetricsError::Status(_)
        | MetricsError::Body(_)
        | MetricsError::Garbage(_) => Reason::BadAnswer,
    }
}
