//! Places, networks and hiding sources of addresses from local databases in MaxMind's format.
//!
//! Nothing is asked of anybody: the files are those of `[timeline] places`, read whole at the start. What a vendor says
//! of a source stands; a database completes it. What must not live here: what a place means (`domain::timeline`).
//!
//! Source: MaxMind DB File Format 2.0; GeoIP2 and GeoLite2 databases City, Country, Enterprise, ASN, ISP, Anonymous IP.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{MaxMindDbError, Reader, geoip2};

use super::files::{self, FileError, Rule};
use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::event::{Event, Geo, Network, Set, Signal};
use crate::safe;

/// Most bytes of one database.
const MOST: u64 = 1 << 30;

/// Says why a database of places cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// The file cannot be opened or is not to be believed.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no database, or a broken one.
    #[error("failed to read the database of places {path}: {}", Untrusted::new(source.to_string()).line())]
    Broken {
        /// Which.
        path: Safe,
        /// The cause.
        source: MaxMindDbError,
    },
    /// It is a database of something else.
    #[error("refused the database of places {path}: it holds {kind}")]
    Kind {
        /// Which.
        path: Safe,
        /// The type it says of itself.
        kind: Safe,
    },
}

impl PlacesError {
    /// Gives what can be done about it.
    pub fn hint(&self) -> Option<Safe> {
        match self {
            Self::File(error) => error.hint(),
            Self::Broken { .. } => Some("fetch the file anew; it ends in .mmdb, unpacked".into()),
            Self::Kind { .. } => {
                Some("City, Country, Enterprise, ASN, ISP and Anonymous IP can be read".into())
            }
        }
    }
}

/// What a database says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Place,
    Network,
    Hiding,
}

impl Kind {
    /// Tells it by the type that the database says of itself, such as `GeoLite2-City`.
    fn of(database: &str) -> Option<Self> {
        let has = |word: &str| database.contains(word);
        if has("Anonymous") {
            Some(Self::Hiding)
        } else if has("City") || has("Country") || has("Enterprise") {
            Some(Self::Place)
        } else if has("ASN") || has("ISP") {
            Some(Self::Network)
        } else {
            None
        }
    }
}

struct Table {
    path: Safe,
    kind: Kind,
    reader: Reader<Vec<u8>>,
}

/// The databases; none is fine.
#[derive(Default)]
pub struct Places {
    tables: Vec<Table>,
}

impl Places {
    /// Reads the databases by the rule for files that decide something.
    ///
    /// # Errors
    /// The first [`PlacesError`].
    pub fn open(paths: &[PathBuf]) -> Result<Self, PlacesError> {
        let tables = paths
            .iter()
            .map(|path| table(path))
            .collect::<Result<_, _>>()?;
        Ok(Self { tables })
    }

    /// Begins to look up, each address once.
    pub fn lookup(&self) -> Lookup<'_> {
        Lookup {
            places: self,
            known: HashMap::new(),
            faults: Vec::new(),
        }
    }
}

fn table(path: &Path) -> Result<Table, PlacesError> {
    let bytes = files::read_checked(path, Rule::Places, MOST)?;
    let path = files::shown(path);
    let reader = match Reader::from_source(bytes) {
        Ok(reader) => reader,
        Err(source) => return Err(PlacesError::Broken { path, source }),
    };
    let database = &reader.metadata().database_type;
    match Kind::of(database) {
        Some(kind) => Ok(Table { path, kind, reader }),
        None => Err(PlacesError::Kind {
            kind: Untrusted::new(database.as_str()).field(),
            path,
        }),
    }
}

/// What the databases together say of one address.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    geo: Geo,
    network: Network,
    signals: Set<Signal>,
}

/// Looks up the addresses of events, each address once.
pub struct Lookup<'p> {
    places: &'p Places,
    known: HashMap<IpAddr, Known>,
    faults: Vec<(usize, Safe)>,
}

impl Lookup<'_> {
    /// Adds to an event what the vendor did not say of its source.
    ///
    /// A place is added where the vendor gives none, or only the country that the database gives too. A network is
    /// added where the vendor gives none. What hides a source is added to what the vendor says.
    pub fn complete(&mut self, event: &mut Event) {
        if self.places.tables.is_empty() {
            return;
        }
        let written = event.ip.as_ref().map(Untrusted::raw).unwrap_or_default();
        let Ok(address) = written.parse::<IpAddr>() else {
            return;
        };
        let known = if let Some(known) = self.known.get(&address) {
            known
        } else {
            let known = self.look_up(address);
            &*self.known.entry(address).or_insert(known)
        };
        add(known, event);
    }

    fn look_up(&mut self, address: IpAddr) -> Known {
        let mut known = Known::default();
        for (number, table) in self.places.tables.iter().enumerate() {
            let Err(error) = table.look_up(address, &mut known) else {
                continue;
            };
            if self.faults.iter().all(|(of, _)| *of != number) {
                let cause = Untrusted::new(error.to_string());
                self.faults.push((number, cause.line()));
            }
        }
        known
    }

    /// Gives the databases of which a part could not be read, each with the first cause.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.faults.iter().filter_map(|(number, cause)| {
            let path = &self.places.tables.get(*number)?.path;
            let what = safe!("the database of places {} is broken: {}", path, cause);
            Some(Fault::new(what).hint("places of some addresses are missing; fetch the file anew"))
        })
    }
}

impl Table {
    fn look_up(&self, address: IpAddr, known: &mut Known) -> Result<(), MaxMindDbError> {
        // A database of version 4 holds no address of version 6: that is no fault of the file.
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(());
        }
        let found = self.reader.lookup(address)?;
        match self.kind {
            Kind::Place => {
                if let Some(city) = found.decode::<geoip2::City<'_>>()? {
                    let geo = geo(&city);
                    // The first database that says more than a country has the word.
                    if known.geo.city.is_none() && known.geo.point.is_none() {
                        known.geo = geo;
                    }
                }
            }
            Kind::Network => {
                if let Some(system) = found.decode::<geoip2::Asn<'_>>()? {
                    known.network = Network {
                        number: system.autonomous_system_number,
                        organization: words(system.autonomous_system_organization),
                    };
                }
            }
            Kind::Hiding => {
                if let Some(hiding) = found.decode::<geoip2::AnonymousIp>()? {
                    known.signals = signals(&hiding);
                }
            }
        }
        Ok(())
    }
}

fn words(text: Option<&str>) -> Option<Untrusted> {
    text.filter(|text| !text.is_empty()).map(Untrusted::new)
}

fn geo(found: &geoip2::City<'_>) -> Geo {
    let place = &found.location;
    Geo {
        city: words(found.city.names.english),
        region: words(found.subdivisions.first().and_then(|one| one.names.english)),
        country: words(found.country.names.english),
        country_iso: words(found.country.iso_code),
        point: place
            .latitude
            .zip(place.longitude)
            .and_then(|(latitude, longitude)| Geo::at(latitude, longitude)),
        by_database: true,
    }
}

fn signals(hiding: &geoip2::AnonymousIp) -> Set<Signal> {
    let proxy = hiding.is_public_proxy == Some(true) || hiding.is_residential_proxy == Some(true);
    let said = [
        (hiding.is_anonymous_vpn == Some(true), Signal::Vpn),
        (hiding.is_hosting_provider == Some(true), Signal::Hosting),
        (hiding.is_tor_exit_node == Some(true), Signal::Tor),
        (proxy, Signal::Proxy),
    ];
    let mut set = Set::default();
    for (_, signal) in said.into_iter().filter(|(is, _)| *is) {
        set.insert(signal);
    }
    set
}

fn add(known: &Known, event: &mut Event) {
    for signal in known.signals.iter() {
        event.signals.insert(signal);
    }
    if event.network.number.is_none() && known.network.number.is_some() {
        event.network.number = known.network.number;
        if event.network.organization.is_none() {
            let name = &known.network.organization;
            event.network.organization.clone_from(name);
        }
    }
    let says_more = known.geo.place().is_some() || known.geo.point.is_some();
    let told = &event.geo;
    let vague = told.city.is_none() && told.region.is_none() && told.point.is_none();
    if says_more && vague && (told.place().is_none() || is_same_country(told, &known.geo)) {
        event.geo = known.geo.clone();
    }
}

/// Tells whether the country a vendor gives, by name or code, is that of the database.
fn is_same_country(told: &Geo, known: &Geo) -> bool {
    let own = [&known.country, &known.country_iso];
    [&told.country, &told.country_iso]
        .into_iter()
        .flatten()
        .all(|country| {
            own.into_iter()
                .flatten()
                .any(|own| own.raw().eq_ignore_ascii_case(country.raw()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn known() -> Known {
        Known {
            geo: Geo {
                city: Some("Linköping".into()),
                country: Some("Sweden".into()),
                country_iso: Some("SE".into()),
                point: Some((58.4, 15.6)),
                by_database: true,
                ..Geo::default()
            },
            network: Network {
                number: Some(29_518),
                organization: Some("Bredband2".into()),
            },
            signals: Set::of(&[Signal::Vpn]),
        }
    }

    fn told(city: Option<&str>, country: Option<&str>, point: Option<(f32, f32)>) -> Geo {
        Geo {
            city: city.map(Untrusted::new),
            country: country.map(Untrusted::new),
            point,
            ..Geo::default()
        }
    }

    #[rstest]
    #[case::nothing(told(None, None, None), true)]
    #[case::the_country_by_name(told(None, Some("sweden"), None), true)]
    #[case::the_country_by_code(told(None, Some("SE"), None), true)]
    #[case::another_country(told(None, Some("Norway"), None), false)]
    #[case::a_city(told(Some("Stockholm"), Some("Sweden"), None), false)]
    #[case::a_point(told(None, None, Some((1.0, 2.0))), false)]
    fn what_a_vendor_says_stands(#[case] geo: Geo, #[case] completed: bool) {
        let mut event = Event {
            geo: geo.clone(),
            ..Event::default()
        };
        add(&known(), &mut event);
        assert_eq!(event.geo.by_database, completed);
        if !completed {
            assert_eq!(event.geo, geo);
        }
        assert_eq!(event.network.number, Some(29_518));
        assert!(event.signals.contains(Signal::Vpn));
    }

    #[test]
    fn the_network_of_the_vendor_stands() {
        let mut event = Event::default();
        event.network.number = Some(1);
        add(&known(), &mut event);
        assert_eq!(
            (event.network.number, event.network.organization),
            (Some(1), None)
        );
    }

    #[rstest]
    #[case("GeoLite2-City", Some(Kind::Place))]
    #[case("GeoIP2-Country", Some(Kind::Place))]
    #[case("GeoLite2-ASN", Some(Kind::Network))]
    #[case("GeoIP2-Anonymous-IP", Some(Kind::Hiding))]
    #[case("GeoIP2-Domain", None)]
    fn kinds_of_databases(#[case] database: &str, #[case] kind: Option<Kind>) {
        assert_eq!(Kind::of(database), kind);
    }
}
