//! What Panther adds to a vendor's record: the time it took for the event's, and what it looked up for the address.
//!
//! Source: Panther's standard fields (`p_event_time`, `p_log_type`) and the enrichment tables of IPinfo.

use super::tree::Value;

use super::{Source, address};
use crate::connect::decode::{at, text, time};
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Event, Geo, Signal};

/// Tells whose record it is by the type of log that Panther wrote into it.
pub(super) fn source(record: &Value) -> Option<Source> {
    let kind = record.get("p_log_type")?.as_str()?;
    Some(match kind.split_once('.')?.0 {
        "Okta" => Source::Okta,
        "AWS" if kind == "AWS.CloudTrail" => Source::CloudTrail,
        "GSuite" if kind == "GSuite.ActivityEvent" => Source::Google,
        "OneLogin" => Source::OneLogin,
        "Auth0" => Source::Auth0,
        "Duo" => Source::Duo,
        "Azure" if kind == "Azure.Audit" => Source::Entra,
        "Microsoft365" => Source::M365,
        _ => return None,
    })
}

/// Adds what the record itself does not say: a time where it has none, a place and a network for its address.
pub(super) fn complete(record: &Value, event: &mut Event) {
    if event.untimed
        && let Some(at) = time(record, "p_event_time")
    {
        (event.at, event.untimed) = (at, false);
    }
    if record.get("p_enrichment").is_none() {
        return;
    }
    if let Some(place) = looked_up(record, "ipinfo_location", event)
        && event.geo == Geo::default()
    {
        event.geo = geo(place);
    }
    if let Some(system) = looked_up(record, "ipinfo_asn", event) {
        let number = text(system, "asn");
        let number = number.and_then(|asn| asn.raw().trim_start_matches("AS").parse().ok());
        event.network.number = event.network.number.or(number);
        let name = text(system, "name");
        event.network.organization = event.network.organization.take().or(name);
    }
    if let Some(privacy) = looked_up(record, "ipinfo_privacy", event) {
        let words = [
            ("vpn", Signal::Vpn),
            ("hosting", Signal::Hosting),
            ("tor", Signal::Tor),
            ("proxy", Signal::Proxy),
        ];
        for (field, signal) in words {
            if privacy.get(field).and_then(Value::as_bool) == Some(true) {
                event.signals.insert(signal);
            }
        }
    }
}

/// Finds what a table says of the event's own address; what it says of another address is of no use.
fn looked_up<'a>(record: &'a Value<'a>, table: &str, event: &Event) -> Option<&'a Value<'a>> {
    let own = event.ip.as_ref()?;
    let found = at(record, "p_enrichment")?.get(table)?.as_object()?;
    let is_own =
        |written: Option<Untrusted>| written.as_ref().and_then(address).as_ref() == Some(own);
    found.iter().find_map(|(field, value)| {
        let matches = is_own(text(value, "p_match")) || is_own(text(record, field));
        (matches && value.is_object()).then_some(value)
    })
}

fn geo(place: &Value) -> Geo {
    let degrees = |field| text(place, field).and_then(|text| text.raw().parse::<f64>().ok());
    Geo {
        city: text(place, "city"),
        region: text(place, "region"),
        country: None,
        country_iso: text(place, "country"),
        point: degrees("lat")
            .zip(degrees("lng"))
            .and_then(|(latitude, longitude)| Geo::at(latitude, longitude)),
        ..Geo::default()
    }
}
