//! The reference agenthub service: what a load meets where no host is named, with knobs to rehearse trouble.
