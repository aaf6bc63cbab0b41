//! The page that every HTML document of the drill is: one file, its style and its few lines of script inside,
//! readable in light and dark, at phone width and on paper.
//!
//! Invariants:
//! - Nothing is loaded from anywhere, and nothing needs the script to be read: it only copies commands.
//! - Every value is escaped by the template; [`PreEscaped`] is for this module's own constants alone.
//!
//! Deliberately not here: what a page says. Whoever has something to say builds a [`Markup`] with the classes
//! of `page.css` (`good`, `bad`, `warn`, `muted`, `number`, `mono`) and hands it to [`shell`].

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The one style.
const STYLE: &str = include_str!("page.css");

/// Puts a button behind each command, where there is a clipboard.
const SCRIPT: &str = include_str!("page.js");

/// How something is, and so how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Violated, lost, wrong.
    Bad,
    /// Worth a look: a fault, an act.
    Warn,
    /// Neither.
    Plain,
}

impl Tone {
    /// Its class in `page.css`.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Plain => "muted",
        }
    }
}

/// A whole document: `title` for the window, `body` for everything below.
pub fn shell(title: &str, body: &Markup) -> String {
    shell_with(title, "", "", body)
}

/// The same with more style and more script. Both are constants of the program, never values.
pub fn shell_with(title: &str, style: &'static str, script: &'static str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body {
                main { (body) }
                script { (PreEscaped(SCRIPT)) (PreEscaped(script)) }
            }
        }
    };
    page.into_string()
}

/// A few words in a box of their tone.
pub fn badge(tone: Tone, words: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (words) } }
}

/// A command that one click selects, and a button copies.
pub fn command(line: &str) -> Markup {
    html! { div.command data-copy { code { (line) } } }
}

/// One cell of a [`table`].
#[derive(Debug)]
pub struct Cell {
    /// What is in it.
    pub content: Markup,
    /// How it looks.
    pub tone: Tone,
    /// Whether it is a number, which stands to the right.
    pub is_number: bool,
}

impl Cell {
    /// A cell without a tone.
    pub fn plain(content: Markup) -> Self {
        Self::toned(Tone::Plain, content)
    }

    /// A cell of this tone.
    pub fn toned(tone: Tone, content: Markup) -> Self {
        Self {
            content,
            tone,
            is_number: false,
        }
    }

    /// A number.
    pub fn number(number: impl std::fmt::Display) -> Self {
        Self {
            content: html! { (number.to_string()) },
            tone: Tone::Plain,
            is_number: true,
        }
    }

    fn class(&self) -> Option<String> {
        let tone = (self.tone != Tone::Plain).then(|| self.tone.class());
        let number = self.is_number.then_some("number");
        let classes: Vec<&str> = tone.into_iter().chain(number).collect();
        (!classes.is_empty()).then(|| classes.join(" "))
    }
}

/// A table whose first cell of each row is the row's header; it scrolls where it is too wide.
pub fn table(caption: &str, columns: &[&str], rows: &[Vec<Cell>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (nth, cell) in row.iter().enumerate() {
                                @if nth == 0 {
                                    th scope="row" class=[cell.class()] { (cell.content) }
                                } @else {
                                    td class=[cell.class()] { (cell.content) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_stands_alone_and_escapes_what_it_is_given() {
        let evil = "</title><script>alert(1)</script>";
        let rows = [vec![Cell::plain(html! { (evil) }), Cell::number(7)]];
        let body = html! { (badge(Tone::Bad, evil)) (command(evil)) (table(evil, &[evil], &rows)) };
        let page = shell(evil, &body);
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside} in {page}");
        }
        assert!(page.contains(r#"<td class="number">7</td>"#), "{page}");
    }
}
