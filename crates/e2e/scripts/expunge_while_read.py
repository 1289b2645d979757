"""Expunges a large message while a slow client reads it: what was begun comes whole, and only then
is it told to be gone."""

import socket
import sys
import time

from doors import *

LINE = b"A line of a large body, long enough to be one.\r\n"
LINES = 200_000
SLOW_BUFFER = 4096
number = int(sys.argv[1])
content = b"Subject: large\r\n\r\n" + LINE * LINES

other = imap(number)
ok(other.append("INBOX", None, None, content))
ok(other.select())


class SlowLine(Line):
    """A dialogue whose socket holds little."""

    def __init__(self, port):
        plain = socket.socket()
        plain.settimeout(PATIENCE_S)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)
        plain.connect(("127.0.0.1", port))
        self.socket = tls().wrap_socket(plain, server_hostname=HOST)
        self.file = self.socket.makefile("rb")


slow = SlowLine(PORTS["imaps"])
slow.until(b"* OK")
slow.say('a LOGIN %s "%s"' % (address(number), PASSWORD))
slow.until(b"a OK")
slow.say("b SELECT INBOX")
slow.until(b"b OK")
slow.say("c FETCH 1 (BODY.PEEK[])")
head = slow.line()
assert head.endswith(b"{%d}\r\n" % len(content)), head
first = slow.file.read(100_000)

ok(other.store("1", "+FLAGS", "\\Deleted"))
equal(ok(other.expunge()), [b"1"])
equal(ok(other.search(None, "ALL")), [b""])
time.sleep(0.5)

rest = slow.file.read(len(content) - len(first))
assert first + rest == content, "the body changed under its reader"
lines = slow.until(b"c ")
assert lines[-1].startswith(b"c OK"), lines
assert not any(b"EXPUNGE" in line for line in lines), lines
slow.say("d NOOP")
assert b"* 1 EXPUNGE\r\n" in slow.until(b"d OK")
print("whole")
