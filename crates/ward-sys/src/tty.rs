//! Terminals.

use std::os::fd::AsFd;

/// Whether `fd` is a terminal.
pub fn is_terminal(fd: impl AsFd) -> bool {
    rustix::termios::isatty(fd)
}

/// Columns and rows; `None` if `fd` is no terminal or does not know.
pub fn size(fd: impl AsFd) -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(fd).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_no_terminal() {
        let (reader, _writer) = std::io::pipe().unwrap();
        assert!(!is_terminal(&reader));
        assert_eq!(size(&reader), None);
    }
}
