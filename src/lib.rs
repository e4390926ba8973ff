//! Load tests for agenthub: drive users, record what happened, judge it against the targets, report it with its proof.
//!
//! The map of this house. Imports run downwards only, and data flows one way:
//!
//! ```text
//! scenario ─▶ load ─┐
//!                   ├─▶ record (journal) ─▶ Run ─▶ judge ─▶ report / history
//!      observe ────┘
//! ```
//!
//! | room | what it is for |
//! |---|---|
//! | [`cli`] | one file a subcommand; wires the rooms together; the only room that prints |
//! | [`capacity`] | the search for the edge, and from there to what N users need |
//! | [`calibrate`] | the harness against known service times |
//! | [`load`] | drives scenarios: users on Goose, the HTTP client, pacing |
//! | [`reference`] | the reference agenthub service |
//! | [`observe`] | probes on the system under test |
//! | [`audit`] | the guide's checklist as rules: evidence, threshold with its source, fix |
//! | [`report`] | one file a format |
//! | [`history`] | the results folder and references into it |
//! | [`scenario`] | what a user does, as data |
//! | [`record`] | what happened: recorder, journal, and the `Run` that is read back |
//! | [`judge`] | targets and verdicts |
//! | [`stats`] | mathematics, with its sources |
//! | [`units`] | durations, rates, ratios: parse and print |
//! | [`document`] | a TOML document that knows its lines |
//! | [`mask`] | what must not be written or shown |
//! | `tls` | whose certificates are trusted |

pub mod audit;
pub mod calibrate;
pub mod capacity;
pub mod cli;
pub mod document;
pub mod history;
pub mod judge;
pub mod load;
pub mod mask;
pub mod observe;
pub mod record;
pub mod reference;
pub mod report;
pub mod scenario;
pub mod stats;
mod tls;
pub mod units;
