"""Inputs that broke other servers: refused whole, never split, and the server lives on."""

import smtplib

from doors import *

ENVELOPE = ("MAIL FROM:<bob@example.net>", "RCPT TO:<%s>" % address(1))
SMUGGLED = b"MAIL FROM:<eve@example.net>\r\nRCPT TO:<" + address(2).encode() + b">\r\nDATA\r\nhidden\r\n.\r\n"


def greeted(port="smtp", secure=False):
    client = Line(PORTS[port], secure)
    assert client.smtp_reply().startswith("220")
    client.ask("EHLO client.example.net", "250")
    return client


# An end of data that only some servers see (BAD-INPUTS of SMTP: the smuggling family).
for end in (b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n\0.\r\n", b"\r\n.\r", b"\n.\r"):
    client = greeted()
    for line in ENVELOPE:
        client.ask(line, "250")
    client.ask("DATA", "354")
    client.send(b"Subject: outer\r\n\r\ntext" + end + SMUGGLED)
    reply = client.smtp_reply()
    assert reply.startswith("5"), (end, reply)
    client.ask("NOOP", "250")
    client.ask("QUIT", "221")

# Bare CR, LF and NUL in commands.
for line in (b"MAIL FROM:<bob@example.net>\rRSET\r\n", b"MAIL FROM:<bob\0@example.net>\r\n",
             b"MAIL FROM:<bob@example.net> AUTH=<x\ry>\r\n", b"AUTH PLAIN AHg\rAeQ==\r\n",
             b"XCLIENT ADDR=192.0.2.9\r\r\n", b"RCPT TO:<ann\r@example.net>\r\n"):
    client = greeted()
    client.send(line)
    assert client.smtp_reply().startswith("5"), line

# Plain text sent ahead of the TLS handshake is never obeyed.
client = greeted("submission")
client.send(b"STARTTLS\r\nMAIL FROM:<bob@example.net>\r\nNOOP\r\n")
heard = client.rest()
assert heard.count(b"\r\n") <= 1 and b"250" not in heard, heard

# Sign-in is neither offered nor taken before TLS; TLS cannot be started twice.
client = greeted("submission")
client.say("AUTH PLAIN AHgAeQ==")
assert client.smtp_reply()[:3] in ("530", "538", "503", "504")
with smtplib.SMTP(HOST, PORTS["submission"], timeout=PATIENCE_S) as plain:
    plain.ehlo()
    assert not plain.has_extn("auth") and plain.has_extn("starttls"), plain.esmtp_features
    plain.starttls(context=tls())
    plain.ehlo()
    assert plain.has_extn("auth") and not plain.has_extn("starttls"), plain.esmtp_features
    assert plain.docmd("STARTTLS")[0] in (502, 503)
    plain.login(address(1), PASSWORD)
    assert plain.docmd("AUTH", "PLAIN")[0] == 503

# BDAT: an empty last chunk ends a message; an error is answered once for each chunk; DATA and
# BDAT do not mix.
client = greeted()
for line in ENVELOPE:
    client.ask(line, "250")
client.send(b"BDAT 20\r\nSubject: chunks\r\n\r\nx")
assert client.smtp_reply().startswith("250")
client.ask("DATA", "503")
client.ask("BDAT 0 LAST", "250")
client.send(b"BDAT 4\r\nRSET")
assert client.smtp_reply().startswith("503")
client.ask("NOOP", "250")
for line in ("BDAT 99999999999999999999", "BDAT -1", "BDAT 5 FIRST"):
    client = greeted()
    for step in ENVELOPE:
        client.ask(step, "250")
    client.say(line)
    assert client.smtp_reply().startswith("5"), line

# Too much of anything ends in a refusal, not in memory.
client = greeted()
try:
    client.send(b"MAIL FROM:<" + b"a" * 10_000_000 + b">\r\n")
    assert client.smtp_reply().startswith("5")
except (ConnectionError, AssertionError) as err:
    assert "closed" in str(err) or isinstance(err, ConnectionError), err
client = greeted()
client.ask(ENVELOPE[0], "250")
replies = set()
try:
    for _ in range(20_000):
        client.say(ENVELOPE[1])
        replies.add(client.smtp_reply()[:3])
        if replies - {"250"}:
            break
except (ConnectionError, AssertionError):
    replies.add("closed")
assert replies - {"250"}, "20,000 recipients were taken"
client = greeted()
try:
    for _ in range(20_000):
        client.ask("NOOP", "250")
    raise SystemExit("20,000 NOOP were answered")
except (ConnectionError, AssertionError):
    pass

# VRFY and EXPN say the same about everybody.
client = greeted()
for verb in ("VRFY", "EXPN"):
    heard = {client.ask("%s %s" % (verb, who), "").split(" ", 1)[0]
             for who in (address(1), "nobody@" + SERVER["domain"])}
    equal(len(heard), 1)

# Nobody sends as somebody else, and no spelling of an address hides that.
OWN, OTHER = address(1), address(2)
for sender, *headers in (
    (OTHER, "From: <%s>" % OWN),
    (OWN, "From: <%s>" % OTHER),
    (OWN, "From: %s, %s" % (OWN, OTHER)),
    (OWN, "From: <%s>" % OWN, "From: <%s>" % OTHER),
    (OWN, "From: <%s>" % OWN, "Sender: <%s>" % OTHER),
    (OWN, "From: =?utf-8?q?%s?=" % OTHER),
    (OWN, "From: =?utf-8?q?u0002=40%s?=@example.org" % SERVER["domain"]),
    (OWN, "From: <%s>%s" % (OWN, OTHER)),
    (OWN, "From: <%s>, x" % OWN),
    (OWN, "From: all: %s, %s;" % (OWN, OTHER)),
    (OWN, "From: \"%s\" <%s>" % (OWN, OTHER)),
    (OWN, "From: %s (%s)" % (OTHER, OWN)),
    (OWN, "From:\r\n <%s>" % OTHER),
    (OWN, "From : <%s>" % OTHER),
):
    with submission(1) as client:
        content = "\r\n".join((*headers, "Subject: forged", "", "Hello.", "")).encode()
        try:
            client.sendmail(sender, [address(3)], content)
            raise SystemExit("%s sent as %s" % (sender, headers))
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as err:
            assert 500 <= err.smtp_code < 600, err

# Nothing of all that was delivered, except the message in chunks.
client = imap(1)
equal(ok(client.select("INBOX")), [b"1"])
for number in (2, 3):
    client = imap(number)
    equal(ok(client.select("INBOX")), [b"0"])
