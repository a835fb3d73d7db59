//! What commands print: tables, records, colour. All but `screen` is pure: records in, text out.

pub(crate) mod cells;
pub(crate) mod color;
pub(crate) mod describe;
pub(crate) mod env;
pub(crate) mod host;
pub(crate) mod human;
pub(crate) mod inspect;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod minilist;
pub(crate) mod record;
pub(crate) mod screen;
pub(crate) mod table;
pub(crate) mod tree;
pub(crate) mod users;
pub(crate) mod width;
