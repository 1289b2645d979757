//! Listeners, TLS, certificates, limits, clock and randomness
