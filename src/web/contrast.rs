//! A colour of the operator's choice, and what can be read on it and beside it: by the contrast ratio of WCAG 2.2.

use crate::settings::Color;

const BLACK: Color = Color([0, 0, 0]);
const WHITE: Color = Color([255, 255, 255]);

/// What text stands on, as in `assets/style.css`: by day, and by night.
const LIGHT: [Color; 2] = [Color([0xf4, 0xf5, 0xf7]), WHITE];
const DARK: [Color; 2] = [Color([0x0f, 0x12, 0x16]), Color([0x1a, 0x1f, 0x26])];

/// WCAG 2.2 asks 4.5 of text (success criterion 1.4.3); a little more, for sums are rounded.
const READABLE: f64 = 4.6;

/// A style sheet that goes over the usual one.
pub(super) fn style_of(color: Color) -> String {
    let on = if ratio(color, WHITE) >= ratio(color, BLACK) { WHITE } else { BLACK };
    let (by_day, by_night) = (readable(color, LIGHT, BLACK), readable(color, DARK, WHITE));
    format!(
        ":root {{ --accent: {color}; --on-accent: {on}; --link: {by_day}; }}\n\
         @media (prefers-color-scheme: dark) {{ :root {{ --link: {by_night}; }} }}\n"
    )
}

/// The shade nearest to `color` that can be read on `grounds`, on its way to `end`.
fn readable(color: Color, grounds: [Color; 2], end: Color) -> Color {
    let can_be_read = |shade: Color| grounds.iter().all(|ground| ratio(shade, *ground) >= READABLE);
    (0..=64).map(|step| mixed(color, end, f64::from(step) / 64.0)).find(|shade| can_be_read(*shade)).unwrap_or(end)
}

fn mixed(from: Color, to: Color, share: f64) -> Color {
    let mut parts = from.0;
    for (part, to) in parts.iter_mut().zip(to.0) {
        let mixed = f64::from(*part) * (1.0 - share) + f64::from(to) * share;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes is a byte")]
        {
            *part = mixed.round() as u8;
        }
    }
    Color(parts)
}

/// From 1 to 21.
fn ratio(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(color: Color) -> f64 {
    let [red, green, blue] = color.0.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_the_standard() {
        assert!((ratio(BLACK, WHITE) - 21.0).abs() < 1e-9);
        assert!((ratio(Color([0x76, 0x76, 0x76]), WHITE) - 4.54).abs() < 0.01);
        assert!((ratio(WHITE, WHITE) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn every_colour_can_be_read_in_both_themes() {
        let steps = [0u8, 32, 64, 96, 128, 160, 192, 224, 255];
        for red in steps {
            for green in steps {
                for blue in steps {
                    let color = Color([red, green, blue]);
                    let on = if ratio(color, WHITE) >= ratio(color, BLACK) { WHITE } else { BLACK };
                    assert!(ratio(color, on) >= 4.5, "on {color}");
                    for (grounds, end) in [(LIGHT, BLACK), (DARK, WHITE)] {
                        let link = readable(color, grounds, end);
                        assert!(grounds.iter().all(|ground| ratio(link, *ground) >= 4.5), "{link} of {color}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays() {
        assert_eq!(
            style_of(Color([0x0b, 0x5c, 0xad])).lines().next(),
            Some(":root { --accent: #0b5cad; --on-accent: #ffffff; --link: #0b5cad; }")
        );
        assert!(style_of(Color([0xff, 0xcc, 0])).contains("--accent: #ffcc00; --on-accent: #000000;"));
    }

    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let sheet = include_str!("assets/style.css");
        for (ground, sheet_of) in [LIGHT, DARK].map(|[ground, sheet]| (ground, sheet)) {
            assert!(sheet.contains(&format!("--ground: {ground}; --sheet: {sheet_of};")), "{ground} {sheet_of}");
        }
    }
}
