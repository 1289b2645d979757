//! RFC 5235: what scanners said.

use crate::{Place, done, table};

#[test]
fn section_3_2_1_spamtest_goes_from_0_to_10() {
    for (percent, value) in [
        (None, "0"),
        (Some(0), "1"),
        (Some(1), "2"),
        (Some(50), "5"),
        (Some(99), "9"),
        (Some(100), "10"),
        (Some(255), "10"),
    ] {
        let place = Place {
            spam: percent,
            ..Place::default()
        };
        let test = format!("spamtest :value \"eq\" :comparator \"i;ascii-numeric\" \"{value}\"");
        table("", &place, &[(&test, true)]);
    }
}

#[test]
fn section_3_2_2_both_examples_sort_alike() {
    for unclassified in [
        "spamtest :value \"eq\" :comparator \"i;ascii-numeric\" \"0\"",
        "spamtest :percent :count \"eq\" :comparator \"i;ascii-numeric\" \"0\"",
    ] {
        let script = format!(
            "if {unclassified} {{ fileinto \"unclassified\"; }}
             elsif spamtest :percent :value \"eq\" :comparator \"i;ascii-numeric\" \"0\"
               {{ fileinto \"not-spam\"; }}
             elsif spamtest :percent :value \"lt\" :comparator \"i;ascii-numeric\" \"37\"
               {{ fileinto \"spam-trap\"; }}
             else {{ discard; }}"
        );
        for (spam, expected) in [
            (None, "file unclassified"),
            (Some(0), "file not-spam"),
            (Some(36), "file spam-trap"),
            (Some(37), "discard"),
        ] {
            let place = Place {
                spam,
                ..Place::default()
            };
            assert_eq!(done(&script, "", &place), expected, "{spam:?}");
        }
    }
}

#[test]
fn section_3_3_virustest_goes_from_0_to_5() {
    for (virus, value, count) in [(None, "0", "0"), (Some(1), "1", "1"), (Some(5), "5", "1")] {
        let place = Place {
            virus,
            ..Place::default()
        };
        let is = format!("virustest :value \"eq\" :comparator \"i;ascii-numeric\" \"{value}\"");
        let counts = format!("virustest :count \"eq\" :comparator \"i;ascii-numeric\" \"{count}\"");
        table("", &place, &[(&is, true), (&counts, true)]);
    }
}
