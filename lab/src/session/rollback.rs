//! The target in the service, which is put back however the drill ends.

use crate::admin::{Admin, AdminError};
use crate::drill::{FixStep, Target};
use crate::event::Truth;

/// The target of a drill. If it was injected and not rolled back when it is dropped, that is
/// made up for, as well as can be.
#[derive(Debug)]
pub struct RollBack {
    /// The service.
    pub admin: Admin,
    target: Target,
    is_injected: bool,
}

impl RollBack {
    /// The target in the service at `address`, not injected yet.
    pub fn new(address: &str, target: Target) -> Self {
        Self { admin: Admin::new(address), target, is_injected: false }
    }

    /// Switches the target on.
    pub fn inject(&mut self) -> Result<Truth, AdminError> {
        // Also if the answer is lost: then nobody knows.
        self.is_injected = true;
        self.admin.enable(&self.target)?;
        self.truth()
    }

    /// Applies the steps of a fix; returns what the service holds after.
    pub fn fix(&mut self, steps: &[FixStep]) -> Result<Truth, AdminError> {
        for step in steps {
            self.admin.fix(*step, &self.target)?;
        }
        self.truth()
    }

    /// What the service says of the target.
    pub fn truth(&mut self) -> Result<Truth, AdminError> {
        self.admin.truth(&self.target)
    }

    /// Switches the target off and empties it, if it was ever on.
    pub fn roll_back(&mut self) -> Result<(), AdminError> {
        if !std::mem::take(&mut self.is_injected) {
            return Ok(());
        }
        self.admin.roll_back(&self.target)
    }
}

impl Drop for RollBack {
    fn drop(&mut self) {
        // The service is ended next, which puts back whatever could not be reached here.
        let _ = self.roll_back();
    }
}
