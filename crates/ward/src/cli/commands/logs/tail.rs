//! The last lines of a file, read from its end: whole lines, however long, without touching what
//! stands before them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const BLOCK: usize = 64 * 1024;

/// The last `count` lines without their ends. A last line without a newline counts; blank lines
/// count too. What is written meanwhile is not seen.
pub(crate) fn last_lines(file: &File, count: usize) -> io::Result<Vec<Vec<u8>>> {
    let mut start = file.metadata()?.len();
    if count == 0 || start == 0 {
        return Ok(Vec::new());
    }
    // Blocks from the end to the front; joined at the end, so that a long line costs one copy.
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut line_ends = 0;
    while start > 0 && line_ends <= count {
        let length = usize::try_from(start).map_or(BLOCK, |left| left.min(BLOCK));
        start -= length as u64;
        let mut block = vec![0; length];
        read_at_most(file, &mut block, start)?;
        line_ends += memchr::memchr_iter(b'\n', &block).count();
        blocks.push(block);
    }
    blocks.reverse();
    let bytes = blocks.concat();
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let mut lines: Vec<Vec<u8>> = text
        .rsplit(|byte| *byte == b'\n')
        .take(count)
        .map(<[u8]>::to_vec)
        .collect();
    lines.reverse();
    Ok(lines)
}

/// Fills the block; a file that was truncated meanwhile gives less.
fn read_at_most(file: &File, block: &mut Vec<u8>, start: u64) -> io::Result<()> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read_at(&mut block[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    block.truncate(filled);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rstest::rstest;

    use super::*;

    fn lines_of(text: &[u8], count: usize) -> Vec<String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        texts(&file, count)
    }

    fn texts(file: &File, count: usize) -> Vec<String> {
        let lines = last_lines(file, count).unwrap();
        lines
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    #[rstest]
    #[case("", 3, &[])]
    #[case("one", 3, &["one"])]
    #[case("one\n", 3, &["one"])]
    #[case("one\ntwo\nthree\n", 2, &["two", "three"])]
    #[case("one\ntwo\nthree", 2, &["two", "three"])]
    #[case("one\ntwo\n", 0, &[])]
    #[case("one\n\n\n", 2, &["", ""])]
    #[case("\n", 2, &[""])]
    fn small_files(#[case] text: &str, #[case] count: usize, #[case] expected: &[&str]) {
        assert_eq!(lines_of(text.as_bytes(), count), expected);
    }

    #[test]
    fn a_line_longer_than_a_block_is_whole() {
        let long = "x".repeat(3 * BLOCK + 17);
        let text = format!("first\n{long}\nlast\n");
        assert_eq!(lines_of(text.as_bytes(), 2), [long.as_str(), "last"]);
        assert_eq!(lines_of(text.as_bytes(), 9).len(), 3);
    }

    #[test]
    fn line_ends_on_the_border_of_blocks_are_counted_once() {
        for shift in 0..4 {
            let text = format!("a\nb\n{}\nd\n", "c".repeat(BLOCK - 4 + shift));
            let expected = [&text[4..text.len() - 3], "d"];
            assert_eq!(lines_of(text.as_bytes(), 2), expected, "{shift}");
        }
    }

    #[test]
    fn the_front_of_a_huge_file_is_not_read() {
        // A sparse file of 64 GiB: reading it whole would take minutes and all memory.
        let file = tempfile::tempfile().unwrap();
        let end = 64 << 30;
        file.set_len(end).unwrap();
        file.write_at(b"\none\ntwo\n", end).unwrap();
        assert_eq!(texts(&file, 2), ["one", "two"]);
    }

    #[test]
    fn a_growing_file_gives_whole_lines_each_time() {
        let mut file = tempfile::tempfile().unwrap();
        for number in 0..100 {
            writeln!(file, "line {number}").unwrap();
            assert_eq!(texts(&file, 1), [format!("line {number}")]);
        }
    }
}
