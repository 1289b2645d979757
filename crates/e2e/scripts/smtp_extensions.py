"""DSN, PRDR, REQUIRETLS and SMTPUTF8, seen by smtplib, the email package and imaplib."""

import email
import email.policy

from doors import *

DOMAIN = SERVER["domain"]
ANN, BOB, FULL = address(1), address(2), address(3)
UTF8 = "žofie@" + DOMAIN


def features(port, secure):
    with smtplib.SMTP(HOST, PORTS[port], timeout=PATIENCE_S) as client:
        client.ehlo()
        if secure:
            client.starttls(context=tls())
            client.ehlo()
        return client.esmtp_features


def newest(client):
    """The newest message of INBOX as it lies."""
    count = int(ok(client.select("INBOX"))[0])
    return ok(client.fetch(str(count), "(RFC822)"))[0][1]


# What is offered, and where.
for port in ("smtp", "submission"):
    for secure in (False, True):
        offered = features(port, secure)
        for name in ("dsn", "prdr", "chunking", "smtputf8", "8bitmime"):
            assert name in offered, (port, name, offered)
        equal("requiretls" in offered, secure)

# A report of success, asked for by who signed in, is one that other software can read.
with submission(1) as client:
    client.sendmail(ANN, [BOB], message(ANN, BOB, "please confirm"),
                    mail_options=["RET=HDRS", "ENVID=E+2B1"],
                    rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Bob+2Bx@far.test"])
report = email.message_from_bytes(newest(imap(1)), policy=email.policy.default)
equal(report.get_content_type(), "multipart/report")
equal(report.get_param("report-type"), "delivery-status")
equal(report["Return-Path"], "<>")
words, status, original = report.iter_parts()
assert BOB in words.get_content(), words
of_message, of_recipient = status.get_payload()
equal(of_message["Original-Envelope-Id"], "E+1")
equal(of_recipient["Original-Recipient"], "rfc822; Bob+x@far.test")
equal(of_recipient["Final-Recipient"], "rfc822; " + BOB)
equal((of_recipient["Action"], of_recipient["Status"]), ("delivered", "2.0.0"))
assert "Subject: please confirm" in original.get_content(), original
# A stranger who names a sender of ours has no report sent there.
with smtplib.SMTP(HOST, PORTS["smtp"], timeout=PATIENCE_S) as client:
    client.sendmail(ANN, [BOB], message(ANN, BOB, "forged"), rcpt_options=["NOTIFY=SUCCESS"])
equal(ok(imap(1).select("INBOX")), [b"1"])

# REQUIRETLS is taken under TLS, for mailboxes here.
with smtplib.SMTP(HOST, PORTS["smtp"], timeout=PATIENCE_S) as client:
    client.ehlo()
    equal(client.mail("bob@example.net", ["REQUIRETLS"])[0], 530)
    client.starttls(context=tls())
    client.sendmail("bob@example.net", [BOB], message("bob@example.net", BOB, "secret"),
                    mail_options=["REQUIRETLS"])
with submission(1) as client:
    client.ehlo()
    equal(client.mail(ANN, ["REQUIRETLS"])[0], 250)
    code, words = client.rcpt("eve@example.net")
    equal((code, words.split()[0]), (550, b"5.7.30"))

# One recipient is full, the other is not, and each is answered.
with smtplib.SMTP(HOST, PORTS["smtp"], timeout=PATIENCE_S) as client:
    long = message("bob@example.net", BOB, "to two", "x" * 70 + "\r\n" + "y" * 3000 + "\r\n")
    client.ehlo()
    equal(client.mail("bob@example.net", ["PRDR"])[0], 250)
    equal([client.rcpt(to)[0] for to in (FULL, BOB, FULL)], [250, 250, 250])
    equal(client.data(long)[0], 353)
    replies = [client.getreply() for _ in range(4)]
    equal([code for code, _ in replies], [452, 250, 452, 250])
    assert replies[3][1].startswith(b"2.0.0 queued as"), replies
equal(ok(imap(3).select("INBOX")), [b"0"])

# Names and header beyond ASCII: the account is reached by every spelling, nothing is altered.
raw = ("From: Žofie <%s>\r\nTo: <%s>\r\nSubject: Grüße ✉\r\n\r\n☃\r\n" % (UTF8, UTF8)).encode()
with smtplib.SMTP(HOST, PORTS["smtp"], timeout=PATIENCE_S) as client:
    client.sendmail("bob@example.net", ["ŽOFIE@" + DOMAIN], raw,
                    mail_options=["SMTPUTF8", "BODY=8BITMIME"])
# The same letter as two characters.
with smtplib.SMTP(HOST, PORTS["smtp"], timeout=PATIENCE_S) as client:
    client.sendmail("bob@example.net", ["z\u030cofie@" + DOMAIN], raw, mail_options=["SMTPUTF8"])
# Who has not asked for SMTPUTF8 cannot name such an address.
client = Line(PORTS["smtp"])
client.until(b"220")
client.ask("EHLO client.example.net", "250")
client.ask("MAIL FROM:<bob@example.net>", "250")
client.ask("RCPT TO:<%s>" % UTF8, "553 5.6.7")
mailbox = imaplib.IMAP4_SSL(HOST, PORTS["imaps"], ssl_context=tls(), timeout=PATIENCE_S)
mailbox.authenticate("PLAIN", lambda _: b"\0" + UTF8.encode() + b"\0" + PASSWORD.encode())
assert newest(mailbox).endswith(raw), newest(mailbox)
equal(ok(mailbox.select("INBOX")), [b"2"])
