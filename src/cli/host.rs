//! The host of a command: read, allowed and reached, or the reference service in its place.

use std::time::Duration;

use super::Failure;
use super::service::Service;
use crate::load::{AllowedHosts, Host, LOOPBACK, Proxies, Proxy, is_under_localhost, tls_words};

/// How long the host may take to accept a first connection.
const REACHED_WITHIN: Duration = Duration::from_secs(5);
/// Where the host says how it is.
const HEALTH: &str = "/api/v2/health";

/// Read, and allowed.
pub(super) fn checked(text: &str, allowed: &AllowedHosts) -> Result<Host, Failure> {
    let host = Host::parse(text).map_err(Failure::usage)?;
    host.check_allowed(allowed).map_err(Failure::usage)?;
    Ok(host)
}

/// The host, reached; or the reference service in its place.
pub(super) async fn ready(
    host: Option<Host>,
    insecure: bool,
    tell: &dyn Fn(&str),
) -> Result<(Host, Option<Service>), Failure> {
    let Some(host) = host else {
        return reference(tell).await;
    };
    reach(&host, insecure, tell).await?;
    Ok((host, None))
}

/// The reference service in the place of a host.
pub(super) async fn reference(tell: &dyn Fn(&str)) -> Result<(Host, Option<Service>), Failure> {
    let service = Service::start().await?;
    tell(&format!("no --host given: reference agenthub service on {}", service.url));
    let host = Host::parse(&service.url).map_err(Failure::cannot)?;
    Ok((host, Some(service)))
}

/// The proxy on the way to the host, said where there is one.
pub(super) fn proxy_to(host: &Host, tell: &dyn Fn(&str)) -> Result<Option<Proxy>, Failure> {
    let proxy = Proxies::from_env().on_the_way_to(&host.origin).map_err(Failure::usage)?;
    if let Some(proxy) = &proxy {
        tell(&format!("requests to {} go through the proxy {proxy}, which the environment names", host.origin.name));
    }
    Ok(proxy)
}

/// One request outside the load, not counted: whether anybody listens, before users pile up at a closed door.
async fn reach(host: &Host, insecure: bool, tell: &dyn Fn(&str)) -> Result<(), Failure> {
    let url = format!("{host}{HEALTH}");
    let proxy = proxy_to(host, tell)?;
    let mut client = reqwest::Client::builder().no_proxy();
    if let Some(proxy) = &proxy {
        let (url, credentials) = proxy.parts();
        let mut way = reqwest::Proxy::all(url).map_err(Failure::cannot)?;
        if let Some(credentials) = credentials {
            way = way.custom_http_auth(credentials.clone());
        }
        client = client.proxy(way);
    }
    if is_under_localhost(&host.origin.name) {
        client = client.resolve_to_addrs(&host.origin.name, &LOOPBACK.map(|address| (address, 0).into()));
    }
    let client = client
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(REACHED_WITHIN)
        .timeout(REACHED_WITHIN * 2)
        // Plain http needs no store of certificates, which a small container may not have.
        .tls_danger_accept_invalid_certs(insecure || !host.origin.tls)
        .build()
        .map_err(Failure::cannot)?;
    match client.get(&url).send().await {
        Ok(answer) if answer.status().is_server_error() => tell(&format!("GET {HEALTH} answers {}", answer.status())),
        Ok(_) => {}
        Err(error) if error.is_connect() => {
            if let Some(why) = tls_words(&error) {
                return Err(Failure::cannot(format!("cannot reach {host}: {why}")));
            }
            let why = innermost(&error);
            let through = proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
            let tls = if host.origin.tls { "does it speak TLS there, " } else { "" };
            let hint = format!("is it running, {tls}and is --host right?");
            return Err(Failure::cannot(format!("cannot reach {host}{through}: {why}; {hint}")));
        }
        Err(error) => tell(&format!("GET {HEALTH} gets no answer ({}); going on", innermost(&error))),
    }
    Ok(())
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
