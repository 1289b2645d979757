"""Messages that broke other servers: taken or refused, then described within seconds, by SMTP and
by APPEND; the mailbox can be read afterwards."""

import imaplib
import smtplib
import time

from doors import *

MIB = 1_048_576
ANSWER_S = 20


def head(*lines):
    return b"\r\n".join((b"From: <bob@example.net>", b"Subject: bad") + lines) + b"\r\n"


def multipart(boundary, *parts):
    mark = b"--" + boundary
    return b"\r\n".join([mark + b"\r\n" + part for part in parts] + [mark + b"--", b""])


def nested(levels):
    text = b""
    for level in range(levels):
        text += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    return head() + text + b"\r\ninnermost\r\n"


MIXED = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="
ADDRESS = b"<somebody@example.net>,\r\n "
RFC822 = b"Content-Type: message/rfc822\r\n\r\n"

# name, message, whether it must be taken (None: either, but the server lives)
CASES = (
    ("100,000 addresses", head(b"To: " + ADDRESS * 100_000 + b"<last@example.net>") + b"\r\nx\r\n", False),
    ("40,000 addresses", head(b"To: " + ADDRESS * 40_000 + b"<last@example.net>") + b"\r\nx\r\n", True),
    ("a header of 45 MB", head(b"X-Long: " + (b"a" * 998 + b"\r\n ") * 45_000) + b"\r\nx\r\n", False),
    ("a line of 45 MB in a header", head(b"X-Long: " + b"a" * 45 * MIB) + b"\r\nx\r\n", False),
    ("10,000 levels of multipart", nested(10_000), True),
    ("20,000 levels of message/rfc822", head() + RFC822 * 20_000 + b"x\r\n", True),
    ("1,000 parts", head(MIXED + b"b") + b"\r\n" + multipart(b"b", *[b"\r\npart"] * 1_000), True),
    ("1,000,000 parts", head(MIXED + b"b") + b"\r\n" + multipart(b"b", *[b"\r\n"] * 1_000_000), True),
    ("an empty boundary", head(MIXED + b'""') + b"\r\n" + multipart(b"", b"\r\npart"), True),
    ("no boundary", head(b"MIME-Version: 1.0", b"Content-Type: multipart/mixed") + b"\r\n" + multipart(b"b", b"\r\npart"), True),
    ("a boundary like its parent's", head(MIXED + b"b") + b"\r\n" + multipart(b"b", MIXED + b"b\r\n\r\n" + multipart(b"b", b"\r\npart")), True),
    ("headers that contradict each other", head(
        b"Content-Type: text/plain", MIXED + b"b", b"Content-Type: text/html; charset=utf-7",
        b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: 7bit",
        b"Content-Disposition: inline", b"Content-Disposition: attachment; filename=a.exe",
        b"From: <eve@example.net>", b"Subject: other") + b"\r\n" + multipart(b"b", b"\r\npart"), True),
    ("base64 with garbage", head(b"Content-Transfer-Encoding: base64") + b"\r\n" + b"!=A\xffB*\r\n" * 1_000, True),
    ("10,000 parameters", head(b"Content-Type: text/plain" + b"".join(
        b";\r\n name*%d*=''%%41" % number for number in range(10_000))) + b"\r\nx\r\n", True),
    ("nothing but a colon", b":\r\n\r\n\r\n", None),
)


def in_time(name, action):
    """The result, which must come soon."""
    start = time.monotonic()
    result = action()
    taken = time.monotonic() - start
    assert taken < ANSWER_S, "%s took %.1f s" % (name, taken)
    return result


def sent(text):
    """Whether SMTP takes the message."""
    with smtplib.SMTP(HOST, PORTS["smtp"], timeout=PATIENCE_S) as client:
        client.ehlo("client.example.net")
        client.mail("bob@example.net")
        client.rcpt(address(1))
        try:
            code, _ = client.data(text)
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            return False
        assert code == 250 or 500 <= code < 600, code
        return code == 250


def appended(text):
    """Whether APPEND takes the message."""
    client = imap(2)
    try:
        kind, _ = client.append("INBOX", None, None, text)
        return kind == "OK"
    except (imaplib.IMAP4.abort, OSError):
        return False


taken = {1: 0, 2: 0}
for name, text, expected in CASES:
    for account, give in ((1, sent), (2, appended)):
        answer = in_time(name, lambda: give(text))
        assert expected in (None, answer), "%s to account %d: %s" % (name, account, answer)
        taken[account] += answer
        if not answer:
            continue
        client = imap(account)
        equal(int(ok(client.select("INBOX"))[0]), taken[account])
        number = str(taken[account])
        for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY[HEADER.FIELDS (SUBJECT)]", "BODY[1]",
                     "BODY[1.1.1.MIME]", "RFC822.SIZE"):
            in_time(name, lambda: ok(client.fetch(number, "(%s)" % item)))
        in_time(name, lambda: ok(client.search(None, "TEXT", '"no such words"')))
        whole = ok(client.fetch(number, "(BODY.PEEK[])"))[0][1]
        assert whole.endswith(text), "%s was altered" % name
        client.logout()

# All of them together: one list of a mailbox as mail programs ask for it.
for account in (1, 2):
    client = imap(account)
    count = int(ok(client.select("INBOX"))[0])
    lines = in_time("all", lambda: ok(client.fetch("1:*", "(UID FLAGS ENVELOPE BODYSTRUCTURE)")))
    assert sum(b"UID" in str(line).encode() for line in lines) >= count, (len(lines), count)
    client.logout()
