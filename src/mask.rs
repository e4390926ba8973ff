//! What must not be written or shown: tokens, passwords, cookies.
