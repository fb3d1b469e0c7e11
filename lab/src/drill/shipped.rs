//! The drills that come with the program: one list, in the order in which they are run.

/// A drill that is part of the program.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// The name of its folder.
    pub name: &'static str,
    /// The text of its `drill.yaml`.
    pub text: &'static str,
    /// Whether plain `leaklab drill` runs it.
    pub standard: bool,
}

macro_rules! shipped {
    ($name:literal, $standard:literal) => {
        Shipped {
            name: $name,
            text: include_str!(concat!("../../../drills/", $name, "/drill.yaml")),
            standard: $standard,
        }
    };
}

/// Every drill that is shipped.
pub const SHIPPED: [Shipped; 35] = [
    shipped!("cache", true),
    shipped!("listeners", true),
    shipped!("history", true),
    shipped!("bounded_cache", true),
    shipped!("disable_only", false),
    shipped!("clear_only", false),
    shipped!("slow_fill", false),
    shipped!("cycles", false),
    shipped!("queue", false),
    shipped!("slices", false),
    shipped!("capacity", false),
    shipped!("sessions", false),
    shipped!("thread_locals", false),
    shipped!("labels", false),
    shipped!("replies", false),
    shipped!("tasks", false),
    shipped!("timers", false),
    shipped!("native", false),
    shipped!("mappings", false),
    shipped!("forgotten", false),
    shipped!("files", false),
    shipped!("connections", false),
    shipped!("threads", false),
    shipped!("children", false),
    shipped!("expiring_cache", false),
    shipped!("warm_up", false),
    shipped!("sawtooth", false),
    shipped!("step", false),
    shipped!("batch", false),
    shipped!("daily", false),
    shipped!("load_bound", false),
    shipped!("pool", false),
    shipped!("page_cache", false),
    shipped!("burst_retention", false),
    shipped!("fragmentation", false),
];

impl Shipped {
    /// The place of the file in the repository, for messages.
    pub fn file(&self) -> String {
        format!("drills/{}/drill.yaml", self.name)
    }

    /// The one that is called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        SHIPPED.iter().find(|drill| drill.name == name)
    }
}
