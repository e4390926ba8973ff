//! The results folder: making a result's folder, finding one by what a person calls it, and holding one against another.

mod compare;
mod decide;
mod figure;
mod find;
mod folder;
mod measured;
mod pair;
mod several;
mod workload;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use compare::{Options, compare, compare_rounds, compare_runs, workload_differences};
pub use find::{FindError, find};
pub use folder::{FolderError, create_folder};
pub use measured::{Figure, Measured, figures, measure};
pub use workload::{Workload, workload};
