//! Tests of the whole store on real folders.

mod arrivals;
mod blocks;
mod crash;
mod credentials;
mod examine;
mod folder;
mod garbage;
mod ledger;
mod locks;
mod logs;
mod look;
mod mail;
mod queued;
mod random;
mod readers;
mod rows;
mod rules;
mod sums;
mod world;
mod writes;
