//! Box-drawn tables with PM2's exact look: one space of padding, no lines between rows, text that
//! does not fit cut with an ellipsis.

use std::iter;

use ward_wire::text::printable;

use super::color::{Paint, Style};
use super::width;

/// Text of one cell and how it looks.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// Stands before the text, in a style of its own.
    mark: &'static str,
    mark_styles: &'static [Style],
    text: String,
    styles: &'static [Style],
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, styles: &'static [Style]) -> Self {
        Self {
            mark: "",
            mark_styles: &[],
            text: printable(&text.into()).into_owned(),
            styles,
        }
    }

    /// Puts a mark before the text.
    pub(crate) fn marked(mut self, mark: &'static str, styles: &'static [Style]) -> Self {
        self.mark = mark;
        self.mark_styles = styles;
        self
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, &[])
    }
}

/// A table. Widths include the padding of both sides.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    headers: Vec<&'static str>,
    widths: Vec<usize>,
    rows: Vec<Vec<Cell>>,
}

/// The most columns of a fitted cell. A longer text is cut with an ellipsis: each line of the table is
/// filled up to the longest.
const WIDEST: usize = 4096;

const LABEL: &[Style] = &[Style::Bold, Style::Cyan];

/// Stands where a row ends early.
static EMPTY: Cell = Cell {
    mark: "",
    mark_styles: &[],
    text: String::new(),
    styles: &[],
};

impl Table {
    /// A table with a header row and fixed widths.
    pub(crate) fn with_columns(columns: &[(&'static str, usize)]) -> Self {
        Self {
            headers: columns.iter().map(|&(header, _)| header).collect(),
            widths: columns.iter().map(|&(_, width)| width).collect(),
            rows: Vec::new(),
        }
    }

    /// A table without header whose columns are as wide as their texts.
    pub(crate) fn fitted(rows: Vec<Vec<Cell>>) -> Self {
        let count = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| width::of(&cell.text))
                .max()
                .unwrap_or(0)
                .min(WIDEST)
        };
        Self {
            headers: Vec::new(),
            widths: (0..count).map(|column| widest(column) + 2).collect(),
            rows,
        }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Columns the whole table takes on a terminal.
    pub(crate) fn total_width(columns: &[(&'static str, usize)]) -> usize {
        columns.iter().map(|&(_, width)| width).sum::<usize>() + columns.len() + 1
    }

    /// All lines, each ended.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let mut out = String::new();
        self.rule(&mut out, paint, ['┌', '┬', '┐']);
        if !self.headers.is_empty() {
            let labels = self.headers.iter().map(|header| Cell::new(*header, LABEL));
            self.line(&mut out, paint, &labels.collect::<Vec<_>>(), true);
            if !self.rows.is_empty() {
                self.rule(&mut out, paint, ['├', '┼', '┤']);
            }
        }
        for row in &self.rows {
            self.line(&mut out, paint, row, false);
        }
        self.rule(&mut out, paint, ['└', '┴', '┘']);
        out
    }

    fn rule(&self, out: &mut String, paint: Paint, [left, middle, right]: [char; 3]) {
        let parts: Vec<String> = self.widths.iter().map(|width| "─".repeat(*width)).collect();
        let line = format!("{left}{}{right}", parts.join(&middle.to_string()));
        out.push_str(&paint.apply(&line, &[Style::Grey]));
        out.push('\n');
    }

    fn line(&self, out: &mut String, paint: Paint, cells: &[Cell], heading: bool) {
        let bar = paint.apply("│", &[Style::Grey]);
        out.push_str(&bar);
        for (index, width) in self.widths.iter().enumerate() {
            let cell = cells.get(index).unwrap_or(&EMPTY);
            let room = width.saturating_sub(2);
            let mark = width::cut(cell.mark, room);
            let shown = width::cut(&cell.text, room.saturating_sub(width::of(&mark)));
            let used = 1 + width::of(&mark) + width::of(&shown);
            let space = width.saturating_sub(used);
            // Labels are styled with their padding: headings, and the first of several columns.
            if heading || (index == 0 && self.widths.len() > 1) {
                paint.push(out, &format!(" {mark}{shown}{:space$}", ""), LABEL);
            } else {
                out.push(' ');
                paint.push(out, &mark, cell.mark_styles);
                paint.push(out, &shown, cell.styles);
                out.extend(iter::repeat_n(' ', space));
            }
            out.push_str(&bar);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_the_width_and_wide_characters_stay_aligned() {
        let mut table = Table::with_columns(&[("id", 4), ("name", 8)]);
        table.push(vec![Cell::plain("0"), Cell::plain("a-long-name")]);
        table.push(vec![Cell::plain("1"), Cell::plain("日本")]);
        table.push(vec![Cell::plain("2"), Cell::plain("x\ny")]);
        insta::assert_snapshot!(table.render(Paint::PLAIN), @r"
        ┌────┬────────┐
        │ id │ name   │
        ├────┼────────┤
        │ 0  │ a-lon… │
        │ 1  │ 日本   │
        │ 2  │ x\ny   │
        └────┴────────┘
        ");
    }

    #[test]
    fn one_long_text_does_not_fill_all_lines() {
        let long = Cell::plain("x".repeat(1_000_000));
        let table = Table::fitted(vec![vec![Cell::plain("a"), long], vec![Cell::plain("b")]]);
        let text = table.render(Paint::PLAIN);
        assert!(text.len() < 10 * 3 * WIDEST, "{} bytes", text.len());
        assert!(text.contains("x…"));
    }

    #[test]
    fn an_empty_table_is_its_heading() {
        let table = Table::with_columns(&[("id", 4)]);
        assert_eq!(table.render(Paint::PLAIN), "┌────┐\n│ id │\n└────┘\n");
    }
}
