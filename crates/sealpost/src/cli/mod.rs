//! The command line: one file for each noun. Doc comments are the help.

mod ask;
mod docs;
mod examples;
mod screen;
mod values;

mod access;
mod account;
mod activity;
mod alerts;
mod alias;
mod app_password;
mod block;
mod certificate;
mod check;
mod config;
mod dkim;
mod dns;
mod dns_source;
mod doctor;
mod domain;
mod exits;
mod explain;
mod forward;
mod ledger;
mod log;
mod proxy;
mod quarantine;
mod queue;
mod recoverable;
mod route;
mod rule_trials;
mod rule_words;
mod rules;
mod scanner;
mod serve;
mod service;
mod session;
mod setup;
mod status;
mod token;
mod totp;
mod trace;

use std::io::Write;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::demo::Demo;

/// An all-in-one mail server that records every change of what it obeys.
#[derive(Debug, clap::Parser)]
#[command(name = "sealpost", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Makes a new installation: data folder, keys, ledger, first domain and its owner.
    Setup(Box<setup::Setup>),
    /// Starts a server on this machine only, with sample mail. Ctrl-C ends it.
    Demo(Demo),
    /// Runs the server until SIGTERM or Ctrl-C.
    Serve(serve::Serve),
    /// Says how the server is.
    Status(status::Status),
    /// Says whether the server works; ends with 1 if it does not, or not fully.
    Health(status::Health),
    /// Looks at everything the server keeps and depends on; says what is wrong and what to do.
    Doctor(doctor::Doctor),
    /// Stops the server once its sessions have ended, at the latest after 20 seconds.
    Stop(status::Stop),
    /// Domains whose mail is delivered here.
    #[command(subcommand)]
    Domain(domain::Domain),
    /// Accounts: who may sign in, and what they may do.
    #[command(subcommand)]
    Account(account::Account),
    /// Passwords for single programs, each limited and removed by itself.
    #[command(subcommand)]
    AppPassword(app_password::AppPassword),
    /// Tokens, by which programs act for an account.
    #[command(subcommand)]
    Token(token::Token),
    /// Who is signed in now.
    #[command(subcommand)]
    Session(session::Session),
    /// Addresses that deliver to others.
    #[command(subcommand)]
    Alias(alias::Alias),
    /// Rules: what is done to mail, for the server, a domain or an account.
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Where all mail of an account is sent on to.
    #[command(subcommand)]
    Forward(forward::Forward),
    /// What an account answers while its owner is away.
    #[command(subcommand)]
    Vacation(forward::Vacation),
    /// Senders whom an account or a domain trusts or wants nothing from.
    #[command(subcommand)]
    Senders(forward::Senders),
    /// Every way by which mail can leave, and to where rules may send it.
    #[command(subcommand)]
    Exits(exits::Exits),
    /// Services and where they listen.
    #[command(subcommand)]
    Service(service::Service),
    /// Sources that are refused for a while.
    #[command(subcommand)]
    Block(block::Block),
    /// Roles, and from where their accounts may sign in.
    #[command(subcommand)]
    Role(access::Role),
    /// Proxies in front of this server that say where clients come from.
    #[command(subcommand)]
    Proxy(proxy::Proxy),
    /// Services that look at mail before it is taken: for viruses, and for spam.
    #[command(subcommand)]
    Scanner(scanner::Scanner),
    /// Certificates for TLS.
    #[command(subcommand)]
    Certificate(certificate::Certificate),
    /// The record of every change.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// What the running log says, and how much.
    #[command(subcommand)]
    Log(log::Log),
    /// Changes of rules and ways out that look dangerous; nobody is told of them yet.
    Alerts(alerts::Alerts),
    /// What happened, on one screen: to a rule, a message, an account, or around a time.
    #[command(subcommand)]
    Explain(explain::Explain),
    /// What happened to messages.
    Trace(trace::Trace),
    /// Sign-ins, what was given out and what was removed.
    Activity(activity::Activity),
    /// Removed mail that can still be brought back.
    #[command(subcommand)]
    Recoverable(recoverable::Recoverable),
    /// Mail that a scanner took for spam with certainty; nobody sees it unless it is released.
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Mail that waits for other servers.
    #[command(subcommand)]
    Queue(queue::Queue),
    /// Says what SPF, DKIM, DMARC and ARC say of a message.
    #[command(subcommand)]
    Check(check::Check),
    /// Hosts to which mail for a domain goes, whatever DNS says.
    #[command(subcommand)]
    Route(route::Route),
    /// The host to which all mail for other servers goes (smart host).
    #[command(subcommand)]
    Relay(route::Relay),
    /// Settings of the server.
    #[command(subcommand)]
    Config(config::Config),
    /// Prints the version.
    Version(status::Version),
    /// Prints the completions of a shell.
    Completion(docs::Completion),
    /// Writes the man pages, one for each command.
    #[command(hide = true)]
    Man(docs::Man),
}

/// The definition of the command line, with its examples.
pub(crate) fn definition() -> clap::Command {
    examples::add(Cli::command())
}

impl Cli {
    /// Reads the command line of this process; what is wrong or asks for help ends the process.
    pub(crate) fn read() -> Self {
        let matches = definition().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Carries the command out; data goes to `out`, talk to standard error.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self.command {
            Command::Setup(command) => command.run(out),
            Command::Demo(command) => command.run(out),
            Command::Serve(command) => command.run(),
            Command::Status(command) => command.run(out),
            Command::Health(command) => command.run(out),
            Command::Doctor(command) => command.run(out),
            Command::Stop(command) => command.run(),
            Command::Domain(command) => command.run(out),
            Command::Account(command) => command.run(out),
            Command::AppPassword(command) => command.run(out),
            Command::Token(command) => command.run(out),
            Command::Session(command) => command.run(out),
            Command::Alias(command) => command.run(out),
            Command::Rules(command) => command.run(out),
            Command::Exits(command) => command.run(out),
            Command::Forward(command) => command.run(out),
            Command::Vacation(command) => command.run(out),
            Command::Senders(command) => command.run(out),
            Command::Service(command) => command.run(out),
            Command::Block(command) => command.run(out),
            Command::Role(command) => command.run(out),
            Command::Proxy(command) => command.run(out),
            Command::Scanner(command) => command.run(out),
            Command::Certificate(command) => command.run(out),
            Command::Ledger(command) => command.run(out),
            Command::Log(command) => command.run(out),
            Command::Alerts(command) => command.run(out),
            Command::Explain(command) => command.run(out),
            Command::Trace(command) => command.run(out),
            Command::Activity(command) => command.run(out),
            Command::Recoverable(command) => command.run(out),
            Command::Quarantine(command) => command.run(out),
            Command::Queue(command) => command.run(out),
            Command::Check(command) => command.run(out),
            Command::Route(command) => command.run(out),
            Command::Relay(command) => command.run(out),
            Command::Config(command) => command.run(out),
            Command::Version(command) => command.run(out),
            Command::Completion(command) => command.run(out),
            Command::Man(command) => command.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        definition().debug_assert();
    }
}
