//! Whom commands ask about DNS.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use net::Resolver;

use super::check::read;
use crate::exit::Failure;
use crate::place::{Found, Place};

/// Octets of a file of answers.
const ANSWERS_MAX_OCTETS: u64 = 10 * 1024 * 1024;

/// Whom to ask about DNS.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct DnsSource {
    /// Takes all answers of DNS from a file, in JSON: `{"example.net": {"MX": ["10 mx.example.net"]}}`.
    #[arg(long, value_name = "FILE")]
    dns: Option<PathBuf>,
}

impl DnsSource {
    /// The file, or those whom the server at this place asks; and the name of the server, where it
    /// is known.
    pub(super) fn resolver(&self, place: &Place) -> anyhow::Result<(Resolver, Option<String>)> {
        if let Some(file) = &self.dns {
            let about = || file.display().to_string();
            let text = String::from_utf8(read(file, ANSWERS_MAX_OCTETS)?).with_context(about)?;
            return Ok((Resolver::from_answers(&text).with_context(about)?, None));
        }
        match place.find()? {
            Found::File(file) => {
                let name = file.host_name.to_string();
                Ok((file.outbound.resolver(), Some(name)))
            }
            _ => bail!(Failure::usage(
                "without the start file of the server nobody knows whom to ask about DNS"
            )),
        }
    }
}
