//! The results folder: making a result's folder, and finding one by what a person calls it.

mod find;
mod folder;

pub use find::{FindError, find};
pub use folder::{FolderError, create_folder};
