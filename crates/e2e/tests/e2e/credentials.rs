//! App passwords, second factors and ended sessions, with Python's own clients.

use e2e::{Server, clients};

#[test]
fn credentials_open_what_they_should_until_they_end() -> anyhow::Result<()> {
    let server = Server::start()?;
    let program = server.site().binary().display().to_string();
    let data = server.data().display().to_string();
    clients::python(&server, "credentials.py", &[&program, &data])?
        .ok()
        .map(drop)
}
