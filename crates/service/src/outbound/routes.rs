//! Routes for those who look after the server.

use policy::Config;
use policy::change::RouteSet;
use serde::{Deserialize, Serialize};
use types::Address;

use crate::Service;
use crate::actor::Actor;
use crate::error::ServiceResult;
use crate::queued::{self, Lead};

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    /// `*` for all mail that no other route is for, else the domain of the recipients.
    pub mail: String,
    /// Host and port.
    pub to: String,
    /// `none`, `opportunistic`, `start_tls` or `implicit`.
    pub tls: String,
    /// `smtp` or `lmtp`.
    pub protocol: String,
    /// The name for signing in there.
    pub user: Option<String>,
    /// The entry that made it so.
    pub entry: Option<u64>,
}

/// Where mail for an address goes, as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteFound {
    /// Nowhere else: its domain is hosted here.
    Here,
    /// By a route.
    Route(RouteView),
    /// To the hosts that DNS names for this domain.
    Dns(String),
}

impl Service {
    /// All routes.
    pub fn route_list(&self, actor: &Actor) -> ServiceResult<Vec<RouteView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        Ok(config.routes().map(|route| view(&config, route)).collect())
    }

    /// Where mail for an address goes.
    pub fn route_test(&self, actor: &Actor, to: &Address) -> ServiceResult<RouteFound> {
        self.may_read_server(actor)?;
        let config = self.config();
        if config.domain(to.domain()).is_some() {
            return Ok(RouteFound::Here);
        }
        Ok(match queued::way(&config, to).to {
            Lead::Route(route) => RouteFound::Route(view(&config, route)),
            Lead::Domain(domain) => RouteFound::Dns(domain.to_string()),
        })
    }
}

pub(crate) fn view(config: &Config, route: &RouteSet) -> RouteView {
    let mail = route.id.to_string();
    let tls = serde_json::to_value(route.tls).unwrap_or_default();
    RouteView {
        to: route.place(),
        tls: tls.as_str().unwrap_or_default().to_owned(),
        protocol: if route.lmtp { "lmtp" } else { "smtp" }.to_owned(),
        user: route.user.clone(),
        entry: config.last_entry("route", &mail).map(|(seq, _)| seq),
        mail,
    }
}
