//! The results folder: making a result's folder, finding one by what a person calls it, and holding one against another.

mod compare;
mod decide;
mod edges;
mod figure;
mod find;
mod folder;
mod kept;
mod list;
mod measured;
mod pair;
mod prune;
mod several;
mod trend;
mod workload;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use compare::{Options, compare, compare_rounds, compare_runs, workload_differences};
pub use find::{FindError, find};
pub use folder::{FolderError, create_folder};
pub use list::{ListedRun, Listing, list};
pub use measured::{Figure, Measured, figures, measure};
pub use prune::{Prunable, Pruning, prune, remove};
pub use trend::{TrendError, TrendOptions, trend};
pub use workload::{Workload, short_hash, workload};
