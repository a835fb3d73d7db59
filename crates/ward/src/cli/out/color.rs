//! Terminal colours. Whether to use them is decided once, outside; here it is a bool.

/// Decides between styled and plain text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    /// Whether escapes are written at all.
    pub(crate) on: bool,
}

/// One attribute of text, with the escape that ends it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Italic,
    Inverse,
    Red,
    Green,
    Yellow,
    Blue,
    Cyan,
    White,
    Grey,
    OnGrey,
}

impl Style {
    fn codes(self) -> (u8, u8) {
        match self {
            Self::Bold => (1, 22),
            Self::Dim => (2, 22),
            Self::Italic => (3, 23),
            Self::Inverse => (7, 27),
            Self::Red => (31, 39),
            Self::Green => (32, 39),
            Self::Yellow => (33, 39),
            Self::Blue => (34, 39),
            Self::Cyan => (36, 39),
            Self::White => (37, 39),
            Self::Grey => (90, 39),
            Self::OnGrey => (100, 49),
        }
    }
}

impl Paint {
    /// No escapes.
    pub(crate) const PLAIN: Self = Self { on: false };

    /// `text` in `styles`, the first one outermost. Empty text stays empty.
    pub(crate) fn apply(self, text: &str, styles: &[Style]) -> String {
        let mut out = String::with_capacity(text.len() + styles.len() * 10);
        self.push(&mut out, text, styles);
        out
    }

    /// The same at the end of `out`.
    pub(crate) fn push(self, out: &mut String, text: &str, styles: &[Style]) {
        if !self.on || text.is_empty() {
            return out.push_str(text);
        }
        for style in styles {
            escape(out, style.codes().0);
        }
        out.push_str(text);
        for style in styles.iter().rev() {
            escape(out, style.codes().1);
        }
    }
}

fn escape(out: &mut String, code: u8) {
    out.push_str("\x1b[");
    out.push_str(&code.to_string());
    out.push('m');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_style_is_outermost() {
        let paint = Paint { on: true };
        assert_eq!(
            paint.apply("online", &[Style::Green, Style::Bold]),
            "\x1b[32m\x1b[1monline\x1b[22m\x1b[39m"
        );
        assert_eq!(Paint::PLAIN.apply("online", &[Style::Green]), "online");
    }
}
