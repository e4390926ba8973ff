//! Sizes as people and compose files write them: `512M`, `2g`, `2GB`, `1.5GiB`, plain bytes. As Docker has it, all of them
//! are powers of 1024.

/// Bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(format!("{text:?} is not a size: write e.g. 512M or 2G")),
    };
    let number: f64 = text[..digits].parse().map_err(|_| format!("{text:?} is not a size: write e.g. 512M or 2G"))?;
    Ok((number * 2.0_f64.powi(unit)) as u64)
}

/// `512 MB`, `1.5 GB`.
pub(super) fn format_size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    let rounded = |number: f64| (number * 10.0).round() / 10.0;
    if mib >= 1024.0 { format!("{} GB", rounded(mib / 1024.0)) } else { format!("{} MB", rounded(mib)) }
}

/// Memory of this machine, or of the container that we are in, bytes.
pub fn memory_here() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let machine = Some(system.total_memory()).filter(|bytes| *bytes > 0);
    let container = system.cgroup_limits().map(|limits| limits.total_memory).filter(|bytes| *bytes > 0);
    machine.into_iter().chain(container).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        for (text, bytes) in
            [("2G", 2 << 30), ("512m", 512 << 20), ("1.5GiB", 3 << 29), ("64kb", 65_536), ("10", 10), ("1T", 1 << 40)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "G", "-1G", "2X", "1.2.3M"] {
            assert!(parse_size(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!((format_size(512 << 20), format_size(3 << 29)), ("512 MB".to_owned(), "1.5 GB".to_owned()));
    }
}
