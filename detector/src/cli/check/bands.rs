//! Where memory and its growth lie among the targets of a service: normal, warning, critical.
//!
//! The figures are those of the runbook that many services start from, in MiB; a service of another size has others, so
//! they decide nothing here.

const MIB: f64 = 1024.0 * 1024.0;
/// Of the level: normal up to, warning from, critical from.
const BASE: [f64; 3] = [400.0 * MIB, 800.0 * MIB, 1536.0 * MIB];
/// Of the highest level.
const PEAK: [f64; 3] = [1024.0 * MIB, 1536.0 * MIB, 2048.0 * MIB];
/// Of growth per hour.
const GROWTH: [f64; 3] = [10.0 * MIB, 50.0 * MIB, 100.0 * MIB];

/// What the bands are, for whoever reads them.
pub const EXPLAINED: &str = "Bands (normal up to / warning from / critical from): level 400 MiB / 800 MiB / 1.5 GiB, \
peak 1 / 1.5 / 2 GiB, growth 10 / 50 / 100 MiB per hour. They say how large, not whether it leaks.";

/// A band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    Normal,
    Raised,
    Warning,
    Critical,
}

impl Band {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Raised => "raised",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    fn of(value: f64, [normal, warning, critical]: [f64; 3]) -> Self {
        match value {
            v if v >= critical => Self::Critical,
            v if v >= warning => Self::Warning,
            v if v > normal => Self::Raised,
            _ => Self::Normal,
        }
    }
}

/// Of a level in bytes.
pub fn base(bytes: f64) -> Band {
    Band::of(bytes, BASE)
}

/// Of the highest level in bytes.
pub fn peak(bytes: f64) -> Band {
    Band::of(bytes, PEAK)
}

/// Of growth in bytes per second.
pub fn growth(bytes_per_second: f64) -> Band {
    Band::of(bytes_per_second * 3600.0, GROWTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leak of 60 MiB per hour is 17 KiB per second, and warned of.
    #[test]
    fn growth_is_given_per_second_and_judged_per_hour() {
        for (per_hour, band) in [
            (0.0, Band::Normal),
            (20.0, Band::Raised),
            (60.0, Band::Warning),
            (100.0, Band::Critical),
        ] {
            assert_eq!(growth(per_hour * MIB / 3600.0), band, "{per_hour}");
        }
        assert_eq!((base(300.0 * MIB), peak(1800.0 * MIB)), (Band::Normal, Band::Warning));
    }
}
