"""POP3 as poplib speaks it: the maildrop changes at QUIT only, and one client holds it."""

import poplib

from doors import *

for number in range(1, 4):
    deliver(1, "number %d" % number, ".dot\r\n" + "line\r\n" * number)

client = pop3(1)
equal(client.stat()[0], 3)
for capability in ("TOP", "UIDL", "SASL", "USER"):
    assert capability in client.capa(), client.capa()
text = b"\r\n".join(client.retr(2)[1]) + b"\r\n"
assert text.endswith(b"\r\n\r\n.dot\r\nline\r\nline\r\n"), text
sizes = [int(line.split()[1]) for line in client.list()[1]]
equal(sizes[1], len(text))
uids = [line.split()[1] for line in client.uidl()[1]]
equal(len(set(uids)), 3)
equal(client.top(3, 1)[1][-1], b".dot")

# More lines than there are is the whole message (RFC 1939 §7).
for lines in ("2147483647", "99999999999999999999"):
    equal(client.top(1, lines)[1], client.retr(1)[1])
for text in ("TOP 1 -1", "TOP 1", "TOP 1 0x1", "RETR 0", "RETR 4", "DELE 4", "LIST x"):
    try:
        client._shortcmd(text)
        raise AssertionError(text + " was accepted")
    except poplib.error_proto as err:
        assert b"-ERR" in err.args[0], err

# The maildrop is locked for others (RFC 1939 §8).
try:
    pop3(1)
    raise AssertionError("two clients hold one maildrop")
except poplib.error_proto as err:
    assert b"IN-USE" in err.args[0] or b"lock" in err.args[0].lower(), err

# A connection that breaks deletes nothing; RSET takes back; QUIT deletes.
client.dele(1)
client.close()
for attempt in range(100):
    try:
        client = pop3(1)
        break
    except poplib.error_proto:
        continue
equal(client.stat()[0], 3)
client.dele(1)
client.rset()
client.dele(2)
client.quit()
client = pop3(1)
equal([line.split()[1] for line in client.uidl()[1]], [uids[0], uids[2]])
client.quit()

# The plain door offers TLS and no password before it.
client = poplib.POP3(HOST, PORTS["pop3"], timeout=PATIENCE_S)
assert "STLS" in client.capa() and "USER" not in client.capa(), client.capa()
try:
    client.user(address(1))
    client.pass_(PASSWORD)
    raise AssertionError("a password in the clear was taken")
except poplib.error_proto:
    pass
client = poplib.POP3(HOST, PORTS["pop3"], timeout=PATIENCE_S)
client.stls(tls())
client.user(address(1))
client.pass_(PASSWORD)
client.quit()
