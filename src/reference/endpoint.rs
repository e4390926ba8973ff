//! The endpoints by name: what metrics count and rules speak of.

use http::Method;

/// An endpoint of the service; everything that it does not serve is [`Endpoint::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /api/v2/auth/login`
    Login,
    /// `GET /api/v2/projects`
    Projects,
    /// `GET /api/v2/tasks`
    Tasks,
    /// `POST /api/v2/tasks`
    CreateTask,
    /// `GET /api/v2/static/version`
    Version,
    /// `GET /api/v2/health`
    Health,
    /// `GET /metrics`
    Metrics,
    /// Any other method or path.
    Other,
}

impl Endpoint {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them; each stands at its own [`Endpoint::index`].
    pub const ALL: [Self; 8] = [
        Self::Login,
        Self::Projects,
        Self::Tasks,
        Self::CreateTask,
        Self::Version,
        Self::Health,
        Self::Metrics,
        Self::Other,
    ];

    /// The endpoint that serves this method and path.
    pub fn of(method: &Method, path: &str) -> Self {
        match (method.as_str(), path) {
            ("POST", "/api/v2/auth/login") => Self::Login,
            ("GET", "/api/v2/projects") => Self::Projects,
            ("GET", "/api/v2/tasks") => Self::Tasks,
            ("POST", "/api/v2/tasks") => Self::CreateTask,
            ("GET", "/api/v2/static/version") => Self::Version,
            ("GET", "/api/v2/health") => Self::Health,
            ("GET", "/metrics") => Self::Metrics,
            _ => Self::Other,
        }
    }

    /// Its method; `other` for what is not served.
    pub fn method(self) -> &'static str {
        match self {
            Self::Login | Self::CreateTask => "POST",
            Self::Projects | Self::Tasks | Self::Version | Self::Health | Self::Metrics => "GET",
            Self::Other => "other",
        }
    }

    /// Its path; `other` for what is not served.
    pub fn path(self) -> &'static str {
        match self {
            Self::Login => "/api/v2/auth/login",
            Self::Projects => "/api/v2/projects",
            Self::Tasks | Self::CreateTask => "/api/v2/tasks",
            Self::Version => "/api/v2/static/version",
            Self::Health => "/api/v2/health",
            Self::Metrics => "/metrics",
            Self::Other => "other",
        }
    }

    /// Its place in [`Endpoint::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_by_its_own_method_and_path() {
        for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint.index(), index);
            let method = Method::from_bytes(endpoint.method().as_bytes()).expect("a method");
            assert_eq!(Endpoint::of(&method, endpoint.path()), endpoint);
        }
        assert_eq!(Endpoint::of(&Method::DELETE, "/api/v2/tasks"), Endpoint::Other);
    }
}
