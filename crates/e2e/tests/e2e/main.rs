//! End-to-end: the built server, real sockets, other people's clients, kills and intrusions.

mod authenticity;
mod bad_inputs;
mod blocks;
mod crash;
mod credentials;
mod curl;
mod doctor;
mod effects;
mod explain;
mod full_disk;
mod hard_days;
mod ledger;
mod life;
mod listeners;
mod mail_settings;
mod managesieve;
mod mbsync;
mod operation;
mod outbound;
mod programs;
mod proof;
mod proxy;
mod python;
mod recoverable;
mod rule_trials;
mod rules;
mod scanners;
mod sessions;
#[cfg(test)]
mod sieve_parsers;
mod sieve_peer;
mod start;
mod story;
mod swaks;
mod tls;
mod words;
