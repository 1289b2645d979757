//! Mail programs that other people wrote, set up and used as their users do.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use e2e::program::{self, Ran};
use e2e::{PASSWORD, Server, clients};

/// Exit status of fetchmail when there is nothing to fetch.
const FETCHMAIL_NOTHING: i32 = 1;

/// Exit status by which msmtp says that the server refuses the sign-in (`EX_NOPERM`).
const NOT_PERMITTED: i32 = 77;

/// The person at a computer: a home with the files that programs want, and a server to use.
struct Person<'a> {
    server: &'a Server,
    home: PathBuf,
}

impl<'a> Person<'a> {
    fn new(server: &'a Server, name: &str) -> anyhow::Result<Self> {
        let home = server.scratch().join(name);
        fs::create_dir_all(&home)?;
        Ok(Self { server, home })
    }

    /// Writes a file into the home, after filling in what differs from server to server.
    fn write(&self, name: &str, text: &str) -> anyhow::Result<String> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.home.join(name);
        fs::write(&path, self.fill(text))?;
        // Several programs refuse a file with a password that others may read.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path.display().to_string())
    }

    fn fill(&self, text: &str) -> String {
        let ready = self.server.ready();
        let ports = &ready.ports;
        let home = self.home.display().to_string();
        [
            ("@ME@", self.server.address(1)),
            ("@YOU@", self.server.address(2)),
            ("@PASSWORD@", PASSWORD.to_owned()),
            ("@CA@", ready.ca.display().to_string()),
            ("@HOME@", home),
            ("@SMTP@", ports.smtp.to_string()),
            ("@SUBMISSION@", ports.submission.to_string()),
            ("@SUBMISSIONS@", ports.submissions.to_string()),
            ("@IMAP@", ports.imap.to_string()),
            ("@IMAPS@", ports.imaps.to_string()),
            ("@POP3S@", ports.pop3s.to_string()),
        ]
        .iter()
        .fold(text.to_owned(), |text, (word, value)| {
            text.replace(word, value)
        })
    }

    fn run(&self, name: &str, args: &[&str], input: &str) -> anyhow::Result<Ran> {
        let args: Vec<String> = args.iter().map(|arg| self.fill(arg)).collect();
        program::run_with(name, self.fill(input).as_bytes(), |command| {
            command
                .args(&args)
                .env("HOME", &self.home)
                .env("LANG", "C.UTF-8");
            command
                .current_dir(&self.home)
                .env("TERM", "xterm")
                .env_remove("MAIL");
        })
    }

    /// Brings messages from outside to an account.
    fn deliver(&self, number: usize, subjects: &[&str]) -> anyhow::Result<()> {
        let script = "deliver.py";
        let number = number.to_string();
        let args: Vec<&str> = [number.as_str()]
            .into_iter()
            .chain(subjects.iter().copied())
            .collect();
        clients::python(self.server, script, &args)?.ok()?;
        Ok(())
    }

    /// `mailbox: subject [flags]` of all messages of an account, in order.
    fn far(&self, number: usize) -> anyhow::Result<Vec<String>> {
        let ran = clients::python(self.server, "subjects.py", &[&number.to_string()])?.ok()?;
        Ok(ran.out.lines().map(str::to_owned).collect())
    }
}

/// The files of a Maildir, `new` and `cur`.
fn maildir(path: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for part in ["new", "cur"] {
        for file in fs::read_dir(path.join(part))? {
            texts.push(fs::read_to_string(file?.path())?);
        }
    }
    Ok(texts)
}

#[test]
fn msmtp_sends_through_submission() -> anyhow::Result<()> {
    let server = Server::start()?;
    let person = Person::new(&server, "msmtp")?;
    let account = |name: &str, port: &str, starttls: &str, password: &str| {
        format!(
            "account {name}\nhost localhost\nport {port}\ntls on\ntls_starttls {starttls}\n\
             tls_trust_file @CA@\nauth on\nuser @ME@\npassword {password}\nfrom @ME@\n\n"
        )
    };
    let config = account("starttls", "@SUBMISSION@", "on", "\"@PASSWORD@\"")
        + &account("tls", "@SUBMISSIONS@", "off", "\"@PASSWORD@\"")
        + &account("wrong", "@SUBMISSIONS@", "off", "wrong");
    let config = person.write("msmtprc", &config)?;
    let send = |account: &str, subject: &str| {
        let text =
            format!("From: <@ME@>\nTo: <@YOU@>\nSubject: {subject}\n\nHello.\n.\n..\nEnd.\n");
        person.run(
            "msmtp",
            &["-C", &config, "-a", account, "--read-recipients"],
            &text,
        )
    };
    send("starttls", "by STARTTLS")?.ok()?;
    send("tls", "by TLS")?.ok()?;
    send("wrong", "never")?.exits(NOT_PERMITTED)?;
    ensure!(
        person.far(2)? == ["INBOX: by STARTTLS []", "INBOX: by TLS []"],
        "{:?}",
        person.far(2)?
    );
    let shown = person
        .run("msmtp", &["-C", &config, "-a", "tls", "--serverinfo"], "")?
        .ok()?;
    ensure!(shown.out.contains("SIZE 52428800"), "{}", shown.out);
    Ok(())
}

#[test]
fn getmail_empties_an_inbox_and_a_maildrop() -> anyhow::Result<()> {
    let server = Server::start()?;
    let person = Person::new(&server, "getmail")?;
    for (name, retriever, port) in [
        ("imap", "SimpleIMAPSSLRetriever", "@IMAPS@"),
        ("pop3", "SimplePOP3SSLRetriever", "@POP3S@"),
    ] {
        person.deliver(1, &["one", "two", "three"])?;
        let target = person.home.join(name);
        // It writes no Maildir as root, as whom a build machine may run this.
        let config = format!(
            "[retriever]\ntype = {retriever}\nserver = localhost\nport = {port}\n\
             username = @ME@\npassword = @PASSWORD@\nca_certs = @CA@\n\n\
             [destination]\ntype = MDA_external\nallow_root_commands = true\n\
             path = /bin/sh\narguments = ('-c', 'cat >> @HOME@/{name}')\n\n\
             [options]\ndelete = true\nread_all = false\n"
        );
        let rc = format!("rc-{name}");
        person.write(&rc, &config)?;
        let get = || {
            let args = ["--getmaildir", "@HOME@", "--rcfile", &rc];
            person.run("getmail", &args, "")?.ok()
        };
        get()?;
        get()?;
        let text = fs::read_to_string(&target)?;
        for subject in ["Subject: one\n", "Subject: two\n", "Subject: three\n"] {
            ensure!(text.matches(subject).count() == 1, "{name}: {text}");
        }
        ensure!(person.far(1)?.is_empty(), "{name}: {:?}", person.far(1)?);
    }
    Ok(())
}

#[test]
fn fetchmail_fetches_what_is_new() -> anyhow::Result<()> {
    let server = Server::start()?;
    let person = Person::new(&server, "fetchmail")?;
    person.deliver(1, &["one", "two"])?;
    for (protocol, port, options) in [
        ("pop3", "@POP3S@ uidl", "keep"),
        ("imap", "@IMAPS@", "no keep"),
    ] {
        let config = format!(
            "set idfile \"@HOME@/ids\"\nset pidfile \"@HOME@/pid\"\n\
             poll localhost protocol {protocol} service {port}\n\
             username \"@ME@\" password \"@PASSWORD@\" {options} ssl sslcertck \
             sslcertfile \"@CA@\" mda \"cat >> @HOME@/{protocol}\"\n"
        );
        let config = person.write(&format!("rc-{protocol}"), &config)?;
        let fetch = || person.run("fetchmail", &["--nodetach", "--fetchmailrc", &config], "");
        fetch()?.ok()?;
        fetch()?.exits(FETCHMAIL_NOTHING)?;
        let text = fs::read_to_string(person.home.join(protocol))?;
        for subject in ["Subject: one\n", "Subject: two\n"] {
            ensure!(text.matches(subject).count() == 1, "{protocol}: {text}");
        }
    }
    ensure!(person.far(1)?.is_empty(), "{:?}", person.far(1)?);
    Ok(())
}

#[test]
fn mutt_sends_keeps_a_copy_and_files_mail_away() -> anyhow::Result<()> {
    let server = Server::start()?;
    // This mutt chooses the -PLUS variant where it is offered, and cannot do it.
    server
        .cli(&["config", "set", "channel_binding", "off", "--yes"])?
        .ok()?;
    let person = Person::new(&server, "mutt")?;
    let config = person.write(
        "muttrc",
        "set from=\"@ME@\" realname=\"Ann Example\" use_from=yes\n\
         set smtp_url=\"smtps://@ME@@localhost:@SUBMISSIONS@/\" smtp_pass=\"@PASSWORD@\"\n\
         set imap_user=\"@ME@\" imap_pass=\"@PASSWORD@\" folder=\"imaps://localhost:@IMAPS@/\"\n\
         set spoolfile=\"+INBOX\" record=\"+Sent\" ssl_verify_dates=yes ssl_starttls=yes\n\
         set certificate_file=\"@CA@\" ssl_ca_certificates_file=\"@CA@\"\n\
         set confirmcreate=no confirmappend=no quit=yes delete=yes wait_key=no mbox_type=Maildir\n\
         set header_cache=\"@HOME@/headers\" imap_idle=no\n",
    )?;
    person.write("plan.txt", "All that we want.\n")?;
    person
        .run(
            "mutt",
            &[
                "-F", &config, "-s", "Grüße", "-a", "plan.txt", "--", "@YOU@",
            ],
            "Guten Tag.\n",
        )?
        .ok()?;
    ensure!(
        person.far(2)? == ["INBOX: Grüße []"],
        "{:?}",
        person.far(2)?
    );
    ensure!(
        person.far(1)? == ["Sent: Grüße [\\Seen]"],
        "{:?}",
        person.far(1)?
    );

    person.deliver(1, &["keep", "file", "waste"])?;
    let keys = "<limit>~s file<enter><save-message>=Kept<enter>\
                <limit>~s waste<enter><delete-message><limit>~A<enter><sync-mailbox><quit>";
    let command = format!("mutt -F '{config}' -e 'push \"{keys}\"'");
    let args = ["--quiet", "--return", "--command", &command, "/dev/null"];
    person.run("script", &args, "")?.ok()?;
    let far = person.far(1)?;
    ensure!(
        far.iter().any(|line| line.starts_with("INBOX: keep"))
            && far.iter().any(|line| line.starts_with("Kept: file"))
            && !far.iter().any(|line| line.contains("waste")),
        "{far:?}"
    );
    Ok(())
}

#[test]
fn s_nail_sends_and_reads() -> anyhow::Result<()> {
    let server = Server::start()?;
    let person = Person::new(&server, "s-nail")?;
    let config = person.write(
        "mailrc",
        "set v15-compat\nset ssl-ca-file=@CA@\nset tls-ca-file=@CA@\nset tls-verify=strict\n\
         set from=@ME@\nset user='@ME@'\nset password='@PASSWORD@'\n\
         set mta=smtp://localhost:@SUBMISSION@\nset smtp-use-starttls\nset smtp-auth=plain\n\
         set imap-auth=login\n",
    )?;
    let nail = |args: &[&str], input: &str| {
        let common = ["-:/", "-X", &format!("source {config}")];
        person.run("s-nail", &[&common, args].concat(), input)
    };
    nail(&["-s", "by s-nail", "@YOU@"], "Hello.\n")?.ok()?;
    ensure!(
        person.far(2)? == ["INBOX: by s-nail []"],
        "{:?}",
        person.far(2)?
    );
    person.deliver(1, &["one", "two"])?;
    for (scheme, port) in [("imaps", "@IMAPS@"), ("pop3s", "@POP3S@")] {
        let folder = format!("{scheme}://localhost:{port}");
        let ran = nail(&["-Rf", &folder], "headers\ntype 2\nquit\n")?.ok()?;
        ensure!(
            ran.out.contains("one") && ran.out.contains("two"),
            "{scheme}: {}{}",
            ran.out,
            ran.err
        );
        ensure!(ran.out.contains("Subject: two"), "{scheme}: {}", ran.out);
    }
    Ok(())
}

#[test]
fn offlineimap_keeps_a_copy_both_ways() -> anyhow::Result<()> {
    let server = Server::start()?;
    let person = Person::new(&server, "offlineimap")?;
    person.deliver(1, &["one", "two", "three", "four"])?;
    let config = person.write(
        "offlineimaprc",
        "[general]\naccounts = here\nmetadata = @HOME@/metadata\nui = basic\n\n\
         [Account here]\nlocalrepository = near\nremoterepository = far\n\n\
         [Repository near]\ntype = Maildir\nlocalfolders = @HOME@/mail\n\n\
         [Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = @IMAPS@\nssl = yes\n\
         sslcacertfile = @CA@\nremoteuser = @ME@\nremotepass = @PASSWORD@\n",
    )?;
    let sync = || person.run("offlineimap", &["-o", "-c", &config], "")?.ok();
    sync()?;
    let inbox = person.home.join("mail/INBOX");
    ensure!(maildir(&inbox)?.len() == 4);
    // One is read, one is thrown away, one is new, all on this side.
    let path_of = |subject: &str| -> anyhow::Result<PathBuf> {
        let files = fs::read_dir(inbox.join("new"))?.chain(fs::read_dir(inbox.join("cur"))?);
        for file in files {
            let path = file?.path();
            if fs::read_to_string(&path)?.contains(&format!("Subject: {subject}\n")) {
                return Ok(path);
            }
        }
        anyhow::bail!("{subject} is not here")
    };
    let read = path_of("one")?;
    let name = read
        .file_name()
        .context("no name")?
        .to_string_lossy()
        .replace(":2,", "");
    fs::rename(&read, inbox.join("cur").join(format!("{name}:2,S")))?;
    fs::remove_file(path_of("two")?)?;
    fs::write(
        inbox.join("cur/1.2.client:2,F"),
        "From: <ann@example.net>\nSubject: five\n\nNew.\n",
    )?;
    sync()?;
    let expected = [
        "INBOX: one [\\Seen]",
        "INBOX: three []",
        "INBOX: four []",
        "INBOX: five [\\Flagged]",
    ];
    ensure!(person.far(1)? == expected, "{:?}", person.far(1)?);
    sync()?;
    ensure!(person.far(1)? == expected, "{:?}", person.far(1)?);
    ensure!(maildir(&inbox)?.len() == 4);
    Ok(())
}

#[test]
fn imapclient_works_as_its_users_do() -> anyhow::Result<()> {
    clients::python_with_packages(&Server::start()?, "lib_imapclient.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn imap_tools_works_as_its_users_do() -> anyhow::Result<()> {
    clients::python_with_packages(&Server::start()?, "lib_imap_tools.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn aioimaplib_works_as_its_users_do() -> anyhow::Result<()> {
    clients::python_with_packages(&Server::start()?, "lib_aioimaplib.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn imapflow_works_as_its_users_do() -> anyhow::Result<()> {
    clients::node(&Server::start()?, "lib_imapflow.cjs")?
        .ok()
        .map(drop)
}

#[test]
fn nodemailer_works_as_its_users_do() -> anyhow::Result<()> {
    let server = Server::start()?;
    clients::node(&server, "lib_nodemailer.cjs")?.ok()?;
    let person = Person::new(&server, "nodemailer")?;
    ensure!(person.far(2)?.len() == 50, "{:?}", person.far(2)?);
    Ok(())
}

#[test]
fn gsasl_binds_its_sign_in_to_the_connection() -> anyhow::Result<()> {
    let server = Server::start()?;
    let person = Person::new(&server, "gsasl")?;
    let sign_in = |door: &[&str], rest: &[&str]| {
        let common = [
            "--starttls",
            "--x509-ca-file=@CA@",
            "--authentication-id=@ME@",
            "--verbose",
        ];
        person.run("gsasl", &[door, &common, rest].concat(), "")
    };
    let imap: &[&str] = &["--imap", "--connect=localhost:@IMAP@"];
    let smtp: &[&str] = &["--smtp", "--connect=localhost:@SUBMISSION@"];
    for door in [imap, smtp] {
        let right = "--password=@PASSWORD@";
        // It chooses by itself, and by TLS 1.3 it binds to what both ends export.
        let ran = sign_in(door, &[right])?.ok()?;
        ensure!(ran.out.contains("SCRAM-SHA-256-PLUS"), "{}", ran.out);
        ensure!(ran.err.contains("server trusted"), "{}", ran.err);
        sign_in(door, &[right, "--no-cb", "--mechanism=SCRAM-SHA-256"])?.ok()?;
        let older = "--priority=NORMAL:-VERS-TLS1.3";
        sign_in(
            door,
            &[right, "--no-cb", "--mechanism=SCRAM-SHA-256", older],
        )?
        .ok()?;
        let wrong = sign_in(door, &["--password=wrong horse wrong horse"])?;
        ensure!(wrong.ok().is_err(), "a wrong password is taken");
    }
    Ok(())
}
