//! The endpoints that patterns feed on.

/// One endpoint of the API that serves clients; health, metrics and admin calls are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Waits for the configured delay.
    Data,
    /// Searches a list in memory.
    Search,
    /// Adds up an order.
    Orders,
    /// Reads a body.
    Upload,
    /// Answers in pieces.
    Stream,
}

impl Endpoint {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Data, Self::Search, Self::Orders, Self::Upload, Self::Stream];

    /// Its route, which is also its name in settings and metrics.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Data => "/api/data",
            Self::Search => "/api/search",
            Self::Orders => "/api/orders",
            Self::Upload => "/api/upload",
            Self::Stream => "/api/stream",
        }
    }

    /// The endpoint with that route.
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_at_its_path() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::at(endpoint.path()), Some(endpoint));
        }
        assert_eq!(Endpoint::at("/api/nothing"), None);
    }
}
