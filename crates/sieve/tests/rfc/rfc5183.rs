//! RFC 5183: the environment.

use crate::{Place, table};

#[test]
fn section_4_items() {
    let place = Place {
        environment: vec![
            ("name", "Sealpost"),
            ("remote-ip", "192.0.2.7"),
            ("vnd.sealpost.largest-attachment", "5000"),
            ("phase", ""),
        ],
        ..Place::default()
    };
    table(
        "",
        &place,
        &[
            ("environment \"name\" \"sealpost\"", true),
            ("environment :contains \"NAME\" \"seal\"", true),
            ("environment :matches \"remote-ip\" \"192.0.2.*\"", true),
            (
                "environment :value \"gt\" :comparator \"i;ascii-numeric\" \"vnd.sealpost.largest-attachment\" \"999\"",
                true,
            ),
            ("environment \"phase\" \"\"", true),
            ("environment :contains \"host\" \"\"", false),
            (
                "environment :count \"eq\" :comparator \"i;ascii-numeric\" \"name\" \"1\"",
                true,
            ),
            (
                "environment :count \"eq\" :comparator \"i;ascii-numeric\" \"host\" \"0\"",
                true,
            ),
        ],
    );
}
