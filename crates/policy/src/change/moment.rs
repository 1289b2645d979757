//! A moment in an entry: RFC 3339 text in its one spelling.

use serde::de::{Deserialize as _, Deserializer};
use serde::ser::Serializer;
use types::Timestamp;

pub(super) fn serialize<S: Serializer>(
    moment: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&moment.to_rfc3339())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text)
}

fn read<E: serde::de::Error>(text: &str) -> Result<Timestamp, E> {
    let moment = Timestamp::from_rfc3339(text);
    moment.ok_or_else(|| E::custom("a moment is RFC 3339 text with six digits"))
}

/// The same, or `null`.
pub(super) mod optional {
    use serde::de::{Deserialize as _, Deserializer};
    use serde::ser::Serializer;
    use types::Timestamp;

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(in crate::change) fn serialize<S: Serializer>(
        moment: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) => super::serialize(moment, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::change) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::read(&text)).transpose()
    }
}
