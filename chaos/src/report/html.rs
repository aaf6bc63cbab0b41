//! A story as a page.

use maud::html;

use super::page;
use super::story::Story;

/// The page.
pub fn page(story: &Story) -> String {
    let title = format!("{} violated", story.property);
    page::shell(&title, &html! { h1 { (story.property.sentence()) } })
}
