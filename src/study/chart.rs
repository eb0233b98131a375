//! Charts as SVG: points with error bars, lines, direct labels, side by side in panels.
//!
//! Series differ in colour (Okabe and Ito's colour-blind-safe set), in the shape of their marks and in
//! the dashes of their lines. Colours follow the reader's light or dark preference; the background is
//! drawn, so that text is readable on any page.

use std::fmt::Write;

/// Panels side by side under one title.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Above the panels.
    pub title: String,
    /// A description in a sentence or two: below the title, and for screen readers.
    pub about: String,
    /// Left to right.
    pub panels: Vec<Panel>,
}

/// A pair of axes with their series.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The horizontal axis.
    pub x: ChartAxis,
    /// The vertical axis.
    pub y: ChartAxis,
    /// Each with its own colour, mark and dash; more than four repeat them.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartAxis {
    /// Its label, with the unit.
    pub label: String,
    /// Whether it begins at 0.
    pub from_zero: bool,
    /// Its ticks; round numbers if empty.
    pub ticks: Vec<f64>,
}

/// A series of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend; empty for no entry.
    pub name: String,
    /// In the order of the line.
    pub points: Vec<Point>,
    /// Whether a line connects the filled points.
    pub line: bool,
}

/// A point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// Horizontal position.
    pub x: f64,
    /// Vertical position.
    pub y: f64,
    /// Lower and upper end of its error bar.
    pub ends: Option<[f64; 2]>,
    /// Small dots at the same horizontal position: the single values of which `y` is the mean.
    pub dots: Vec<f64>,
    /// Its label.
    pub label: String,
    /// Drawn as an outline, and skipped by the line.
    pub hollow: bool,
}

const WIDE: f64 = 640.0;
const NARROW: f64 = 380.0;
const PANEL: f64 = 330.0;
const TOP: f64 = 84.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 18.0;
const BOTTOM: f64 = 48.0;
/// Offset between marks of several series at one position, and between a mark and its dots.
const DODGE: f64 = 13.0;
const ASIDE: f64 = 7.5;
/// Approximate width of a character and height of a line in labels.
const LETTER: (f64, f64) = (6.2, 13.0);

const STYLE: &str = "\
text{font:12px system-ui,'Noto Sans',sans-serif;fill:var(--ink)}\
.title{font-size:15px;font-weight:600}\
.quiet{fill:var(--quiet)}\
.label{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}\
.grid{stroke:var(--grid);stroke-width:1}\
.axis{stroke:var(--quiet);stroke-width:1}\
.line,.bar{fill:none;stroke-width:2}\
.bar{stroke-width:1.5}\
svg{--ink:#1b1b1b;--quiet:#5a5a5a;--grid:#e4e4e4;--paper:#fff;\
--c0:#0072b2;--c1:#d55e00;--c2:#00795a;--c3:#8a4a78}\
@media(prefers-color-scheme:dark){svg{--ink:#ececec;--quiet:#b0b0b0;--grid:#3a3a3a;--paper:#181818;\
--c0:#56b4e9;--c1:#ff9a52;--c2:#3fcf9f;--c3:#e0a3cc}}";

const DASHES: [&str; 4] = ["", "7 4", "2 3", "9 3 2 3"];

impl Chart {
    /// The chart as an SVG document.
    pub fn svg(&self) -> String {
        let panel = if self.panels.len() > 1 { NARROW } else { WIDE };
        let width = panel * self.panels.len() as f64;
        let height = TOP + PANEL;
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{0}</title>\n\
             <desc id=\"d\">{1}</desc>\n<style>{STYLE}</style>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"var(--paper)\"/>\n\
             <text class=\"title\" x=\"16\" y=\"24\">{0}</text>\n\
             <text class=\"quiet\" x=\"16\" y=\"43\">{1}</text>\n",
            escape(&self.title),
            escape(&self.about)
        );
        self.legend(&mut out);
        for (i, of) in self.panels.iter().enumerate() {
            of.write(&mut out, i as f64 * panel, panel);
        }
        out + "</svg>\n"
    }

    /// One legend entry per name, whichever panels it is in.
    fn legend(&self, out: &mut String) {
        let mut named: Vec<&str> = Vec::new();
        let mut x = 22.0;
        for panel in &self.panels {
            for (style, series) in panel.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty()) {
                if named.contains(&series.name.as_str()) {
                    continue;
                }
                named.push(&series.name);
                if series.line {
                    line(out, style, &[(x - 8.0, 61.0), (x + 20.0, 61.0)]);
                }
                mark(out, style, x + 6.0, 61.0, false, "");
                let _ = writeln!(out, "<text x=\"{}\" y=\"65\">{}</text>", x + 26.0, escape(&series.name));
                x += 50.0 + series.name.chars().count() as f64 * (LETTER.0 + 1.2);
            }
        }
    }
}

/// Maps values to positions.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    ticks: Vec<f64>,
    decimals: usize,
}

impl Scale {
    /// A scale from `from` to `to` in pixels for values with a margin.
    fn new(values: impl Iterator<Item = f64>, axis: &ChartAxis, from: f64, to: f64) -> Self {
        let (mut low, mut high) = values
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if axis.from_zero {
            low = low.min(0.0);
        }
        // A single value gets a margin much smaller than the value.
        let room = (high - low).max(high.abs() * 1e-3).max(1e-6) * 0.06;
        (low, high) = (if axis.from_zero { low } else { low - room }, high + room);
        let step = step((high - low) / 6.0);
        let round = (low / step).ceil() as i64..=(high / step).floor() as i64;
        let (ticks, decimals) = if axis.ticks.is_empty() {
            (round.map(|i| i as f64 * step).collect(), decimals(step))
        } else {
            (axis.ticks.clone(), axis.ticks.iter().map(|tick| decimals(*tick)).max().unwrap_or(0))
        };
        Self { low, high, from, to, ticks, decimals }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least `least`.
fn step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0].map(|f| f * power);
    steps.into_iter().find(|s| *s >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// The number of decimals that a number and its multiples need.
fn decimals(of: f64) -> usize {
    let whole = |n: &usize| {
        let scaled = of * 10f64.powi(*n as i32);
        (scaled - scaled.round()).abs() <= 1e-6 * scaled.abs()
    };
    (0..6).find(whole).unwrap_or(6)
}

impl Panel {
    fn write(&self, out: &mut String, left: f64, width: f64) {
        let points = || self.series.iter().flat_map(|s| &s.points);
        let ys =
            points().flat_map(|p| p.ends.into_iter().flatten().chain([p.y]).chain(p.dots.iter().copied()));
        let (from, to) = (left + LEFT, left + width - RIGHT);
        let (top, bottom) = (TOP, TOP + PANEL - BOTTOM);
        let x = Scale::new(points().map(|p| p.x), &self.x, from, to);
        let y = Scale::new(ys, &self.y, bottom, top);
        for &tick in &y.ticks {
            let (at, n) = (y.at(tick), y.decimals);
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"{from}\" x2=\"{to}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"quiet\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tick:.n$}</text>",
                from - 7.0,
                at + 4.0
            );
        }
        for &tick in &x.ticks {
            let (at, n) = (x.at(tick), x.decimals);
            let _ = writeln!(
                out,
                "<line class=\"axis\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{bottom}\" y2=\"{}\"/>\
                 <text class=\"quiet\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{tick:.n$}</text>",
                bottom + 4.0,
                bottom + 18.0
            );
        }
        let middle = (top + bottom) / 2.0;
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{from}\" x2=\"{to}\" y1=\"{bottom}\" y2=\"{bottom}\"/>\
             <text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text transform=\"translate({:.1} {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            (from + to) / 2.0,
            bottom + 37.0,
            escape(&self.x.label),
            left + 16.0,
            escape(&self.y.label)
        );
        let mut labels: Vec<(f64, f64, f64)> = Vec::new();
        let lines = self.series.iter().filter(|s| s.line).count();
        let mut marks = String::new();
        for (style, series) in self.series.iter().enumerate() {
            let aside = if lines > 1 { (style as f64 - (lines as f64 - 1.0) / 2.0) * DODGE } else { 0.0 };
            let at = |p: &Point| (x.at(p.x) + aside, y.at(p.y));
            if series.line {
                let way: Vec<_> = series.points.iter().filter(|p| !p.hollow).map(at).collect();
                line(out, style, &way);
            }
            for point in &series.points {
                let (px, py) = at(point);
                bars(&mut marks, style, px, point.ends.map(|ends| ends.map(|end| y.at(end))));
                for &dot in &point.dots {
                    let _ = writeln!(
                        marks,
                        "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"1.8\" fill=\"var(--c{})\" />",
                        px + ASIDE,
                        y.at(dot),
                        style % 4
                    );
                }
                let said = format!("{} {:.4}", series.name, point.y);
                mark(&mut marks, style, px, py, point.hollow, said.trim());
                if !point.label.is_empty() {
                    let top = point.ends.map_or(py, |[_, high]| y.at(high).min(py));
                    label(&mut marks, &mut labels, &point.label, (px, top), (from, to));
                }
            }
        }
        out.push_str(&marks);
    }
}

/// Writes a label above a point and its error bar, avoiding other labels.
fn label(out: &mut String, taken: &mut Vec<(f64, f64, f64)>, text: &str, at: (f64, f64), ends: (f64, f64)) {
    let width = text.chars().count() as f64 * LETTER.0;
    let x = (at.0 - width / 2.0).min(ends.1 - width).max(ends.0);
    let free =
        |y: &f64| taken.iter().all(|(a, b, w)| (b - y).abs() >= LETTER.1 || x >= a + w || *a >= x + width);
    let above = at.1 - 8.0;
    let y = (0..12).map(|n| above - f64::from(n) * LETTER.1).find(free).unwrap_or(above);
    taken.push((x, y, width));
    let middle = x + width / 2.0;
    let text = escape(text);
    let _ = writeln!(
        out,
        "<text class=\"label\" x=\"{middle:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{text}</text>"
    );
}

fn line(out: &mut String, style: usize, way: &[(f64, f64)]) {
    if way.len() > 1 {
        let points: Vec<String> = way.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            out,
            "<polyline class=\"line\" points=\"{}\" stroke=\"var(--c{})\" stroke-dasharray=\"{}\"/>",
            points.join(" "),
            style % 4,
            DASHES[style % 4]
        );
    }
}

fn bars(out: &mut String, style: usize, x: f64, ends: Option<[f64; 2]>) {
    if let Some([low, high]) = ends {
        let (l, r) = (x - 4.0, x + 4.0);
        let _ = writeln!(
            out,
            "<path class=\"bar\" stroke=\"var(--c{})\" d=\"M{x:.1} {low:.1}V{high:.1}M{l:.1} {low:.1}H{r:.1}\
             M{l:.1} {high:.1}H{r:.1}\"/>",
            style % 4
        );
    }
}

/// A circle, square, triangle or diamond; `said` is its tooltip.
fn mark(out: &mut String, style: usize, x: f64, y: f64, hollow: bool, said: &str) {
    let shape = match style % 4 {
        0 => format!("M{:.1} {y:.1}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z", x - 5.0),
        1 => format!("M{:.1} {:.1}h9v9h-9Z", x - 4.5, y - 4.5),
        2 => format!("M{x:.1} {:.1}l5.8 10h-11.6Z", y - 6.2),
        _ => format!("M{x:.1} {:.1}l6 6l-6 6l-6 -6Z", y - 6.0),
    };
    let colour = style % 4;
    let fill = if hollow { "var(--paper)".to_string() } else { format!("var(--c{colour})") };
    let title = if said.is_empty() { String::new() } else { format!("<title>{}</title>", escape(said)) };
    let _ = writeln!(
        out,
        "<path d=\"{shape}\" fill=\"{fill}\" stroke=\"var(--c{colour})\" stroke-width=\"1.6\">{title}</path>"
    );
}

/// Text escaped for XML; control characters, which XML cannot represent, become spaces.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Checks that tags are closed in the order in which they were opened, attributes are quoted, and
    /// `&` and `<` are only where allowed; returns the names of all elements.
    pub fn elements(svg: &str) -> Vec<String> {
        let (mut open, mut names) = (Vec::new(), Vec::new());
        let mut rest = svg;
        while let Some(start) = rest.find('<') {
            let (text, tag) = rest.split_at(start);
            for after in text.split('&').skip(1) {
                let entity = after.split_once(';').unwrap_or_else(|| panic!("bare & before {after}")).0;
                assert!(["amp", "lt", "gt", "quot"].contains(&entity), "&{entity};");
            }
            let (tag, after) = tag[1..].split_once('>').expect("every < has its >");
            rest = after;
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "closed in order");
                continue;
            }
            assert!(!tag.contains('<'), "{tag}");
            let name = tag.split([' ', '/']).next().expect("a name");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{tag}");
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            for part in tag.split('"').step_by(2).skip(1) {
                assert!(matches!(part, "" | "/") || part.starts_with(' '), "{tag}");
            }
            names.push(name.to_string());
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
        names
    }

    fn chart(points: Vec<Point>) -> Chart {
        let axis = |label: &str| ChartAxis { label: label.into(), from_zero: false, ticks: Vec::new() };
        let series = Series { name: "a < b & \"c\"".into(), points, line: true };
        let panel = Panel { x: axis("α"), y: axis("mAP"), series: vec![series] };
        Chart { title: "T & <t>".into(), about: "control \u{1} \u{8}".into(), panels: vec![panel] }
    }

    fn point(x: f64, y: f64) -> Point {
        Point { x, y, ..Point::default() }
    }

    #[test]
    fn any_text_and_any_number_of_points_is_well_formed() {
        for n in [0, 1, 2, 9] {
            let points = (0..n).map(|i| Point {
                ends: Some([0.1, 0.4]),
                dots: vec![0.2, 0.3],
                label: format!("<{i}>"),
                hollow: i == 1,
                ..point(f64::from(i), 0.25)
            });
            let svg = chart(points.collect()).svg();
            let names = elements(&svg);
            let marks = svg.matches("stroke-width=\"1.6\"").count();
            assert_eq!(marks, n as usize + 1, "a mark for each point, and one in the legend");
            assert_eq!(names.iter().filter(|name| *name == "circle").count(), 2 * n as usize);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn places_follow_values() {
        let axis = |from_zero, ticks| ChartAxis { label: String::new(), from_zero, ticks };
        let free = axis(false, vec![]);
        let scale = Scale::new([0.2, 0.6].into_iter(), &free, 100.0, 0.0);
        assert!(scale.at(0.2) < 100.0 && scale.at(0.6) > 0.0 && scale.at(0.3) > scale.at(0.5));
        let shown: Vec<String> = scale.ticks.iter().map(|t| format!("{t:.1}")).collect();
        assert_eq!(shown, ["0.2", "0.3", "0.4", "0.5", "0.6"]);
        let zero = Scale::new([20.0, 90.0].into_iter(), &axis(true, vec![]), 0.0, 100.0);
        assert_eq!((zero.at(0.0), zero.decimals), (0.0, 0));
        let given = Scale::new([0.0, 1.0].into_iter(), &axis(false, vec![0.0, 0.25, 1.0]), 0.0, 9.0);
        assert_eq!((given.ticks.len(), given.decimals), (3, 2));
        // One value, and none.
        assert!(Scale::new([0.5].into_iter(), &free, 0.0, 10.0).ticks.len() > 1);
        assert!(Scale::new([f64::NAN].into_iter(), &free, 0.0, 10.0).at(0.5).is_finite());
        assert_eq!([0.03, 0.1, 2.1, 700.0].map(step), [0.05, 0.1, 2.5, 1000.0]);
        assert_eq!([0.05, 0.1, 0.025, 2.5, 5.0, 2e4].map(decimals), [2, 1, 3, 1, 0, 0]);
    }

    #[test]
    fn labels_do_not_lie_on_each_other() {
        let (mut out, mut taken) = (String::new(), Vec::new());
        for _ in 0..4 {
            label(&mut out, &mut taken, "layers 6", (50.0, 50.0), (0.0, 300.0));
        }
        label(&mut out, &mut taken, "a long label at the right end", (290.0, 50.0), (0.0, 300.0));
        let mut ys: Vec<f64> = taken[..4].iter().map(|t| t.1).collect();
        ys.sort_by(f64::total_cmp);
        assert!(ys.windows(2).all(|y| y[1] - y[0] >= LETTER.1), "{ys:?}");
        assert!(taken[4].0 + taken[4].2 <= 300.0);
    }
}
