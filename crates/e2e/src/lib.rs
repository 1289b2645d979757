//! End-to-end tests: real sockets, real clients, crashes, intrusions
