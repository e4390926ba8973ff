//! A TOML document that knows its lines: every error names the file, the line, and the nearest known key.
