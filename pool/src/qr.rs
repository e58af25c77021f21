//! A text as a QR code (ISO/IEC 18004), to be photographed from a screen or from paper.
//!
//! In the terminal one character stands for two modules, one above the other. Black and
//! white are set as colours, so that the code is dark on light whatever the terminal's
//! own colours are; without colours (`NO_COLOR`) it is right on a dark terminal.

use qrcode::{Color, EcLevel, QrCode, Version};
use std::fmt::Write as _;
use thiserror::Error;

/// A QR code.
#[derive(Clone, Debug)]
pub struct Qr {
    /// Modules on a side, without the quiet zone.
    width: usize,
    /// Row by row; true is dark.
    modules: Vec<bool>,
}

/// The text does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0} bytes are too many for a QR code, which holds 2953; name fewer relays and addresses, or share it as text"
)]
pub struct TooLong(pub usize);

impl Qr {
    /// Light modules all around, without which a code is not recognised.
    const QUIET: usize = 4;

    /// Makes the smallest code that holds `text`, with as much error correction as fits
    /// into that size.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn encode(text: &str) -> Result<Qr, TooLong> {
        let smallest = QrCode::with_error_correction_level(text, EcLevel::L);
        let mut best = smallest.map_err(|_| TooLong(text.len()))?;
        for level in [EcLevel::M, EcLevel::Q, EcLevel::H] {
            match with_version(text, best.version(), level) {
                Some(stronger) => best = stronger,
                None => break,
            }
        }
        let width = best.width();
        Ok(Qr { width, modules: best.into_colors().into_iter().map(|color| color == Color::Dark).collect() })
    }

    /// Lines of half blocks, each with an end of line.
    pub fn to_terminal(&self, colours: bool) -> String {
        // Black on white of the 256 colour palette: those are fixed, while the first
        // sixteen follow the terminal's theme.
        const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
        const OWN_COLOURS: &str = "\x1b[0m";
        let side = self.side();
        let mut text = String::new();
        for y in (0..side).step_by(2) {
            if colours {
                text += BLACK_ON_WHITE;
            }
            for x in 0..side {
                // Below the last row of an odd number is nothing: light, as the quiet zone.
                let (upper, lower) = (self.is_dark(x, y), self.is_dark(x, y + 1));
                // Ink is dark where black is set as its colour, and light on a dark terminal.
                text.push(match (upper == colours, lower == colours) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            if colours {
                text += OWN_COLOURS;
            }
            text.push('\n');
        }
        text
    }

    /// An SVG image: black on white, one unit a module, any size on paper or screen.
    pub fn to_svg(&self) -> String {
        let side = self.side();
        let mut dark = String::new();
        for y in 0..side {
            let mut x = 0;
            while x < side {
                let run = (x..side).take_while(|x| self.is_dark(*x, y)).count();
                if run > 0 {
                    // Writing to a String cannot fail.
                    let _ = write!(dark, "M{x} {y}h{run}v1h-{run}z");
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\n\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/>\n\
             <path d=\"{dark}\"/>\n\
             </svg>\n"
        )
    }

    /// Modules on a side with the quiet zone.
    fn side(&self) -> usize {
        self.width + 2 * Qr::QUIET
    }

    /// The module at `x`, `y`, counted with the quiet zone.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(Qr::QUIET).filter(|at| *at < self.width);
        let (Some(x), Some(y)) = (inside(x), inside(y)) else { return false };
        self.modules.get(y * self.width + x).copied().unwrap_or(false)
    }
}

fn with_version(text: &str, version: Version, level: EcLevel) -> Option<QrCode> {
    QrCode::with_version(text, version, level).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    const INVITE: &str = "stratum2+iroh://47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy/\
                          9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh?relay=198.51.100.9&a=198.51.100.7:34255";

    /// What a camera reads; true is dark.
    fn scan(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
        const PIXELS: usize = 4;
        let grey = |x: usize, y: usize| if is_dark(x / PIXELS, y / PIXELS) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * PIXELS, side * PIXELS, grey);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "one code is seen");
        grids[0].decode().unwrap().1
    }

    /// The terminal as pixels: half a character each, ink as given.
    fn scan_terminal(text: &str, ink_is_dark: bool) -> String {
        let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let side = rows[0].len();
        let is_dark = |x: usize, y: usize| {
            let half = if y.is_multiple_of(2) { ['█', '▀'] } else { ['█', '▄'] };
            let ink = rows.get(y / 2).is_some_and(|row| half.contains(&row[x]));
            ink == ink_is_dark
        };
        assert!((0..side).all(|x| !is_dark(x, 0)), "the quiet zone is light");
        scan(side, is_dark)
    }

    #[test]
    fn the_terminals_code_is_read_back_on_any_terminal() {
        let text = Qr::encode(INVITE).unwrap().to_terminal(true);
        let mut plain = String::new();
        for line in text.lines() {
            let line = line.strip_prefix("\x1b[38;5;16;48;5;231m").expect("black on white");
            plain += line.strip_suffix("\x1b[0m").expect("the terminal's own colours come back");
            plain.push('\n');
        }
        assert_eq!(scan_terminal(&plain, true), INVITE);
    }

    #[test]
    fn without_colours_it_is_read_back_on_a_dark_terminal() {
        let text = Qr::encode(INVITE).unwrap().to_terminal(false);
        assert!(!text.contains('\x1b'));
        assert_eq!(scan_terminal(&text, false), INVITE);
    }

    #[test]
    fn the_image_is_read_back() {
        let svg = Qr::encode(INVITE).unwrap().to_svg();
        let side: usize =
            svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        // Each dark run: M<x> <y>h<length>v1h-<length>z
        let path = svg.split("<path d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut dark = std::collections::HashSet::new();
        for run in path.split('z').filter(|run| !run.is_empty()) {
            let (x, rest) = run.strip_prefix('M').unwrap().split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (length, rest) = rest.split_once('v').unwrap();
            assert_eq!(rest, format!("1h-{length}"));
            let (x, y, length): (usize, usize, usize) =
                (x.parse().unwrap(), y.parse().unwrap(), length.parse().unwrap());
            dark.extend((x..x + length).map(|x| (x, y)));
        }
        assert!(dark.iter().all(|(x, y)| (4..side - 4).contains(x) && (4..side - 4).contains(y)));
        assert_eq!(scan(side, |x, y| dark.contains(&(x, y))), INVITE);
    }

    #[test]
    fn an_invite_with_a_relay_and_an_address_fits_into_80_columns() {
        let text = Qr::encode(INVITE).unwrap().to_terminal(false);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{} columns",
            text.lines().next().unwrap().chars().count()
        );
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused_by_its_length() {
        assert!(Qr::encode(&"x".repeat(2953)).is_ok());
        assert_eq!(Qr::encode(&"x".repeat(2954)).unwrap_err(), TooLong(2954));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_text_is_read_back(text in "[ -~]{1,300}") {
            let printed = Qr::encode(&text).unwrap().to_terminal(false);
            prop_assert_eq!(scan_terminal(&printed, false), text);
        }
    }
}
