//! Between a change and the payload of its entry.
//!
//! `object.id` holds the id, `after` all other fields. What a removal leaves is `null`; what a
//! switch leaves is `{"enabled":…}`.

use ledger::Entry;
use serde_json::{Value, json};

use crate::change::Change;
use crate::fold_error::FoldError;

impl Change {
    /// The change that an entry records, whatever its outcome was.
    pub fn from_entry(entry: &Entry) -> Result<Self, FoldError> {
        let wrong = |why: String| FoldError::Payload {
            kind: entry.kind.clone(),
            why,
        };
        let object = entry.object.as_ref();
        let object = object.ok_or_else(|| wrong("it names no object".to_owned()))?;
        let mut fields = match fixed_after(&entry.kind) {
            Some(fixed) if fixed == entry.after => json!({}),
            Some(_) => return Err(wrong("its after is not the one of its type".to_owned())),
            None => entry.after.clone().unwrap_or(Value::Null),
        };
        if has_id(&entry.kind) {
            let map = fields.as_object_mut();
            let map = map.ok_or_else(|| wrong("its after is not an object".to_owned()))?;
            if map.insert("id".to_owned(), json!(object.id)).is_some() {
                return Err(wrong("its after repeats the id".to_owned()));
            }
        }
        let change = Self::from_fields(&entry.kind, fields)
            .ok_or_else(|| FoldError::UnknownType(entry.kind.clone()))?
            .map_err(|err| wrong(err.to_string()))?;
        let (kind, id) = change.object();
        if kind != object.kind || id != object.id {
            return Err(wrong(format!(
                "it names {} {} as its object",
                object.kind, object.id
            )));
        }
        Ok(change)
    }

    /// What its entry holds as `after`; `None` for what is gone.
    pub(crate) fn after(&self) -> Option<Value> {
        fixed_after(self.type_name()).unwrap_or_else(|| Some(self.fields_without_id()))
    }

    /// All its fields but the id of its object.
    pub(crate) fn fields_without_id(&self) -> Value {
        let mut fields = self.to_fields();
        if has_id(self.type_name())
            && let Some(map) = fields.as_object_mut()
        {
            map.remove("id");
        }
        fields
    }
}

/// The `after` of types whose name says it all; `None` for all others.
fn fixed_after(type_name: &str) -> Option<Option<Value>> {
    let (_, verb) = type_name.rsplit_once('.')?;
    match verb {
        "remove" | "clear" | "revoke" => Some(None),
        "disable" | "off" | "pause" | "expire" => Some(Some(json!({ "enabled": false }))),
        "enable" | "on" | "resume" => Some(Some(json!({ "enabled": true }))),
        _ => None,
    }
}

/// Whether the object of this type has an id of its own.
fn has_id(type_name: &str) -> bool {
    !(type_name.starts_with("system.") || type_name.starts_with("security."))
}
