//! The lanes of a page: each moment is a row of a list, its arrow drawn between the lanes, its words beside.
//!
//! The rows are text, so they wrap, can be searched and read aloud; only arrows are drawn.

use maud::{Markup, html};

use super::moments::{Moment, Sort};
use super::page::{self, Tone};
use super::rows::{Row, rows};
use super::story::{Story, name_parts};
use super::text::time;

/// Rows at most; what is left out is counted.
const ROWS_MAX: usize = 60;

/// Units of a lane's width.
const WIDTH: usize = 72;

/// Units of a drawing's height.
const HEIGHT: usize = 36;

/// The lanes.
pub(super) fn timeline(story: &Story) -> Markup {
    html! {
        @if !story.moments.is_empty() {
            h2 { "What happened" }
            p.hint {
                "The causes of the violation and what interfered; everything else is counted where it was. "
                @if !story.trace.is_empty() { "Event numbers lead into the whole trace below." }
            }
            ol.moments style={ "--lanes:" (story.lanes.len()) } {
                li.heading aria-hidden="true" {
                    span.when { "time" }
                    div.lanes { @for lane in &story.lanes { span { (lane.name()) } } }
                    span.what {}
                }
                @for row in rows(story, ROWS_MAX) {
                    @match row {
                        Row::Gap(words) => li.gap {
                            span.when {}
                            div.lanes aria-hidden="true" { (lines(story)) }
                            span.what { (words) }
                        },
                        Row::Moment(moment) => (one(story, moment)),
                    }
                }
            }
        }
    }
}

fn one(story: &Story, moment: &Moment) -> Markup {
    html! {
        li class=[moment.violates.then_some("violates")] {
            span.when {
                @match (moment.at, moment.seq) {
                    (Some(at), Some(seq)) => { (time(at)) " " a href={ "#e" (seq) } title="in the whole trace" { (seq) } },
                    (_, Some(seq)) => (seq),
                    _ => "before",
                }
            }
            div.lanes aria-hidden="true" { (lines(story)) (drawing(story, moment)) }
            span.what {
                span.hidden { (spoken(story, moment)) ": " }
                @if !moment.parts.is_empty() { span.part { (name_parts(&moment.parts)) } }
                span.words { (moment.words) }
                @if moment.violates { (page::badge(Tone::Bad, &format!("violates {}", story.property))) }
            }
        }
    }
}

/// Who did it, for those who do not see the lanes.
fn spoken(story: &Story, moment: &Moment) -> String {
    let name = |lane: usize| story.lanes.get(lane).map_or("", |lane| lane.name());
    match moment.towards {
        None => name(moment.lane).to_owned(),
        Some(towards) if moment.is_broken => {
            format!("{} to {}, lost", name(moment.lane), name(towards))
        }
        Some(towards) => format!("{} to {}", name(moment.lane), name(towards)),
    }
}

fn lines(story: &Story) -> Markup {
    let count = story.lanes.len();
    let middle = |lane: usize| (lane as f64 + 0.5) / count as f64 * 100.0;
    html! { @for lane in 0..count { i style={ "left:" (format!("{:.2}", middle(lane))) "%" } {} } }
}

fn drawing(story: &Story, moment: &Moment) -> Markup {
    let width = story.lanes.len() * WIDTH;
    let middle = |lane: usize| lane * WIDTH + WIDTH / 2;
    let (x, y) = (middle(moment.lane), HEIGHT / 2);
    html! {
        svg viewBox={ "0 0 " (width) " " (HEIGHT) } class=(moment.tone.class()) focusable="false" {
            @if let Some(towards) = moment.towards { (arrow((x, middle(towards)), y, moment)) }
            @match moment.sort {
                Sort::Crash => (cross(x, y, 8)),
                Sort::Start => circle.ring cx=(x) cy=(y) r="6" {},
                Sort::Done => rect.dot x=(x - 6) y=(y - 6) width="12" height="12" {},
                Sort::Interrupt => path.dot d={ "M" (x) " " (y - 8) "l8 14h-16z" } {},
                Sort::Act | Sort::Request | Sort::Answer => circle.dot cx=(x) cy=(y) r="5" {},
            }
        }
    }
}

/// An arrow between two lanes; one that is broken is crossed out half-way.
fn arrow((from, to): (usize, usize), y: usize, moment: &Moment) -> Markup {
    let head = match to > from {
        true => format!("M{} {y}l-10 -5v10z", to - 1),
        false => format!("M{} {y}l10 -5v10z", to + 1),
    };
    let end = if to > from { to - 9 } else { to + 9 };
    html! {
        line.arrow x1=(from) y1=(y) x2=(end) y2=(y) stroke-dasharray=[moment.is_broken.then_some("4 4")] {}
        path.head d=(head) {}
        @if moment.is_broken { (cross(from.midpoint(to), y, 6)) }
    }
}

fn cross(x: usize, y: usize, half: usize) -> Markup {
    let (left, right, top, bottom) = (x - half, x + half, y - half, y + half);
    html! {
        path.cross d={ "M" (left) " " (top) "L" (right) " " (bottom) "M" (right) " " (top) "L" (left) " " (bottom) } {}
    }
}
