//! What a run writes while it goes on, so that a late failure loses nothing: a row or a line a
//! second, in constant memory however long the run. The report comes at the end, from `report`.

mod csv;
mod file;
mod hdr_log;
mod metrics;
mod page_server;

pub(crate) use self::{
    csv::Csv,
    file::{Failures, OutputFile},
    hdr_log::HdrLog,
    metrics::{Metrics, parse_address},
};
