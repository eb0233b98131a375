//! Colours for figures: equal steps of a figure are equal steps of lightness in OKLCH
//! (Björn Ottosson, 2020), in one hue, or from one hue over the paper to another for differences.

/// A background and the text on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ColourPair {
    background: [u8; 3],
    text: [u8; 3],
}

/// Lightness, chroma and hue in degrees.
type Lch = (f64, f64, f64);

/// The sequential scale's ends, in a light and a dark page: larger values contrast more with the background.
const LIGHT: (Lch, Lch) = ((0.975, 0.012, 225.0), (0.42, 0.10, 245.0));
const DARK: (Lch, Lch) = ((0.25, 0.02, 245.0), (0.86, 0.09, 225.0));
/// The diverging scale's middle and its two ends: less is orange, more is blue.
const LIGHT_MIDDLE: Lch = (0.975, 0.004, 90.0);
const DARK_MIDDLE: Lch = (0.25, 0.006, 90.0);
const LIGHT_ENDS: [(f64, f64, f64); 2] = [(0.60, 0.14, 50.0), (0.50, 0.12, 250.0)];
const DARK_ENDS: [(f64, f64, f64); 2] = [(0.68, 0.14, 55.0), (0.66, 0.12, 245.0)];

/// The style of a figure that is `part` (0 to 1) of the way up the scale.
pub(in crate::page) fn sequential(part: f64) -> String {
    let part = part.clamp(0.0, 1.0);
    let at = |(low, high): (Lch, Lch)| with_text(between(low, high, part));
    style(at(LIGHT), at(DARK))
}

/// The style of a difference, from −1 to 1 as a share of the largest.
pub(in crate::page) fn diverging(part: f64) -> String {
    let part = part.clamp(-1.0, 1.0);
    let at = |middle: Lch, ends: [Lch; 2]| {
        let end = ends[usize::from(part > 0.0)];
        // The hue is the end's all the way: the middle is grey.
        with_text(between((middle.0, middle.1, end.2), end, part.abs()))
    };
    style(at(LIGHT_MIDDLE, LIGHT_ENDS), at(DARK_MIDDLE, DARK_ENDS))
}

/// Both variants; the style sheet chooses one.
fn style(light: ColourPair, dark: ColourPair) -> String {
    format!(
        "--l:{};--lt:{};--d:{};--dt:{}",
        hex(light.background),
        hex(light.text),
        hex(dark.background),
        hex(dark.text)
    )
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn between(a: Lch, b: Lch, part: f64) -> Lch {
    let mix = |a: f64, b: f64| a + (b - a) * part;
    (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// A background with black or white text, whichever is more legible on it.
fn with_text(lch: Lch) -> ColourPair {
    let background = srgb(lch);
    let [black, white] = [[0; 3], [255; 3]];
    let text = if contrast(background, black) >= contrast(background, white) { black } else { white };
    ColourPair { background, text }
}

/// OKLCH to sRGB, clipped to its gamut.
fn srgb((l, chroma, hue): Lch) -> [u8; 3] {
    let (b, a) = hue.to_radians().sin_cos();
    let (a, b) = (a * chroma, b * chroma);
    let cone = |ca: f64, cb: f64| (l + ca * a + cb * b).powi(3);
    let long = cone(0.396_337_777_4, 0.215_803_757_3);
    let medium = cone(-0.105_561_345_8, -0.063_854_172_8);
    let short = cone(-0.089_484_177_5, -1.291_485_548);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701 * short,
    ]
    .map(|linear| {
        let linear = linear.clamp(0.0, 1.0);
        let encoded =
            if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        (255.0 * encoded).round() as u8
    })
}

/// Contrast of two colours, 1 to 21 (WCAG 2).
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(rgb: [u8; 3]) -> f64 {
    let [r, g, b] = rgb.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_come_out() {
        // CSS Color 4: red, and the greys.
        assert_eq!(srgb((0.627_96, 0.257_68, 29.234)), [255, 0, 0]);
        assert_eq!(srgb((1.0, 0.0, 0.0)), [255, 255, 255]);
        assert_eq!(srgb((0.0, 0.0, 0.0)), [0, 0, 0]);
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    }

    #[test]
    fn figures_can_be_read_on_every_step_and_more_is_never_taken_for_less() {
        let ends = [LIGHT, DARK];
        for (low, high) in ends {
            let steps: Vec<ColourPair> =
                (0..=100).map(|i| with_text(between(low, high, f64::from(i) / 100.0))).collect();
            assert!(steps.iter().all(|s| contrast(s.background, s.text) >= 4.5));
            let light: Vec<f64> = steps.iter().map(|s| luminance(s.background)).collect();
            let rising = high.0 > low.0;
            assert!(light.windows(2).all(|w| if rising { w[0] <= w[1] } else { w[0] >= w[1] }));
        }
        for (middle, ends) in [(LIGHT_MIDDLE, LIGHT_ENDS), (DARK_MIDDLE, DARK_ENDS)] {
            for end in ends {
                for i in 0..=100 {
                    let pair = with_text(between(middle, end, f64::from(i) / 100.0));
                    assert!(contrast(pair.background, pair.text) >= 4.5);
                }
            }
        }
        assert_ne!(diverging(-1.0), diverging(1.0));
        assert_eq!(sequential(7.0), sequential(1.0));
    }
}
