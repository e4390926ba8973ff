//! One line of `latency.hlog`: an interval of the `HdrHistogram` log format 1.3, `Tag=r.3,start,length,max,histogram`.
//!
//! The histogram is the base64 of `HdrHistogram`'s V2 encoding, deflated: the same bytes that the hdrhistogram crate
//! writes. Coded here, straight from and to (value, count) pairs: the crate lays out all 23,000 buckets of each
//! histogram, and an hour has 100,000 of them.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::hdr::{DIGITS, HIGHEST_US, Layout};
use super::{EndpointId, Interval, IntervalKind};
use crate::stats::Distribution;

/// The cookies of the V2 encoding.
const PLAIN: u32 = 0x1c84_9303 | 0x10;
const DEFLATED: u32 = 0x1c84_9304 | 0x10;

/// Bytes before the counts of a plain V2 histogram.
const HEADER_BYTES: usize = 40;

/// No histogram of ours is longer when inflated; a longer one is broken.
const MOST_BYTES: usize = 16 << 20;

impl IntervalKind {
    /// All kinds, in the order in which a second's lines are written.
    pub const ALL: [Self; 6] = [Self::Response, Self::Service, Self::FirstByte, Self::Failed, Self::CutOff, Self::Lag];

    /// Its letter in a tag.
    pub fn letter(self) -> char {
        match self {
            Self::Response => 'r',
            Self::Service => 's',
            Self::FirstByte => 'b',
            Self::Failed => 'f',
            Self::CutOff => 'c',
            Self::Lag => 'l',
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| letter.len() == 1 && letter.starts_with(kind.letter()))
    }
}

/// The lines before the first interval. Times of intervals count from `started`.
pub(super) fn header(started: jiff::Timestamp) -> String {
    let epoch_s = started.as_millisecond() as f64 / 1000.0;
    format!(
        "#[agenthub-perf {}: values in microseconds, maxima in milliseconds]\n\
         #[Histogram log format version 1.3]\n\
         #[StartTime: {epoch_s:.3} (seconds since epoch), {started:.3}]\n\
         #[BaseTime: {epoch_s:.3} (seconds since epoch)]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Writes intervals as lines.
#[derive(Debug)]
pub(super) struct Encoder {
    deflate: Compress,
    plain: Vec<u8>,
    deflated: Vec<u8>,
    base64: String,
}

impl Encoder {
    pub(super) fn new() -> Self {
        let deflate = Compress::new(Compression::default(), true);
        Self { deflate, plain: Vec::new(), deflated: Vec::new(), base64: String::new() }
    }

    /// Appends the interval's line.
    pub(super) fn line(&mut self, interval: &Interval, line: &mut Vec<u8>) -> std::io::Result<()> {
        self.plain.clear();
        encode_plain(interval.values.pairs(), &mut self.plain);
        self.deflated.clear();
        self.deflated.extend([DEFLATED.to_be_bytes(), [0; 4]].as_flattened());
        self.deflate.reset();
        loop {
            self.deflated.reserve(self.plain.len() / 2 + 64);
            let read = self.deflate.total_in() as usize;
            let rest = &self.plain[read..];
            if self.deflate.compress_vec(rest, &mut self.deflated, FlushCompress::Finish)? == Status::StreamEnd {
                break;
            }
        }
        let length = self.deflated.len() - 8;
        self.deflated[4..8].copy_from_slice(&(length as u32).to_be_bytes());
        self.base64.clear();
        STANDARD.encode_string(&self.deflated, &mut self.base64);
        writeln!(
            line,
            "Tag={}.{},{:.3},{:.3},{:.3},{}",
            interval.kind.letter(),
            interval.endpoint.0,
            interval.from_s,
            interval.to_s - interval.from_s,
            interval.values.max().unwrap_or(0) as f64 / 1000.0,
            self.base64
        )
    }
}

/// Appends the plain V2 encoding of sorted pairs.
fn encode_plain(pairs: &[(u64, u64)], bytes: &mut Vec<u8>) {
    bytes.extend(PLAIN.to_be_bytes());
    bytes.extend([0; 8]); // the counts' length, filled in below; no offset
    bytes.extend(u32::from(DIGITS).to_be_bytes());
    bytes.extend(1_u64.to_be_bytes());
    bytes.extend(HIGHEST_US.to_be_bytes());
    bytes.extend(1_f64.to_be_bytes());
    let mut next = 0_usize;
    let mut pairs = pairs.iter().map(|&(value, count)| (Layout::JOURNAL.bucket(value), count)).peekable();
    while let Some((bucket, mut count)) = pairs.next() {
        while let Some((_, more)) = pairs.next_if(|&(same, _)| same == bucket) {
            count += more;
        }
        match bucket - next {
            0 => {}
            1 => bytes.push(0),
            empty => put_varint(-empty.cast_signed() as i64, bytes),
        }
        put_varint(i64::try_from(count).unwrap_or(i64::MAX), bytes);
        next = bucket + 1;
    }
    let length = bytes.len() - HEADER_BYTES;
    bytes[4..8].copy_from_slice(&(length as u32).to_be_bytes());
}

/// Appends a number as [`varint`] reads it.
fn put_varint(number: i64, bytes: &mut Vec<u8>) {
    let mut rest = (number << 1 ^ number >> 63) as u64;
    for _ in 0..8 {
        if rest < 0x80 {
            bytes.push(rest as u8);
            return;
        }
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// Reads lines as intervals.
pub(super) struct Decoder {
    inflate: Decompress,
    deflated: Vec<u8>,
    plain: Vec<u8>,
    pairs: Vec<(u64, u64)>,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            inflate: Decompress::new(true),
            deflated: Vec::new(),
            plain: Vec::with_capacity(16 << 10),
            pairs: Vec::new(),
        }
    }

    /// The interval of a line; `None` for comments, the legend and tags of other kinds; an error says what is broken.
    pub(super) fn line(&mut self, line: &str) -> Result<Option<Interval>, &'static str> {
        if line.starts_with(['#', '"']) || line.trim().is_empty() {
            return Ok(None);
        }
        let fields = line.strip_prefix("Tag=").ok_or("no tag")?;
        let mut fields = fields.splitn(5, ',');
        let mut next = || fields.next().ok_or("fields are missing");
        let (tag, from, length, _max, histogram) = (next()?, next()?, next()?, next()?, next()?);
        let (letter, id) = tag.split_once('.').ok_or("the tag is not <kind>.<id>")?;
        let id = id.parse().map_err(|_| "the tag's id is no number")?;
        let Some(kind) = IntervalKind::from_letter(letter) else { return Ok(None) };
        let seconds = |text: &str| text.parse::<f64>().ok().filter(|s| s.is_finite()).ok_or("a time is no number");
        let (from_s, length_s) = (seconds(from)?, seconds(length)?);
        let values = self.histogram(histogram.trim_end())?;
        Ok(Some(Interval { from_s, to_s: from_s + length_s, kind, endpoint: EndpointId(id), values }))
    }

    fn histogram(&mut self, base64: &str) -> Result<Distribution, &'static str> {
        self.deflated.clear();
        STANDARD.decode_vec(base64, &mut self.deflated).map_err(|_| "the histogram is no base64")?;
        let (cookie, rest) = word(&self.deflated)?;
        let (length, body) = word(rest)?;
        if cookie != DEFLATED {
            return Err("the histogram is not of the V2 deflated encoding");
        }
        let body = body.get(..length as usize).ok_or("the histogram is cut short")?;
        self.plain.clear();
        self.inflate.reset(true);
        loop {
            let read = self.inflate.total_in() as usize;
            let status = self
                .inflate
                .decompress_vec(&body[read..], &mut self.plain, FlushDecompress::Finish)
                .map_err(|_| "the histogram does not inflate")?;
            if status == Status::StreamEnd {
                break;
            }
            if self.plain.len() < self.plain.capacity() || self.plain.len() >= MOST_BYTES {
                return Err("the histogram does not inflate");
            }
            self.plain.reserve(self.plain.capacity());
        }
        self.pairs.clear();
        plain(&self.plain, &mut self.pairs)?;
        // A list of its own length, which becomes the distribution's without another copy.
        Ok(Distribution::from_pairs(self.pairs.clone()))
    }
}

/// Reads a plain V2 histogram's pairs, in order of value.
fn plain(bytes: &[u8], pairs: &mut Vec<(u64, u64)>) -> Result<(), &'static str> {
    let (header, counts) = bytes.split_at_checked(HEADER_BYTES).ok_or("the histogram has no header")?;
    let (cookie, header) = word(header)?;
    let (length, header) = word(header)?;
    let (offset, header) = word(header)?;
    let (digits, header) = word(header)?;
    let (lowest_high, header) = word(header)?;
    let (lowest_low, _) = word(header)?;
    if cookie != PLAIN || offset != 0 {
        return Err("the histogram is not of the V2 encoding");
    }
    let lowest = u64::from(lowest_high) << 32 | u64::from(lowest_low);
    let layout = Layout::new(lowest, digits).ok_or("the histogram has impossible bounds")?;
    let mut counts = counts.get(..length as usize).ok_or("the histogram is cut short")?;
    let mut bucket = 0_usize;
    while !counts.is_empty() {
        let number = varint(&mut counts)?;
        let step = if number < 0 {
            usize::try_from(number.unsigned_abs()).map_err(|_| "the histogram has too many buckets")?
        } else {
            if bucket >= layout.buckets() {
                return Err("the histogram has too many buckets");
            }
            if number > 0 {
                pairs.push((layout.middle(bucket), number.unsigned_abs()));
            }
            1
        };
        bucket = bucket.saturating_add(step);
    }
    Ok(())
}

/// A big-endian number and what follows it.
fn word(bytes: &[u8]) -> Result<(u32, &[u8]), &'static str> {
    let (word, rest) = bytes.split_first_chunk().ok_or("the histogram is cut short")?;
    Ok((u32::from_be_bytes(*word), rest))
}

/// A number of the counts: zig-zag, seven bits a byte, lowest first; a ninth byte has eight.
/// Positive: the count of the next bucket; negative: so many empty ones.
fn varint(bytes: &mut &[u8]) -> Result<i64, &'static str> {
    let mut number = 0_u64;
    for at in 0..9 {
        let (&byte, rest) = bytes.split_first().ok_or("the histogram is cut short")?;
        *bytes = rest;
        if at == 8 {
            number |= u64::from(byte) << 56;
        } else {
            number |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                break;
            }
        }
    }
    Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};
    use proptest::prelude::*;

    use super::super::hdr::Sorter;
    use super::*;

    fn interval(values: &[u64]) -> Interval {
        Interval {
            from_s: 12.0,
            to_s: 13.0,
            kind: IntervalKind::FirstByte,
            endpoint: EndpointId(3),
            values: Sorter::new().sort(values),
        }
    }

    fn line(interval: &Interval) -> String {
        let mut line = Vec::new();
        Encoder::new().line(interval, &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    proptest! {
        #[test]
        fn an_interval_reads_back_as_it_was_written(values in prop::collection::vec(0..=HIGHEST_US * 2, 1..300)) {
            let written = interval(&values);
            prop_assert_eq!(Decoder::new().line(line(&written).trim_end()), Ok(Some(written)));
        }

        #[test]
        fn large_counts_survive(counts in prop::collection::vec(1..1_u64 << 55, 1..50)) {
            let values = Distribution::from_pairs(counts.iter().enumerate().map(|(at, &n)| (at as u64 * 17, n)));
            let written = Interval { values, ..interval(&[]) };
            prop_assert_eq!(Decoder::new().line(&line(&written)), Ok(Some(written)));
        }

        #[test]
        fn bytes_of_any_kind_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut counts = [&(PLAIN.to_be_bytes())[..], &(bytes.len() as u32).to_be_bytes(), &[0; 7], &[3], &[0; 7], &[1]].concat();
            counts.extend([0; 16]);
            counts.extend(&bytes);
            let _ = plain(&counts, &mut Vec::new());
            let _ = plain(&bytes, &mut Vec::new());
            let _ = Decoder::new().line(&format!("Tag=r.0,1,1,1,{}", STANDARD.encode(&bytes)));
        }
    }

    #[test]
    fn a_line_says_tag_start_length_and_maximum() {
        let line = line(&interval(&[1500, 250]));
        assert!(line.starts_with("Tag=b.3,12.000,1.000,1.500,HISTF"), "{line}");
        assert!(line.ends_with('\n'));
    }

    #[test]
    fn the_crate_writes_the_same_bytes() {
        for values in [vec![0], vec![0, 1, 3, 3, 6], vec![5], (0..5000).map(|n| n * n).collect::<Vec<u64>>()] {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, HIGHEST_US, DIGITS).unwrap();
            for &value in &values {
                histogram.record(value).unwrap();
            }
            let mut theirs = Vec::new();
            V2Serializer::new().serialize(&histogram, &mut theirs).unwrap();
            let mut ours = Vec::new();
            encode_plain(Sorter::new().sort(&values).pairs(), &mut ours);
            assert_eq!(ours, theirs, "{values:?}");
        }
    }

    #[test]
    fn the_crate_reads_the_same_counts() {
        let values: Vec<u64> = (0..5000).map(|n| n * n).collect();
        let line = line(&interval(&values));
        let bytes = STANDARD.decode(line.trim_end().rsplit(',').next().unwrap()).unwrap();
        let crates: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        let ours = Decoder::new().line(line.trim_end()).unwrap().unwrap().values;
        let theirs: Vec<(u64, u64)> = crates
            .iter_recorded()
            .map(|step| (crates.median_equivalent(step.value_iterated_to()), step.count_since_last_iteration()))
            .collect();
        assert_eq!(ours.pairs(), theirs);
        assert_eq!(ours.count(), 5000);
    }

    #[test]
    fn what_is_cut_anywhere_is_an_error_or_nothing() {
        let whole = line(&interval(&(0..500).map(|n| n * 997).collect::<Vec<_>>()));
        for cut in 1..whole.trim_end().len() {
            assert!(Decoder::new().line(&whole[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn other_lines_are_passed_over() {
        let mut decoder = Decoder::new();
        for line in header("2026-11-23T08:10:00.250Z".parse().unwrap()).lines() {
            assert_eq!(decoder.line(line), Ok(None), "{line}");
        }
        assert_eq!(decoder.line("Tag=z.1,0.000,1.000,1.0,xxxx"), Ok(None));
        assert_eq!(decoder.line("Tag=r,0.000,1.000,1.0,xxxx"), Err("the tag is not <kind>.<id>"));
        assert_eq!(decoder.line("Tag=r.0,0.000,1.000,1.0,HISTF"), Err("the histogram is no base64"));
    }

    #[test]
    fn the_header_names_the_start() {
        let header = header("2026-11-23T08:10:00.250Z".parse().unwrap());
        assert!(
            header.contains("#[StartTime: 1795421400.250 (seconds since epoch), 2026-11-23T08:10:00.250Z]\n"),
            "{header}"
        );
        assert!(header.contains("#[BaseTime: 1795421400.250 (seconds since epoch)]\n"), "{header}");
    }
}
