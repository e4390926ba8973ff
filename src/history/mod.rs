//! The results folder: making a result's folder, and finding one by what a person calls it.
