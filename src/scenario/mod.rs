//! What a user does, as data: the model, its file format, templates, captures, checks. Knows no network and no clock
//! but the one in `now`; a driver renders a request from it, sends it, and hands the response back.

mod capture;
mod encode;
mod expect;
mod feeder;
mod file;
mod generate;
mod model;
mod plan;
mod template;
mod user;
mod value;

#[cfg(test)]
mod tests;

pub use file::{ScenarioError, built_in, load};
pub use model::{Condition, Endpoint, Redirects, Request, Scenario, Step, Task, Wait};
pub use plan::{Plan, PlanFeeder, PlanStep, PlanTask, PlanVariable};
pub use user::{Feeds, Prepared, Rejection, RenderError, Reply, User};
