//! What charts are drawn on: lines, areas, dots and text in a few named inks, made into SVG by plotters.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Plotters draws on whole pixels: twice as many make smooth lines.
const FINE: f64 = 2.0;
/// Plotters divides a font's size by this before it writes it down.
const FONT: f64 = 1.24;

/// A named colour. Its light value is in the SVG itself; a class lets a style sheet give it the dark one.
/// The lines' colours are told apart by colour-blind eyes too (after Okabe and Ito, "Color Universal Design", 2008).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Text,
    Muted,
    Grid,
    Shade,
    Target,
    /// A capacity: dashed, as targets are, and not red.
    Limit,
    /// Where nothing was seen.
    Gap,
    Paper,
    Blue,
    Green,
    Pink,
    Orange,
    Vermilion,
    Sky,
}

/// Ink, class, light, dark.
const INKS: [(Ink, &str, [u8; 3], [u8; 3]); 14] = [
    (Ink::Text, "text", [0x1f, 0x23, 0x28], [0xe6, 0xed, 0xf3]),
    (Ink::Muted, "muted", [0x59, 0x63, 0x6e], [0x9d, 0xa7, 0xb3]),
    (Ink::Grid, "grid", [0xd8, 0xde, 0xe4], [0x33, 0x3b, 0x45]),
    (Ink::Shade, "shade", [0x0a, 0x6a, 0xda], [0x58, 0xa6, 0xff]),
    (Ink::Target, "target", [0xb3, 0x1d, 0x28], [0xff, 0x7b, 0x72]),
    (Ink::Limit, "limit", [0x57, 0x60, 0x6a], [0xa1, 0xab, 0xb6]),
    (Ink::Gap, "gap", [0x6a, 0x6f, 0x76], [0x8f, 0x98, 0xa2]),
    (Ink::Paper, "paper", [0xfe, 0xff, 0xfe], [0x0d, 0x11, 0x17]),
    (Ink::Blue, "blue", [0x00, 0x72, 0xb2], [0x5c, 0xb3, 0xf0]),
    (Ink::Green, "green", [0x00, 0x8f, 0x68], [0x2f, 0xc7, 0x9a]),
    (Ink::Pink, "pink", [0xb8, 0x5c, 0x94], [0xe3, 0x9b, 0xc4]),
    (Ink::Orange, "orange", [0xc9, 0x7f, 0x00], [0xf5, 0xb8, 0x3d]),
    (Ink::Vermilion, "vermilion", [0xd5, 0x5e, 0x00], [0xff, 0x8a, 0x4c]),
    (Ink::Sky, "sky", [0x3a, 0x9f, 0xd4], [0x8f, 0xd0, 0xf5]),
];

impl Ink {
    /// Those for lines of equal standing, in order.
    pub(super) const LINES: [Self; 6] = [Self::Blue, Self::Orange, Self::Green, Self::Pink, Self::Vermilion, Self::Sky];

    fn light(self) -> RGBColor {
        let [r, g, b] = INKS.iter().find(|ink| ink.0 == self).map_or([0; 3], |ink| ink.2);
        RGBColor(r, g, b)
    }

    fn alpha(self) -> f64 {
        match self {
            Self::Shade => 0.07,
            Self::Gap => 0.22,
            _ => 1.0,
        }
    }
}

/// Style rules that give every ink its dark value.
pub(in crate::report) fn dark_css() -> String {
    let hex = |[r, g, b]: [u8; 3]| format!("#{r:02x}{g:02x}{b:02x}");
    let rule = |(_, class, _, dark): &(Ink, &str, [u8; 3], [u8; 3])| {
        format!(".s-{class}{{stroke:{0}}}.f-{class}{{fill:{0}}}", hex(*dark))
    };
    INKS.iter().map(rule).collect()
}

/// Where a text's given point lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug)]
enum Shape {
    Line { points: Vec<(i32, i32)>, ink: Ink, width: f64, alpha: f64 },
    Box { from: (i32, i32), to: (i32, i32), ink: Ink },
    Dot { at: (i32, i32), radius: f64, ink: Ink },
    Text { at: (i32, i32), text: String, size: f64, ink: Ink, anchor: Anchor, bold: bool },
}

/// A drawing in the making; lengths in CSS pixels.
#[derive(Debug)]
pub(super) struct Canvas {
    /// Its width.
    pub(super) width: f64,
    /// Its height.
    pub(super) height: f64,
    shapes: Vec<Shape>,
}

fn fine((x, y): (f64, f64)) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    /// Whether it is the drawing for a phone.
    pub(super) fn narrow(&self) -> bool {
        self.width < 500.0
    }

    /// A line through points; a single point becomes a dot, points that are no numbers are left out.
    pub(super) fn line(&mut self, points: &[(f64, f64)], ink: Ink, width: f64) {
        self.line_of(points, ink, width, ink.alpha());
    }

    /// A line that stands behind another of the same ink.
    pub(super) fn faint_line(&mut self, points: &[(f64, f64)], ink: Ink) {
        self.line_of(points, ink, 1.0, 0.45);
    }

    fn line_of(&mut self, points: &[(f64, f64)], ink: Ink, width: f64, alpha: f64) {
        let whole: Vec<(f64, f64)> = points.iter().copied().filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
        if let [only] = whole[..] {
            self.dot(only, width, ink);
        } else if !whole.is_empty() {
            let mut points: Vec<(i32, i32)> = whole.into_iter().map(fine).collect();
            // What lies level needs only its ends.
            let level = |points: &[(i32, i32)]| matches!(points, [a, b, c] if a.1 == b.1 && b.1 == c.1);
            let mut kept: Vec<(i32, i32)> = Vec::with_capacity(points.len());
            for point in points.drain(..) {
                if let [.., a, b] = kept[..]
                    && level(&[a, b, point])
                {
                    kept.pop();
                }
                kept.push(point);
            }
            self.shapes.push(Shape::Line { points: kept, ink, width, alpha });
        }
    }

    pub(super) fn area(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        let upper_left = fine((from.0.min(to.0), from.1.min(to.1)));
        let lower_right = fine((from.0.max(to.0), from.1.max(to.1)));
        self.shapes.push(Shape::Box { from: upper_left, to: lower_right, ink });
    }

    pub(super) fn dot(&mut self, at: (f64, f64), radius: f64, ink: Ink) {
        self.shapes.push(Shape::Dot { at: fine(at), radius, ink });
    }

    /// Text, centred on its height.
    pub(super) fn text(&mut self, at: (f64, f64), text: &str, ink: Ink, anchor: Anchor) {
        let size = self.font_size();
        // XML has no place for control characters.
        let text = text.replace(char::is_control, " ");
        self.shapes.push(Shape::Text { at: fine(at), text, size, ink, anchor, bold: false });
    }

    /// The chart's name.
    pub(super) fn title(&mut self, at: (f64, f64), text: &str) {
        let (size, ink, anchor) = (15.0, Ink::Text, Anchor::Start);
        self.shapes.push(Shape::Text { at: fine(at), text: text.to_owned(), size, ink, anchor, bold: true });
    }

    fn font_size(&self) -> f64 {
        if self.narrow() { 11.0 } else { 12.0 }
    }

    /// The SVG without a background; `title` is what a screen reader says.
    pub(super) fn svg(&self, title: &str) -> String {
        let mut svg = String::new();
        {
            let size = fine((self.width, self.height));
            let area = SVGBackend::with_string(&mut svg, (size.0 as u32, size.1 as u32)).into_drawing_area();
            for shape in &self.shapes {
                // The only errors there are come from writing, and a string takes every write.
                let _ = shape.draw(&area);
            }
            let _ = area.present();
        }
        dress(&svg, self, title)
    }
}

impl Shape {
    fn draw(
        &self,
        area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        match self {
            Self::Line { points, ink, width, alpha } => {
                let style = ink.light().mix(*alpha).stroke_width((width * FINE).round() as u32);
                area.draw(&PathElement::new(points.clone(), style))
            }
            Self::Box { from, to, ink } => {
                area.draw(&Rectangle::new([*from, *to], ink.light().mix(ink.alpha()).filled()))
            }
            Self::Dot { at, radius, ink } => {
                area.draw(&Circle::new(*at, (radius * FINE).round() as i32, ink.light().filled()))
            }
            Self::Text { at, text, size, ink, anchor, bold } => {
                let across = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let weight = if *bold { FontStyle::Bold } else { FontStyle::Normal };
                let font = ("sans-serif", size * FINE * FONT).into_font().style(weight);
                let colour = ink.light();
                let style = TextStyle::from(font).color(&colour).pos(Pos::new(across, VPos::Center));
                area.draw(&Text::new(text.as_str(), *at, style))
            }
        }
    }
}

/// Gives every ink its class, targets their dashes, and the root its title and natural size.
fn dress(svg: &str, canvas: &Canvas, title: &str) -> String {
    let mut text = svg.to_owned();
    for (_, class, [r, g, b], _) in &INKS {
        let hex = format!("#{r:02X}{g:02X}{b:02X}");
        let dashes = if *class == "target" || *class == "limit" { " stroke-dasharray=\"14 8\"" } else { "" };
        text = text
            .replace(&format!(" stroke=\"{hex}\""), &format!(" stroke=\"{hex}\" class=\"s-{class}\"{dashes}"))
            .replace(&format!(" fill=\"{hex}\""), &format!(" fill=\"{hex}\" class=\"f-{class}\""));
    }
    text = text.replace(" opacity=\"1\"", "").replace("stroke-width=\"", "stroke-linejoin=\"round\" stroke-width=\"");
    let body = text.split_once(">\n").map_or("", |(_, body)| body);
    let (width, height) = fine((canvas.width, canvas.height));
    let title = escape(title);
    format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n{body}")
}

/// Text for XML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_not_drawn() {
        let mut canvas = Canvas::new(100.0, 50.0);
        canvas.line(&[(0.0, f64::NAN), (f64::INFINITY, 1.0)], Ink::Blue, 2.0);
        assert!(!canvas.svg("x").contains("polyline"));
        canvas.line(&[(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)], Ink::Blue, 2.0);
        let svg = canvas.svg("x");
        assert!(svg.contains("points=\"0,2 4,6 \"") && svg.contains("class=\"s-blue\""), "{svg}");
    }

    #[test]
    fn every_ink_is_told_apart_by_its_light_value() {
        for (n, ink) in INKS.iter().enumerate() {
            assert!(INKS[n + 1..].iter().all(|other| other.2 != ink.2 && other.1 != ink.1), "{:?}", ink.0);
        }
    }

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas::new(100.0, 50.0);
        canvas.text((1.0, 1.0), "<script>\u{1b}[31m", Ink::Text, Anchor::Start);
        let svg = canvas.svg("a \"b\" <c>");
        assert!(svg.contains("&lt;script&gt; [31m") && !svg.contains("<script>"));
        assert!(svg.contains("aria-label=\"a &quot;b&quot; &lt;c&gt;\""));
    }
}
