//! Inputs that broke other servers, at the doors of a running one.

use e2e::{Server, clients};

#[test]
fn smtp_refuses_what_broke_others() -> anyhow::Result<()> {
    clients::python(&Server::start()?, "smtp_bad_inputs.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn imap_refuses_what_broke_others() -> anyhow::Result<()> {
    clients::python(&Server::start()?, "imap_bad_inputs.py", &[])?
        .ok()
        .map(drop)
}
