//! Buffers for the time that a request needs them: each thread has a few spare ones, a waiting user has none.

use std::cell::RefCell;

/// What is read at once, bytes.
const READ: usize = 64 << 10;
/// The spare buffers of a thread, and the largest that is kept, bytes.
const SPARES: usize = 16;
const LARGEST_SPARE: usize = 64 << 10;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static INCOMING: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// An empty buffer.
pub(super) fn take() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Takes back a buffer that is no longer needed.
pub(super) fn give(mut buffer: Vec<u8>) {
    if (1..=LARGEST_SPARE).contains(&buffer.capacity()) {
        buffer.clear();
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < SPARES {
                spare.push(buffer);
            }
        });
    }
}

/// Lends the thread's buffer to read into; what is in it is lost when `read` returns.
pub(super) fn incoming<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    INCOMING.with_borrow_mut(|buffer| read(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_and_a_huge_one_not_at_all() {
        let mut buffer = take();
        buffer.extend_from_slice(b"head");
        let capacity = buffer.capacity();
        give(buffer);
        let again = take();
        assert!(again.is_empty() && again.capacity() == capacity);
        give(Vec::with_capacity(LARGEST_SPARE + 1));
        assert_eq!(take().capacity(), 0);
    }

    #[test]
    fn a_thread_keeps_only_a_few() {
        (0..100).for_each(|_| give(Vec::with_capacity(10)));
        assert_eq!((0..100).filter(|_| take().capacity() > 0).count(), SPARES);
    }
}
