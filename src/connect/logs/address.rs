//! Addresses as logs write them: with a port, in brackets, mapped, with zeros in front, or no address at all.

use std::net::{IpAddr, Ipv4Addr};

use crate::domain::text::Untrusted;

/// Gives the shortest form of an address without its port, or the text as it came where it is no IP address.
///
/// Of several addresses, as in `X-Forwarded-For`, the first counts. IPv4 mapped into IPv6 is IPv4. Zeros in front of a
/// part are taken as decimal only where octal would mean the same. Nothing, `-`, `null` and `unknown` are `None`.
pub(crate) fn address(written: &Untrusted) -> Option<Untrusted> {
    let first = written.raw().split(',').next().unwrap_or_default().trim();
    if matches!(
        first.to_ascii_lowercase().as_str(),
        "" | "-" | "null" | "none" | "unknown" | "n/a" | "not available" | "<null>"
    ) {
        return None;
    }
    Some(match ip(first) {
        Some(ip) => Untrusted::new(ip.to_string()),
        None => Untrusted::new(first),
    })
}

/// Reads an IP address, with or without a port.
pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    plain(text).or_else(|| without_port(text).and_then(plain))
}

fn plain(text: &str) -> Option<IpAddr> {
    let found = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| padded(text).map(IpAddr::V4))?;
    Some(match found {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4),
        IpAddr::V4(four) => IpAddr::V4(four),
    })
}

/// Takes off a port: `a:80`, `[b]:443`, `[b]`; an address of version 6 without brackets has none.
fn without_port(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']')?;
        let port = after.strip_prefix(':').unwrap_or(after);
        return port
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some(inner);
    }
    let (host, port) = text.split_once(':')?;
    (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
}

/// Reads an address of version 4 whose parts have zeros in front.
fn padded(text: &str) -> Option<Ipv4Addr> {
    let mut parts = [0_u8; 4];
    let mut given = text.split('.');
    for part in &mut parts {
        let word = given.next().filter(|word| word.len() <= 3)?;
        let decimal: u8 = word.parse().ok()?;
        if word.len() > 1 && word.starts_with('0') && u8::from_str_radix(word, 8) != Ok(decimal) {
            return None;
        }
        *part = decimal;
    }
    given.next().is_none().then(|| Ipv4Addr::from(parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("198.51.100.7", Some("198.51.100.7"))]
    #[case("198.51.100.7:52114", Some("198.51.100.7"))]
    #[case("[2001:db8::1]:443", Some("2001:db8::1"))]
    #[case("[2001:db8::1]", Some("2001:db8::1"))]
    #[case("2001:0DB8:0:0::1", Some("2001:db8::1"))]
    #[case("::ffff:198.51.100.7", Some("198.51.100.7"))]
    #[case("225.01.00.16", Some("225.1.0.16"))]
    #[case("10.010.0.1", Some("10.010.0.1"))]
    #[case("123.456.7.89", Some("123.456.7.89"))]
    #[case("ec2.amazonaws.com", Some("ec2.amazonaws.com"))]
    #[case("198.51.100.7, 10.0.0.1", Some("198.51.100.7"))]
    #[case("unknown", None)]
    #[case(" - ", None)]
    #[case("", None)]
    fn addresses(#[case] written: &str, #[case] expected: Option<&str>) {
        assert_eq!(address(&written.into()), expected.map(Untrusted::new));
    }
}
