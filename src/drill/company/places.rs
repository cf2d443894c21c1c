//! Places and devices from which the company, and its attacker, are seen.

/// A place on the map with the network it is seen from.
#[derive(Debug)]
pub(crate) struct Place {
    pub city: &'static str,
    pub region: &'static str,
    pub country: &'static str,
    pub iso: &'static str,
    /// Name of its time zone.
    pub zone: &'static str,
    pub lat: f64,
    pub lon: f64,
    pub asn: u32,
    pub org: &'static str,
    /// The first three bytes of its addresses; all are documentation or benchmark ranges.
    pub net: [u8; 3],
}

pub(crate) const PLACES: [Place; 6] = [
    place(
        "Copenhagen",
        "Capital Region",
        "Denmark",
        ("DK", "Europe/Copenhagen"),
        (55.6761, 12.5683),
        (64_496, "Acme A/S"),
        [192, 0, 2],
    ),
    place(
        "Aarhus",
        "Central Jutland",
        "Denmark",
        ("DK", "Europe/Copenhagen"),
        (56.1629, 10.2039),
        (64_496, "Acme A/S"),
        [198, 18, 4],
    ),
    place(
        "London",
        "England",
        "United Kingdom",
        ("GB", "Europe/London"),
        (51.5074, -0.1278),
        (64_497, "Acme Ltd"),
        [198, 18, 8],
    ),
    place(
        "Copenhagen",
        "Capital Region",
        "Denmark",
        ("DK", "Europe/Copenhagen"),
        (55.7, 12.5),
        (64_498, "Nordisk Bredband"),
        [198, 19, 1],
    ),
    place(
        "São Paulo",
        "São Paulo",
        "Brazil",
        ("BR", "America/Sao_Paulo"),
        (-23.5505, -46.6333),
        (64_510, "Hospedagem Rapida"),
        [203, 0, 113],
    ),
    place(
        "Frankfurt",
        "Hesse",
        "Germany",
        ("DE", "Europe/Berlin"),
        (50.1109, 8.6821),
        (64_511, "Cheap VPS GmbH"),
        [198, 51, 100],
    ),
];

/// Index of the private line of people who work from home.
pub(crate) const HOME: usize = 3;
/// Index of the place from which the attacker works.
pub(crate) const ATTACKER_PLACE: usize = 4;
/// Index of the hosting network from which passwords are sprayed.
pub(crate) const SPRAY_PLACE: usize = 5;
/// The attacker's own address.
pub(crate) const ATTACKER_IP: [u8; 4] = [203, 0, 113, 66];

const fn place(
    city: &'static str,
    region: &'static str,
    country: &'static str,
    (iso, zone): (&'static str, &'static str),
    (lat, lon): (f64, f64),
    (asn, org): (u32, &'static str),
    net: [u8; 3],
) -> Place {
    Place {
        city,
        region,
        country,
        iso,
        zone,
        lat,
        lon,
        asn,
        org,
        net,
    }
}

/// A client program: its user agent and the words that vendors derive from it.
#[derive(Debug)]
pub(crate) struct Agent {
    pub raw: &'static str,
    pub browser: &'static str,
    pub os: &'static str,
    pub device: &'static str,
}

pub(crate) const AGENTS: [Agent; 5] = [
    Agent {
        raw: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        browser: "CHROME",
        os: "Windows 11",
        device: "Computer",
    },
    Agent {
        raw: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
        browser: "SAFARI",
        os: "Mac OS X",
        device: "Computer",
    },
    Agent {
        raw: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        browser: "SAFARI",
        os: "iOS (iPhone)",
        device: "Mobile",
    },
    Agent {
        raw: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        browser: "FIREFOX",
        os: "Linux",
        device: "Computer",
    },
    Agent {
        raw: "python-requests/2.32.5",
        browser: "UNKNOWN",
        os: "Unknown",
        device: "Unknown",
    },
];

/// Index of the attacker's browser and of the sprayer's script.
pub(crate) const ATTACKER_AGENT: usize = 3;
pub(crate) const SCRIPT_AGENT: usize = 4;
