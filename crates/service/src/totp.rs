//! Codes of a second factor that depend on the time (RFC 6238, RFC 4226): SHA-1, six digits, steps
//! of thirty seconds, as every authenticator has them.

use aws_lc_rs::{constant_time, hmac};
use types::{Secret, Timestamp};

/// Seconds of one step.
const STEP_S: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
/// Codes there are.
const CODES: u32 = 1_000_000;
/// Steps before and after the present one whose codes are taken, for clocks that differ.
const DRIFT_STEPS: u64 = 1;
/// Octets of a shared secret (RFC 4226 §4 asks for at least 16).
const SECRET_OCTETS: std::ops::RangeInclusive<usize> = 16..=64;
/// The letters of Base32 (RFC 4648 §6), in which a shared secret is written.
pub const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The octets of a shared secret that is written in Base32; `None` if it is none, or too short.
pub(crate) fn secret(base32: &Secret) -> Option<Secret> {
    let mut octets = Vec::with_capacity(base32.expose().len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in base32.expose() {
        let value = BASE32.iter().position(|known| known == letter)?;
        held = held << 5 | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            octets.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    let octets = Secret::new(octets);
    SECRET_OCTETS
        .contains(&octets.expose().len())
        .then_some(octets)
}

/// The steps around `now` whose code this is, the earliest first.
pub(crate) fn steps(secret: &Secret, code: &str, now: Timestamp) -> Vec<u64> {
    if code.len() != DIGITS {
        return Vec::new();
    }
    let Ok(present) = u64::try_from(now.seconds().div_euclid(STEP_S)) else {
        return Vec::new();
    };
    let around = present.saturating_sub(DRIFT_STEPS)..=present.saturating_add(DRIFT_STEPS);
    let fits = |step: &u64| {
        let expected = self::code(secret, *step);
        constant_time::verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok()
    };
    around.filter(fits).collect()
}

/// The code of a step (RFC 4226 §5.3).
fn code(secret: &Secret, step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let octets = tag.as_ref();
    let at = usize::from(octets[octets.len() - 1] & 0x0f);
    let four = [octets[at], octets[at + 1], octets[at + 2], octets[at + 3]];
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    format!("{:06}", number % CODES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Secret {
        Secret::new(b"12345678901234567890".to_vec())
    }

    #[test]
    fn the_codes_of_the_rfc_come_out() {
        // RFC 6238 Appendix B, the last six of its eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let now = Timestamp(0).plus_s(seconds);
            let step = u64::try_from(seconds / STEP_S).unwrap();
            assert_eq!(steps(&shared(), expected, now), [step], "{seconds}");
        }
    }

    #[test]
    fn one_step_of_drift_is_taken_and_no_more() {
        let step = 41_152_263;
        let code = code(&shared(), step);
        let begin = i64::try_from(step).unwrap() * STEP_S;
        for (seconds, taken) in [
            (begin - STEP_S - 1, false),
            (begin - STEP_S, true),
            (begin, true),
            (begin + 2 * STEP_S - 1, true),
            (begin + 2 * STEP_S, false),
        ] {
            let now = Timestamp(0).plus_s(seconds);
            assert_eq!(!steps(&shared(), &code, now).is_empty(), taken, "{seconds}");
        }
        for odd in ["", "00592", "0059240", "00592x", "００５９２４"] {
            let now = Timestamp(0).plus_s(1_234_567_890);
            assert!(steps(&shared(), odd, now).is_empty(), "{odd}");
        }
    }

    #[test]
    fn a_secret_is_base32_of_at_least_sixteen_octets() {
        let read = |text: &str| secret(&Secret::new(text.as_bytes().to_vec()));
        let found = read("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        assert_eq!(found.expose(), shared().expose());
        for odd in [
            "",
            "GEZDGNBV",
            "gezdgnbvgy3tqojqgezdgnbvgy3tqojq",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ0",
        ] {
            assert!(read(odd).is_none(), "{odd}");
        }
        assert!(read(&"A".repeat(200)).is_none());
    }
}
