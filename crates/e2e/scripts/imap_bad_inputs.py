"""Inputs that broke other servers: each is refused, and the server lives on."""

from doors import *

HUGE = "4294967295"


def refused(client, text):
    """The command gets BAD or NO, or the server closes; both are a refusal."""
    client.say("x1 " + text)
    for line in iter(client.line, b""):
        if line.startswith((b"x1 ", b"* BYE", b"* BAD")):
            assert not line.startswith(b"x1 OK"), (text[:60], line)
            return
        assert not line.startswith(b"+"), (text[:60], line)


def greeted():
    client = Line(PORTS["imaps"], secure=True)
    client.until(b"* OK")
    return client


# Literals before sign-in: huge ones are refused before a single octet is read.
for text in ("LOGIN {%s}" % HUGE, "LOGIN {%s+}" % HUGE, "LOGIN {99999999999999999999}",
             "ID {1048576}", "A" * 1_000_000):
    refused(greeted(), text)

# After sign-in: size, count, depth and length.
for text in (
    "APPEND INBOX {%s}" % HUGE,
    "APPEND INBOX {%s+}" % HUGE,
    "SEARCH " + "(" * 10_000 + "ALL" + ")" * 10_000,
    "SEARCH " + "NOT " * 10_000 + "ALL",
    "FETCH " + ",".join(["1:*"] * 200_000) + " FLAGS",
    "FETCH 0 FLAGS",
    "FETCH 1 BODY[1.%s]<4294967296.1>" % HUGE,
    'LIST "" "' + "*%" * 40_000 + '"',
    'CREATE "a\\nb"x',
    'CREATE "&AGE-"',
    'CREATE "&AAA-"',
    'CREATE "&Jjo"',
    'CREATE ""',
    'CREATE "%s"' % ("a" * 5_000),
    "STORE 1 +FLAGS (%s)" % ("k" * 5_000),
    "STORE 1 +FLAGS (\\Unknown)",
):
    client = imap_line(1)
    client.say("s1 SELECT INBOX")
    client.until(b"s1 OK")
    refused(client, text)

# A thousand literals in one command (each within its own limit).
client = imap_line(1)
client.send(b"x1 SEARCH" + b" SUBJECT {100+}\r\n" + b"a" * 100)
try:
    for _ in range(1_000):
        client.send(b" SUBJECT {65536+}\r\n" + b"a" * 65_536)
    client.send(b"\r\n")
except ConnectionError:
    pass
assert b"x1 OK" not in client.rest()

# A wildcard that makes a backtracking matcher slow is answered at once.
client = imap_line(1)
client.say('l1 LIST "" "%s"' % ("*a" * 30 + "b"))
client.until(b"l1 ")

# The server lives.
imap(1).logout()
