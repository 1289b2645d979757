"""A server that is told to stop while clients wait and while they read: whoever waits is told to go,
whoever reads gets all of it."""

import os
import signal

from doors import SERVER, imap, pop3

# More than the buffers of both sides can hold.
BODY = b"Subject: long\r\n\r\n" + b"0123456789abcdef\r\n" * 1_500_000


def hears(read, expected):
    line = read()
    assert line.startswith(expected), line
    return line


reading, idle = imap(1), imap(1)
reading.append("INBOX", None, None, BODY)
reading.select()
idle.select()
retrieving, waiting = pop3(1), pop3(2)

reading.send(b"r1 FETCH 1 BODY.PEEK[]\r\n")
line = hears(reading.readline, b"* 1 FETCH (BODY[] {")
octets = int(line[line.index(b"{") + 1 : line.index(b"}")])
begun = reading.read(10_000)
idle.send(b"i1 IDLE\r\n")
hears(idle.readline, b"+ ")
retrieving._putcmd("RETR 1")
hears(retrieving.file.readline, b"+OK")
first = retrieving.file.readline()

os.kill(SERVER["pid"], signal.SIGTERM)

hears(idle.readline, b"* BYE")
hears(waiting.file.readline, b"-ERR")
body = begun + reading.read(octets - len(begun))
assert body == BODY, len(body)
hears(reading.readline, b")")
hears(reading.readline, b"r1 OK")
hears(reading.readline, b"* BYE")
lines = [first]
while lines[-1] != b".\r\n":
    lines.append(retrieving.file.readline())
    assert lines[-1], "cut off"
assert b"".join(lines[:-1]).endswith(BODY[-1_000:])
assert sum(map(len, lines)) == octets + len(b".\r\n"), "another length"
hears(retrieving.file.readline, b"-ERR")
print("drained")
