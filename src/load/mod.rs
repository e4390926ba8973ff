//! Drives scenarios: users on Goose behind a gate, the HTTP client, pacing. Tells everything to the recorder, judges nothing.
