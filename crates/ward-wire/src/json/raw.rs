//! JSON as text that is checked and not taken apart. A parsed value is larger than its text, an array
//! of zeros sixteen times; whoever may send anything gets only those parts parsed that are needed.

mod visitors;

use std::fmt;

use bytes::Bytes;
use serde::de::Deserializer as _;
use serde_json::Value;
use serde_json::value::RawValue;

use super::parse;
use super::weight::survey;
use visitors::{Each, Elements, Fields};

/// How deep a value may be nested: as deep as [`parse`] goes.
const DEEPEST: usize = 128;

/// Text that is not UTF-8 grows to its threefold when it is mended; above this size it is refused.
const MENDED_BYTES: usize = 1 << 20;

/// One JSON value as text. It is part of the buffer it came in; [`Self::detached`] frees it.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Bytes);

/// The text is no JSON value, or one that is nested too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON value")]
pub struct NotJson;

impl RawJson {
    /// Checks the text, without building the value. Invalid UTF-8 becomes U+FFFD first.
    ///
    /// # Errors
    ///
    /// It is not one JSON value, it is nested deeper than 128 levels, or it is larger than 1 MiB and
    /// not UTF-8.
    pub fn new(text: Bytes) -> Result<Self, NotJson> {
        let text = match str::from_utf8(&text) {
            Ok(_) => text,
            Err(_) if text.len() > MENDED_BYTES => return Err(NotJson),
            Err(_) => String::from_utf8_lossy(&text).into_owned().into(),
        };
        if survey(&text).depth > DEEPEST {
            return Err(NotJson);
        }
        let whole = str::from_utf8(&text).map_err(|_| NotJson)?;
        let value: &RawValue = serde_json::from_str(whole).map_err(|_| NotJson)?;
        Ok(Self(text.slice_ref(value.get().as_bytes())))
    }

    /// `null`.
    pub const fn null() -> Self {
        Self(Bytes::from_static(b"null"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("it was checked when it came")
    }

    /// The size of the text in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// What the value takes in memory when it is parsed, in bytes: a bit more than it really does.
    pub fn weight(&self) -> usize {
        survey(&self.0).weight
    }

    /// The same text in a buffer of its own.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// The value. None if it has a number beyond `f64`. Mind [`Self::weight`] before.
    pub fn value(&self) -> Option<Value> {
        parse(&self.0).ok()
    }

    /// The value, if it takes no more than so many bytes of memory.
    pub fn value_within(&self, weight: usize) -> Option<Value> {
        if self.weight() > weight {
            return None;
        }
        self.value()
    }

    /// The text of a string; none if it is another kind of value, or its JSON is longer than `most`
    /// bytes.
    pub fn string_within(&self, most: usize) -> Option<String> {
        if self.0.first() != Some(&b'"') || self.0.len() > most {
            return None;
        }
        match self.value()? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is an object.
    pub fn is_object(&self) -> bool {
        self.0.first() == Some(&b'{')
    }

    /// Whether JavaScript takes the value for true.
    pub fn is_true(&self) -> bool {
        match self.0.first() {
            Some(b'n' | b'f') => false,
            Some(b'"') => self.0.len() > 2,
            Some(b't' | b'[' | b'{') => true,
            _ => self.as_str().parse() != Ok(0.0),
        }
    }

    /// The fields of an object with these names, the last one of each name; none if it is no object.
    pub fn fields<const N: usize>(&self, names: [&str; N]) -> Option<[Option<Self>; N]> {
        if !self.is_object() {
            return None;
        }
        let mut deserializer = serde_json::Deserializer::from_str(self.as_str());
        let found = deserializer.deserialize_map(Fields { names }).ok()?;
        Some(found.map(|it| it.map(|raw| Self(self.0.slice_ref(raw.get().as_bytes())))))
    }

    /// The field of an object with this name, if there is one.
    pub fn field(&self, name: &str) -> Option<Self> {
        let [found] = self.fields([name])?;
        found
    }

    /// The fields of an object in their order, until `take` says that it has enough. Nothing of
    /// another kind of value.
    pub fn each_field(&self, mut take: impl FnMut(String, Self) -> bool) {
        if self.is_object() {
            let mut deserializer = serde_json::Deserializer::from_str(self.as_str());
            let each = Each(|name, raw: &RawValue| {
                take(name, Self(self.0.slice_ref(raw.get().as_bytes())))
            });
            // A name with half a surrogate pair ends it, as does whoever has enough.
            deserializer.deserialize_map(each).ok();
        }
    }

    /// The elements of an array in their order, until `take` says that it has enough. Nothing of
    /// another kind of value.
    pub fn each_element(&self, mut take: impl FnMut(Self) -> bool) {
        if self.0.first() == Some(&b'[') {
            let mut deserializer = serde_json::Deserializer::from_str(self.as_str());
            let elements =
                Elements(|raw: &RawValue| take(Self(self.0.slice_ref(raw.get().as_bytes()))));
            deserializer.deserialize_seq(elements).ok();
        }
    }
}

impl From<&Value> for RawJson {
    fn from(value: &Value) -> Self {
        Self(super::to_string(value).into())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawJson").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests;
