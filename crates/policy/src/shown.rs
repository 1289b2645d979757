//! Text that came from somebody, made fit to be read: nothing in it is invisible or reorders.
//!
//! Control and bidirectional characters and those without width are shown as `<U+202E>`; names of
//! domains stand as A-labels, with the Unicode form behind them where it differs (RFC 5890 §2.3).

use types::{Address, Domain};

/// The text with every character that hides, reorders or joins others made visible.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            shown.push_str(&format!("<U+{:04X}>", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Controls, line separators, bidirectional marks, and characters that have no width.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `xn--bcher-kva.example (bücher.example)`: A-labels, and the Unicode form where it differs.
pub fn domain(name: &Domain) -> String {
    let unicode = name.to_unicode();
    if unicode == name.as_str() {
        unicode
    } else {
        format!("{name} ({})", visible(&unicode))
    }
}

/// The address with its domain as [`domain`] shows it.
pub fn address(address: &Address) -> String {
    let local = visible(&address.local().to_string());
    format!("{local}@{}", domain(address.domain()))
}

/// `10 MiB`, `1.5 GiB` or `900 octets`: an amount of octets in the largest unit that it fills.
pub fn octets(octets: u64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let Some((shift, unit)) = UNITS.into_iter().find(|(shift, _)| octets >> shift > 0) else {
        return format!("{octets} octets");
    };
    let whole = octets >> shift;
    // Tenths, cut and not rounded: never more than there is.
    let rest = octets - (whole << shift);
    match (rest * 10) >> shift {
        0 => format!("{whole} {unit}"),
        tenths => format!("{whole}.{tenths} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_is_made_visible() {
        for (text, shown) in [
            ("plain žluť 日本", "plain žluť 日本"),
            ("a\u{202e}b", "a<U+202E>b"),
            ("a\r\nb\0", "a<U+000D><U+000A>b<U+0000>"),
            ("\u{2066}\u{200d}\u{feff}", "<U+2066><U+200D><U+FEFF>"),
            ("\u{e0041}", "<U+E0041>"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn amounts_are_in_the_largest_unit_that_they_fill() {
        for (amount, shown) in [
            (0, "0 octets"),
            (1_023, "1023 octets"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (10 << 20, "10 MiB"),
            ((1 << 40) - 1, "1023.9 GiB"),
            (1 << 50, "1024 TiB"),
        ] {
            assert_eq!(octets(amount), shown);
        }
    }

    #[test]
    fn domains_show_both_spellings() {
        let address: Address = "ann\u{202e}x@bücher.example.org".parse().unwrap();
        assert_eq!(
            super::address(&address),
            "ann<U+202E>x@xn--bcher-kva.example.org (bücher.example.org)"
        );
        assert_eq!(domain(&"example.org".parse().unwrap()), "example.org");
    }
}
