//! A chart as a bitmap, for where no SVG is shown: drawn from the SVG by resvg, which is all Rust, with a font that is built in, so that
//! it looks the same on a machine without any.

use resvg::{tiny_skia, usvg};

/// Its licence lies beside it.
const FONT: &[u8] = include_bytes!("../../../templates/fonts/DejaVuSans.ttf");
const FONT_NAME: &str = "DejaVu Sans";
/// Pixels of the bitmap to one of the drawing.
const FINE: f32 = 2.0;

/// The bitmap of an SVG, in its light colours.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, String> {
    let mut options = usvg::Options { font_family: FONT_NAME.to_owned(), ..usvg::Options::default() };
    let fonts = options.fontdb_mut();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(FONT_NAME);
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size();
    let (width, height) = ((size.width() * FINE).round() as u32, (size.height() * FINE).round() as u32);
    let mut bitmap = tiny_skia::Pixmap::new(width, height).ok_or("the chart has no extent")?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(FINE, FINE), &mut bitmap.as_mut());
    bitmap.encode_png().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels that are not white.
    fn inked(svg: &str) -> usize {
        let bitmap = tiny_skia::Pixmap::decode_png(&png(svg).unwrap()).unwrap();
        bitmap.pixels().iter().filter(|pixel| pixel.red() < 200).count()
    }

    #[test]
    fn text_is_drawn_without_a_font_of_the_system() {
        let with = |text: &str| {
            inked(&format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"40\"><rect width=\"100%\" height=\"100%\" \
                 fill=\"#FFFFFF\"/><text x=\"5\" y=\"25\" font-family=\"sans-serif\" font-size=\"16\">{text}</text></svg>"
            ))
        };
        assert_eq!(with(""), 0);
        let (short, long) = (with("p95"), with("p95 − 95 % … ✓"));
        assert!(short > 100 && long > short + 100, "{short} {long}");
    }

    #[test]
    fn what_is_no_svg_is_an_error() {
        assert!(png("<p>").is_err());
    }
}
