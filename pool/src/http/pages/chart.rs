//! Hashrate over time: a line and the band in which the truth lies, drawn here, without a
//! script. Words stand beside the drawing, so that they stay as large on a phone.

use super::words;
use crate::history::{Line, Point, Range};
use crate::http::markup::{Markup, html};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;

/// A chart of `line` up to `now`, with links to the other ranges of the page at `address`.
pub fn chart(line: &Line, range: Range, now: u64, address: &str) -> Markup {
    html! {
        div.chart-head {
            h2 { "Hashrate" }
            div.ranges role="group" aria-label="How far back" {
                @for other in Range::ALL {
                    @if other == range {
                        a href=(format!("{address}?range={}", other.name())) aria-current="true" { (other.name()) }
                    } @else {
                        a href=(format!("{address}?range={}", other.name())) { (other.name()) }
                    }
                }
            }
        }
        @if line.points.len() < 2 {
            p.empty { "The line begins after the first " (words::duration(2.0 * line.step as f64)) " of mining." }
        } @else {
            (drawing(line, now))
        }
    }
}

fn drawing(line: &Line, now: u64) -> Markup {
    let Line { step, span, points } = line;
    let top = ceiling(points);
    let start = now.saturating_sub(*span);
    let (span, half_step) = (*span as f64, *step as f64 / 2.0);
    let x = |time: u64| ((time.saturating_sub(start) as f64 + half_step) / span * WIDTH).clamp(0.0, WIDTH);
    let y = |rate: f64| HEIGHT - (rate / top).clamp(0.0, 1.0) * HEIGHT;
    let (mut line, mut band, mut back) = (String::new(), String::new(), String::new());
    // Writing to a String cannot fail.
    for (place, point) in points.iter().enumerate() {
        let (x, letter) = (x(point.time), if place == 0 { 'M' } else { 'L' });
        let _ = write!(line, "{letter}{x:.1} {:.1}", y(point.rate.hashrate));
        let _ = write!(band, "{letter}{x:.1} {:.1}", y(point.rate.high));
    }
    for point in points.iter().rev() {
        let _ = write!(back, "L{:.1} {:.1}", x(point.time), y(point.rate.low));
    }
    let last = points.last().map(|point| point.rate).unwrap_or_default();
    let spoken = format!(
        "Hashrate over the last {}: {} at the end, between {} and {} with 95 % certainty",
        words::duration(span),
        words::hashrate(last.hashrate),
        words::hashrate(last.low),
        words::hashrate(last.high)
    );
    html! {
        figure.chart {
            div.chart-y aria-hidden="true" {
                span { (words::hashrate(top)) }
                span { (words::hashrate(top / 2.0)) }
                span { "0" }
            }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(spoken) {
                path.grid d=(format!("M0 {0}H{WIDTH}M0 {1}H{WIDTH}M0 {2}H{WIDTH}", 0.5, HEIGHT / 2.0, HEIGHT - 0.5)) {}
                path.band d=(format!("{band}{back}Z")) {}
                path.line d=(line) {}
            }
            div.chart-x aria-hidden="true" {
                span { (words::duration(span)) " ago" }
                span { (words::duration(span / 2.0)) }
                span { "now" }
            }
            figcaption {
                "The line is counted from shares, which come by chance; with 95 % certainty the truth lies in the band."
            }
        }
    }
}

/// A round number above the line and most of the band.
fn ceiling(points: &[Point]) -> f64 {
    let peak = points.iter().map(|point| point.rate.hashrate).fold(0.0, f64::max);
    let mut highs: Vec<f64> = points.iter().map(|point| point.rate.high).collect();
    highs.sort_by(f64::total_cmp);
    // A few steps with hardly a share must not press the rest to the ground.
    let usual = highs.get(highs.len() * 9 / 10).copied().unwrap_or(peak);
    let wanted = (peak * 1.05).max(usual.min(peak * 1.6));
    if wanted <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(wanted.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|top| *top >= wanted).unwrap_or(wanted)
}

/// A line without words, for lists and the big screen.
pub fn spark(points: &[Point]) -> Markup {
    const LONG: f64 = 120.0;
    const HIGH: f64 = 28.0;
    let top = points.iter().map(|point| point.rate.hashrate).fold(0.0, f64::max);
    if points.len() < 2 || top <= 0.0 {
        return html! {};
    }
    let step = LONG / (points.len() - 1) as f64;
    let mut line = String::new();
    for (place, point) in points.iter().enumerate() {
        let letter = if place == 0 { 'M' } else { 'L' };
        let y = HIGH - 1.0 - point.rate.hashrate / top * (HIGH - 2.0);
        let _ = write!(line, "{letter}{:.1} {y:.1}", step * place as f64);
    }
    html! {
        svg.spark viewBox=(format!("0 0 {LONG} {HIGH}")) preserveAspectRatio="none" aria-hidden="true" {
            path.line d=(line) {}
        }
    }
}
