//! Answers of HTTP/1.1, read strictly.

use std::io;

/// The body, when all of it is there, and whether the connection stays.
pub(super) fn whole(bytes: &[u8]) -> io::Result<Option<(String, bool)>> {
    let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(format!("not served: {head}")));
    }
    let length = header(head, "content-length").and_then(|text| text.parse().ok());
    let length: usize = length.ok_or_else(|| io::Error::other("no length"))?;
    let stays = header(head, "connection").is_some_and(|it| it == "keep-alive");
    Ok((body.len() >= length).then(|| (body.to_owned(), stays)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
