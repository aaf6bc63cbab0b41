//! Moments as people write them.

use firedrill_core::object::WallTime;

/// Reads RFC 3339, the same without an offset (UTC), with a space for the `T`, or a date alone (its first
/// moment in UTC).
///
/// # Errors
/// A sentence with examples.
pub(crate) fn parse(text: &str) -> Result<WallTime, String> {
    let candidates = [
        text.replacen(' ', "T", 1),
        format!("{}Z", text.replacen(' ', "T", 1)),
        format!("{text}T00:00:00Z"),
    ];
    let moment = candidates
        .iter()
        .find_map(|text| WallTime::parse_rfc3339(text));
    moment.ok_or_else(|| {
        "write 2026-11-21T03:26:07Z, 2026-11-21T04:26:07.123+01:00, 2026-11-21T03:26:07 (UTC) or 2026-11-21".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_a_moment() {
        for (text, expected) in [
            ("2026-11-21T03:26:07Z", "2026-11-21T03:26:07Z"),
            ("2026-11-21T04:26:07+01:00", "2026-11-21T03:26:07Z"),
            ("2026-11-21T03:26:07.123456Z", "2026-11-21T03:26:07.123456Z"),
            ("2026-11-21T03:26:07", "2026-11-21T03:26:07Z"),
            ("2026-11-21 03:26:07", "2026-11-21T03:26:07Z"),
            ("2026-11-21 03:26:07.5Z", "2026-11-21T03:26:07.5Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"),
        ] {
            let moment = parse(text).expect(text);
            assert_eq!(moment.to_rfc3339(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_moment_is_shown_how_to_write_one() {
        for text in [
            "",
            "now",
            "yesterday",
            "2026-11",
            "2026-13-01",
            "2026-11-21T25:00:00",
            "03:26:07",
            "1763695567",
            "21.11.2026",
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("2026-11-21T03:26:07Z"), "{text}: {error}");
        }
    }
}
