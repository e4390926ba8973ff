//! What a user does, as data: the model, its file format, templates, captures, checks. Knows no network and no clock
//! but the one in `now`; a driver renders a request from it, sends it, and hands the response back.

mod file;
mod model;
mod user;

pub use file::{ScenarioError, built_in, load};
pub use model::{Endpoint, Redirects, Request, Scenario, Step, Task, Wait};
pub use user::{Feeds, Prepared, Rejection, RenderError, Reply, User};
