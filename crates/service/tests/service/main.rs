//! What `service` promises to the doors, tried through its public face: a module for each promise,
//! in one program, since each program would be linked with all of the server.

#![cfg(test)]

mod accept;
mod acknowledge;
mod admit;
mod clock;
mod credentials;
mod doctor;
mod explain;
mod mailbox;
mod queue;
mod replaced;
mod rules;
mod sasl;
mod scripts;
mod seal;
mod sign_in;
mod tamper;
