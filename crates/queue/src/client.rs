//! A session with another server: one transaction after the other (RFC 5321 §3.3).

use std::time::Duration;

use net::{Outgoing, TlsClient};
use service::{Job, Outcome};
use types::{Address, DsnMessage, DsnRecipient, QueueId, Status};
use wire::smtp::{
    ANSWER_LINE_MAX_OCTETS, Answer, AnswerReader, BodyType, Capabilities, Command, DataWriter,
    ForwardPath, MailParams,
};

use crate::dial::Times;
use crate::end::{Broken, outcome, refused};

/// Octets of content sent at once.
const PIECE_OCTETS: usize = 65_536;
/// Recipients whose commands are sent before their replies are read, so that neither side's buffers
/// fill up while the other writes.
const PIPELINED_MAX: usize = 50;

/// An open session.
pub(crate) struct Session {
    conn: Outgoing,
    times: Times,
    lmtp: bool,
    pub(crate) offered: Capabilities,
    /// Whether the certificate was checked.
    pub(crate) is_checked: bool,
}

/// Content in pieces; empty at its end.
pub(crate) trait Content {
    /// What went wrong if there is none.
    async fn next(&mut self, max_octets: usize) -> Result<Vec<u8>, String>;
}

/// The recipients that were accepted, in their order, and the ends of the others.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    pub(crate) accepted: Vec<QueueId>,
    pub(crate) ended: Vec<(QueueId, Outcome)>,
}

impl Session {
    pub(crate) fn new(conn: Outgoing, times: Times, lmtp: bool) -> Self {
        Self {
            conn,
            times,
            lmtp,
            offered: Capabilities::default(),
            is_checked: false,
        }
    }

    /// The version of TLS; none on a plain connection.
    pub(crate) fn tls(&self) -> Option<&'static str> {
        self.conn.tls()
    }

    /// How the connection is secured, in words.
    pub(crate) fn tls_words(&self) -> Option<String> {
        let checked = match self.is_checked {
            true => "certificate checked",
            false => "certificate not checked",
        };
        self.tls().map(|version| format!("{version}, {checked}"))
    }

    pub(crate) async fn start_tls(&mut self, client: &TlsClient, host: &str) -> Result<(), Broken> {
        let started = self.conn.start_tls(client, host, self.times.connect).await;
        self.offered = Capabilities::default();
        Ok(started?)
    }

    /// The next reply. 421 ends the session, whatever it answers (RFC 5321 §3.8).
    pub(crate) async fn answer(&mut self, time: Duration) -> Result<Answer, Broken> {
        let mut reader = AnswerReader::default();
        loop {
            let line = self.conn.line(ANSWER_LINE_MAX_OCTETS, time).await?;
            if let Some(answer) = reader.line(&line)? {
                if answer.code == 421 {
                    return Err(Broken::Said(answer));
                }
                return Ok(answer);
            }
        }
    }

    pub(crate) async fn command(&mut self, command: &Command) -> Result<Answer, Broken> {
        self.said(&command.to_bytes()).await
    }

    /// Sends a line and reads the reply.
    pub(crate) async fn said(&mut self, line: &[u8]) -> Result<Answer, Broken> {
        let line = [line, b"\r\n"].concat();
        self.conn.send(&line, self.times.command).await?;
        self.answer(self.times.command).await
    }

    /// Why this server cannot take the message at all.
    pub(crate) fn unfit(&self, job: &Job, octets: u64) -> Option<Outcome> {
        let params = &job.params;
        let needs_utf8 = needs_utf8(job);
        let secured = self.tls().is_some() && self.is_checked && self.offered.require_tls;
        Some(match self.offered.size_max {
            Some(most) if octets > most => {
                let words =
                    format!("the message has {octets} octets, and the other server takes {most}");
                refused(Status::new(5, 3, 4), &words)
            }
            _ if needs_utf8 && !self.offered.smtp_utf8 => refused(
                Status::new(5, 6, 7),
                "an address or the header goes beyond ASCII, which the other server does not take",
            ),
            _ if params.eight_bit && !self.offered.eight_bit => refused(
                Status::new(5, 6, 3),
                "the message goes beyond ASCII, which the other server does not take",
            ),
            _ if params.require_tls && !secured => refused(
                Status::new(5, 7, 30),
                "its sender demands TLS with a checked certificate all the way (REQUIRETLS), which the \
                 other server does not promise",
            ),
            _ => return None,
        })
    }

    /// MAIL and RCPT, together where the server takes that (RFC 2920).
    pub(crate) async fn envelope(&mut self, job: &Job, octets: u64) -> Result<Envelope, Broken> {
        let mail = Command::Mail {
            reverse_path: job.reverse_path.clone(),
            params: self.params(job, octets),
        };
        let mut envelope = Envelope::default();
        let rcpt = |address: &Address, dsn| Command::Rcpt {
            forward_path: ForwardPath::Address(address.clone()),
            internationalized: false,
            dsn,
        };
        let recipients = job.recipients.iter().map(|recipient| {
            let dsn = match self.offered.dsn {
                true => DsnRecipient {
                    notify: recipient.notify,
                    original: recipient.original.clone(),
                },
                false => DsnRecipient::default(),
            };
            (recipient.id, rcpt(&recipient.address, dsn))
        });
        let recipients: Vec<_> = recipients.collect();
        let at_once = if self.offered.pipelining {
            PIPELINED_MAX
        } else {
            0
        };
        let (first, rest) = recipients.split_at(recipients.len().min(at_once));
        let answers = self.together(Some(&mail), first).await?;
        let (mail, answers) = answers.split_first().ok_or_else(no_answer)?;
        if !mail.is_yes() {
            let all = job.recipients.iter();
            envelope.ended = all.map(|one| (one.id, outcome(mail))).collect();
            self.reset().await?;
            return Ok(envelope);
        }
        envelope.add(first, answers);
        for group in rest.chunks(at_once.max(1)) {
            let answers = self.together(None, group).await?;
            envelope.add(group, &answers);
        }
        if envelope.accepted.is_empty() {
            self.reset().await?;
        }
        Ok(envelope)
    }

    /// Sends commands in one piece and reads their replies.
    async fn together(
        &mut self,
        mail: Option<&Command>,
        recipients: &[(QueueId, Command)],
    ) -> Result<Vec<Answer>, Broken> {
        let commands = mail
            .into_iter()
            .chain(recipients.iter().map(|(_, rcpt)| rcpt));
        let lines: Vec<_> = commands
            .map(|command| [&command.to_bytes()[..], b"\r\n"].concat())
            .collect();
        self.conn.send(&lines.concat(), self.times.command).await?;
        let mut answers = Vec::with_capacity(lines.len());
        for _ in &lines {
            answers.push(self.answer(self.times.command).await?);
        }
        Ok(answers)
    }

    async fn reset(&mut self) -> Result<(), Broken> {
        let answer = self.command(&Command::Rset).await?;
        if answer.is_yes() {
            return Ok(());
        }
        Err(Broken::Said(answer))
    }

    fn params(&self, job: &Job, octets: u64) -> MailParams {
        let (params, offered) = (&job.params, &self.offered);
        MailParams {
            size_octets: offered.size.then_some(octets),
            body: params.eight_bit.then_some(BodyType::EightBitMime),
            smtputf8: needs_utf8(job),
            dsn: match offered.dsn {
                true => DsnMessage {
                    ret: params.ret,
                    envelope_id: params.envelope_id.clone(),
                },
                false => DsnMessage::default(),
            },
            require_tls: params.require_tls,
            ..MailParams::default()
        }
    }

    /// DATA and the content, for the accepted recipients.
    pub(crate) async fn content(
        &mut self,
        mut content: impl Content,
        accepted: &[QueueId],
    ) -> Result<Vec<(QueueId, Outcome)>, Broken> {
        self.conn.send(b"DATA\r\n", self.times.command).await?;
        let answer = self.answer(self.times.data).await?;
        if answer.code != 354 {
            let all = accepted.iter();
            return Ok(all.map(|id| (*id, outcome(&answer))).collect());
        }
        let (mut writer, mut out) = (DataWriter::default(), Vec::new());
        // From here on only the whole content ends well: what is cut off never gets its dot.
        let own = |words: String| Broken::Own(Status::new(4, 3, 0), words);
        loop {
            let piece = content.next(PIECE_OCTETS).await.map_err(own)?;
            if piece.is_empty() {
                break;
            }
            let written = writer.write(&piece, &mut out);
            written.map_err(|fault| own(fault.to_string()))?;
            self.conn.send(&out, self.times.piece).await?;
            out.clear();
        }
        let written = writer.finish(&mut out);
        written.map_err(|fault| own(fault.to_string()))?;
        self.conn.send(&out, self.times.piece).await?;
        let mut ended = Vec::with_capacity(accepted.len());
        if self.lmtp {
            // A reply for each recipient (RFC 2033 §4.2).
            for id in accepted {
                match self.answer(self.times.end).await {
                    Ok(answer) => ended.push((*id, outcome(&answer))),
                    Err(broken) => {
                        ended.extend(unknown(&accepted[ended.len()..], &broken));
                        return Ok(ended);
                    }
                }
            }
            return Ok(ended);
        }
        let answer = self.answer(self.times.end).await;
        Ok(match answer {
            Ok(answer) => accepted.iter().map(|id| (*id, outcome(&answer))).collect(),
            Err(Broken::Said(answer)) => {
                accepted.iter().map(|id| (*id, outcome(&answer))).collect()
            }
            Err(broken) => unknown(accepted, &broken),
        })
    }

    /// Says QUIT and closes; nothing depends on the reply.
    pub(crate) async fn quit(mut self) {
        const GOODBYE: Duration = Duration::from_secs(5);
        if self.conn.send(b"QUIT\r\n", GOODBYE).await.is_ok() {
            let _answer = self.answer(GOODBYE).await;
        }
        self.conn.close(GOODBYE).await;
    }
}

impl Envelope {
    fn add(&mut self, recipients: &[(QueueId, Command)], answers: &[Answer]) {
        for ((id, _), answer) in recipients.iter().zip(answers) {
            match outcome(answer) {
                Outcome::Delivered(_) => self.accepted.push(*id),
                end => self.ended.push((*id, end)),
            }
        }
    }
}

/// The content was sent whole and its reply did not come: whether the other server has the message
/// is not known, and to lose it would be worse than to send it twice.
fn unknown(accepted: &[QueueId], broken: &Broken) -> Vec<(QueueId, Outcome)> {
    let doing =
        "all of the message was sent, and no reply came, so it is sent again and may arrive twice";
    let failure = broken.failure(doing);
    let end = || Outcome::Deferred(failure.clone());
    accepted.iter().map(|id| (*id, end())).collect()
}

fn needs_utf8(job: &Job) -> bool {
    let beyond = |address: &Address| !address.is_ascii();
    job.params.smtp_utf8 || job.recipients.iter().any(|one| beyond(&one.address))
}

fn no_answer() -> Broken {
    Broken::Own(Status::new(4, 5, 0), "no reply was read".to_owned())
}
