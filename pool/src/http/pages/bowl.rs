//! The bowl: what has gone into this round, layer by layer, one for each member.
//!
//! Full is what a block takes on average. A block may come long before, or after the bowl
//! has run over: chance has no memory.

use super::words;
use crate::http::markup::{Markup, html};
use crate::view::View;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Colours that members get, by their names' order; see `--m0` to `--m7` in the style sheet.
pub const COLOURS: usize = 8;
/// Layers drawn one by one.
const LAYERS: usize = 12;

// The bowl's inside in the drawing, which is 400 wide and 320 high.
const RIM: f64 = 92.0;
const FLOOR: f64 = 268.0;

/// A colour for each member, the same on every page.
#[derive(Debug)]
pub struct Colours<'a>(BTreeMap<&'a str, usize>);

impl<'a> Colours<'a> {
    /// For the members of `view`.
    pub fn of(view: &'a View) -> Colours<'a> {
        let mut names: Vec<&Arc<str>> = view.members.iter().map(|member| &member.name).collect();
        names.sort_unstable();
        Colours(names.into_iter().enumerate().map(|(place, name)| (&**name, place % COLOURS)).collect())
    }

    /// The class of `member`'s colour.
    pub fn class(&self, member: &str) -> String {
        format!("m{}", self.0.get(member).copied().unwrap_or_default())
    }
}

/// The bowl as it is now.
pub fn bowl(view: &View) -> Markup {
    let (effort, colours) = (view.pool.round.effort, Colours::of(view));
    let level = effort.clamp(0.0, 1.0);
    let top = FLOOR - (FLOOR - RIM) * level;
    let mut layers = Vec::new();
    let mut bottom = FLOOR;
    for member in view.members.iter().filter(|member| member.round_part > 0.0).take(LAYERS) {
        let height = (FLOOR - top) * member.round_part;
        bottom -= height;
        layers.push((colours.class(&member.name), bottom, height, member));
    }
    let spoken = format!(
        "A punch bowl, filled to {}: the work of this round against what a block takes on average",
        words::percent(effort)
    );
    html! {
        svg.bowl viewBox="0 0 400 320" role="img" aria-label=(spoken) {
            defs {
                clipPath id="inside" { path d="M48 92C48 200 118 268 200 268S352 200 352 92Z" {} }
            }
            ellipse.shade cx="200" cy="306" rx="120" ry="9" {}
            path.foot d="M166 268h68l22 32a6 6 0 0 1-5 8H149a6 6 0 0 1-5-8z" {}
            path.glass d="M40 92C40 206 114 276 200 276S360 206 360 92Z" {}
            g clip-path="url(#inside)" {
                @for (class, y, height, member) in &layers {
                    rect.layer.(class) x="40" y=(format!("{y:.1}")) width="320" height=(format!("{:.1}", height + 0.6)) {
                        title { (member.label) ": " (words::percent(member.round_part)) }
                    }
                }
                @if level > 0.004 {
                    path.wave d=(wave(top)) {}
                    @for (x, delay) in [(110, "b0"), (150, "b1"), (196, "b2"), (238, "b3"), (286, "b4"), (172, "b5"), (262, "b6")] {
                        circle.bubble.(delay) cx=(x) cy="262" r="5" {}
                    }
                }
            }
            ellipse.rim cx="200" cy="92" rx="160" ry="16" {}
            @if effort > 1.0 {
                path.drip d="M60 104c-14 30-10 60-4 78a7 7 0 0 0 14-3c-5-20-6-44 4-66z" {}
            }
            g.citrus transform="translate(312 70) rotate(-18)" {
                circle.peel r="34" {}
                circle.pith r="29" {}
                @for turn in 0..8 {
                    path.flesh transform=(format!("rotate({})", turn * 45)) d="M0-4 8.6-24A26 26 0 0 0-8.6-24Z" {}
                }
            }
            path.ladle d="M106 120C92 70 84 40 60 14" {}
            (text(effort))
        }
    }
}

fn text(effort: f64) -> Markup {
    html! {
        text.effort x="200" y="190" text-anchor="middle" { (words::percent(effort)) }
        text.effort-note x="200" y="214" text-anchor="middle" { "of an average round" }
    }
}

/// The surface at height `y`, twice as long as the bowl is wide, so that it can drift.
fn wave(y: f64) -> String {
    let mut path = format!("M-400 {y:.1}");
    for crest in 0..10 {
        let sign = if crest % 2 == 0 { -1.0 } else { 1.0 };
        // Writing to a String cannot fail.
        let _ = write!(path, "q40 {:.1} 80 0", sign * 7.0);
    }
    format!("{path}v8h-800z")
}

/// A member's colour, as a dot.
pub fn dot(colours: &Colours<'_>, member: &str) -> Markup {
    html! { svg.dot.(colours.class(member)) viewBox="0 0 10 10" aria-hidden="true" { circle cx="5" cy="5" r="5" {} } }
}

/// A part of the whole as a bar.
pub fn bar(part: f64, class: &str) -> Markup {
    let width = (part * 100.0).clamp(0.0, 100.0);
    html! {
        svg.bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
            rect.track width="100" height="6" {}
            rect.fill.(class) width=(format!("{width:.2}")) height="6" {}
        }
    }
}
