//! What commands print: tables, records, colour.
