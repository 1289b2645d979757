"""POP3 with numbers, lines and sessions that broke other servers."""

import poplib

from doors import *

for number in range(1, 4):
    deliver(1, "number %d" % number)
client = pop3(1)
whole = client.retr(1)[1]
equal(client.top(1, 2147483647)[1], whole)
for text in ("RETR 2147483648", "RETR 18446744073709551616", "RETR -1", "DELE 1 2", "UIDL 0", "TOP 1",
             "LIST \0", "UIDL 1 2", "A" * 200, "NOOP " + "a" * 1_500):
    try:
        client._shortcmd(text)
        raise SystemExit(text[:40] + " was accepted")
    except poplib.error_proto as err:
        assert b"-ERR" in err.args[0], (text[:40], err)

# What is expunged by IMAP while the maildrop is open: RETR refuses or gives it whole.
box = imap(1)
ok(box.select("INBOX"))
ok(box.store("2", "+FLAGS.SILENT", r"(\Deleted)"))
ok(box.expunge())
try:
    text = client.retr(2)[1]
    assert any(b"number 2" in line for line in text), text
except poplib.error_proto as err:
    assert b"-ERR" in err.args[0], err
assert any(b"number 3" in line for line in client.retr(3)[1])
client.dele(2)
client.dele(3)
try:
    client.quit()
except poplib.error_proto as err:
    assert b"-ERR" in err.args[0], err
equal(ok(imap(1).select("INBOX")), [b"1"])

# Commands behind STLS in the clear are never obeyed; a line without end ends the session.
client = Line(PORTS["pop3"])
client.until(b"+OK")
client.send(b"STLS\r\nUSER u0001@demo.test\r\nPASS x\r\n")
heard = client.rest()
assert heard.count(b"+OK") <= 1 and b"-ERR" not in heard, heard
client = Line(PORTS["pop3"])
client.until(b"+OK")
try:
    client.send(b"USER " + b"a" * 10_000_000)
    heard = client.rest()
except ConnectionError:
    heard = b""
assert b"+OK" not in heard, heard
pop3(1).quit()
