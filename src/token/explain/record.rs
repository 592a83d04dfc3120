//! The outcomes of the checks, as they are made.

use crate::token::checks::{CheckName, Witness};
use crate::token::rejection::Rejection;

/// A witness who writes everything down and has the checks go on after one that failed.
#[derive(Debug, Default)]
pub(super) struct Record(Vec<(CheckName, Result<(), Rejection>)>);

impl Witness for Record {
    fn need<T>(&mut self, check: CheckName, outcome: Result<T, Rejection>) -> Result<T, Rejection> {
        self.0.push((check, outcome.as_ref().map(|_| ()).map_err(|rejection| *rejection)));
        outcome
    }

    fn hold(&mut self, check: CheckName, holds: bool, otherwise: Rejection) -> Result<(), Rejection> {
        self.0.push((check, if holds { Ok(()) } else { Err(otherwise) }));
        Ok(())
    }

    fn group<T: Default>(&mut self, outcome: Result<T, Rejection>) -> Result<T, Rejection> {
        Ok(outcome.unwrap_or_default())
    }
}

impl Record {
    /// Why a verifier does not believe the token: the first check that failed.
    pub fn rejection(&self) -> Option<Rejection> {
        self.0.iter().find_map(|(_, outcome)| outcome.err())
    }

    /// Why `check` failed, if it did.
    pub fn of(&self, check: CheckName) -> Option<Rejection> {
        self.0.iter().find_map(|(name, outcome)| outcome.err().filter(|_| *name == check))
    }

    /// Whether each of `checks` was made and passed.
    pub fn all_passed(&self, checks: &[CheckName]) -> bool {
        checks.iter().all(|check| self.0.iter().any(|(name, outcome)| name == check && outcome.is_ok()))
            && checks.iter().all(|check| self.of(*check).is_none())
    }

    /// Another outcome for `check`, from somebody who knows better.
    pub fn replace(&mut self, check: CheckName, found: Result<(), Rejection>) {
        for (_, outcome) in self.0.iter_mut().filter(|(name, _)| *name == check) {
            *outcome = found;
        }
    }

    /// The checks of `plan`, each with its outcome or `None`. What was checked beyond the plan is not lost: it comes last.
    pub fn along(&self, plan: Vec<CheckName>) -> Vec<(CheckName, Option<Result<(), Rejection>>)> {
        let mut left = self.0.clone();
        let mut all: Vec<_> = plan
            .into_iter()
            .map(|check| {
                let made = left.iter().position(|(name, _)| *name == check);
                (check, made.map(|place| left.remove(place).1))
            })
            .collect();
        all.extend(left.into_iter().map(|(name, outcome)| (name, Some(outcome))));
        all
    }
}
