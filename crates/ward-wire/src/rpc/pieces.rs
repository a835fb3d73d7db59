//! A reply that is written in pieces: a list of all apps is too long to be in one piece of memory.

use crate::amp::{Frame, RawArg};

/// What stands before and behind a result of so many bytes of JSON in a success: for a reply that is written in pieces.
/// `None` if the result is too long for a frame.
pub fn reply_around(id: &RawArg, length: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    const BEFORE: &[u8] = b"j:{\"args\":[";
    const BEHIND: &[u8] = b"]}";
    let length = u32::try_from(length.checked_add(BEFORE.len() + BEHIND.len())?).ok()?;
    let count = Frame::pair(RawArg::default(), RawArg::default()).encode();
    let head = [&count[..1], &length.to_be_bytes(), BEFORE].concat();
    let id_length = u32::try_from(id.0.len()).ok()?;
    let tail = [BEHIND, &id_length.to_be_bytes(), &id.0].concat();
    Some((head, tail))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rpc::reply_ok;

    #[test]
    fn a_reply_in_pieces_is_the_same_as_in_one() {
        let id = RawArg::text("4711:3");
        for result in [json!([]), json!([{"name": "a"}, 1, null]), Value::Null] {
            let text = result.to_string();
            let (head, tail) = reply_around(&id, text.len()).unwrap();
            let pieces = [&head[..], text.as_bytes(), &tail].concat();
            assert_eq!(pieces, reply_ok(&id, &[result]));
        }
    }

    #[test]
    fn what_no_frame_can_hold_is_refused() {
        let id = RawArg::text("1");
        let most = usize::try_from(u32::MAX).unwrap();
        assert!(reply_around(&id, most - 13).is_some());
        assert!(reply_around(&id, most - 12).is_none());
        assert!(reply_around(&id, usize::MAX - 20).is_none());
    }
}
