//! What outsiders call a pattern's figures: in the status, in the answers of a clear, in metrics.

use crate::pattern::{Facts, Role};

/// What outsiders call a pattern's figures: as the contract has it, or by rule.
#[derive(Clone, Debug)]
pub struct Names {
    /// What the status calls the number of things kept.
    pub count_field: &'static str,
    /// What `clear` calls the number of things it dropped.
    pub removed_field: &'static str,
    /// The same when everything is cleared.
    pub removed_field_in_all: String,
    /// The gauge with the number of things kept.
    pub count_gauge: String,
    /// The gauge with the bytes held.
    pub bytes_gauge: String,
}

impl Names {
    pub(super) fn of(facts: &Facts) -> Self {
        let name = facts.name;
        let Some(contract) = &facts.contract else {
            let prefix = if facts.role == Role::Leak { "leak_" } else { "" };
            return Self {
                count_field: "entries",
                removed_field: "entries_removed",
                removed_field_in_all: format!("{name}_entries_removed"),
                count_gauge: format!("{prefix}{name}_entries"),
                bytes_gauge: format!("{prefix}{name}_held_bytes"),
            };
        };
        Self {
            count_field: contract.count_field,
            removed_field: contract.removed_field,
            removed_field_in_all: contract.removed_field_in_all.to_owned(),
            count_gauge: contract.count_gauge.to_owned(),
            bytes_gauge: contract.bytes_gauge.to_owned(),
        }
    }
}
