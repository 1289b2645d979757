"""Two sessions on one mailbox: each is told everything, and nothing at a wrong moment."""

from doors import *

for number in range(1, 6):
    deliver(1, "number %d" % number)


def command(client, tag, text):
    """Says a command; returns the untagged lines, the tagged one must be OK."""
    client.say("%s %s" % (tag, text))
    lines = client.until(tag.encode() + b" ")
    assert lines[-1].startswith(tag.encode() + b" OK"), lines
    return b"".join(lines[:-1])


one, two = imap_line(1), imap_line(1)
for client in (one, two):
    assert b"* 5 EXISTS" in command(client, "b1", "SELECT INBOX")

# `one` expunges the second message. `two` must not be told while its numbers are in use
# (RFC 9051 §7.5.1), and its number 3 still means the same message.
command(one, "b2", r"STORE 2 +FLAGS.SILENT (\Deleted)")
assert b"* 2 EXPUNGE" in command(one, "b3", "EXPUNGE")
for tag, text in (("c1", "FETCH 3 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])"), ("c2", "SEARCH ALL"),
                  ("c3", r"STORE 3 +FLAGS (\Seen)")):
    heard = command(two, tag, text)
    assert b"EXPUNGE" not in heard, heard
    assert text.startswith("SEARCH") or b"* 3 FETCH" in heard, heard
    assert not text.startswith("FETCH") or b"number 3" in heard, heard
assert b"* 2 EXPUNGE" in command(two, "c4", "NOOP")
assert b"number 3" in command(two, "c5", "FETCH 2 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")

# A change of flags and a new message arrive at the other side.
heard = command(one, "b4", "NOOP")
assert b"* 2 FETCH" in heard and b"\\Seen" in heard, heard

# IDLE tells without being asked.
two.say("c6 IDLE")
two.until(b"+")
deliver(1, "number 6")
two.until(b"* 5 EXISTS")
command(one, "b5", r"STORE 1 +FLAGS (\Flagged)")
assert b"\\Flagged" in two.until(b"* 1 FETCH")[-1]
two.say("DONE")
two.until(b"c6 OK")

# UID EXPUNGE takes only what it names (RFC 4315 §2.1).
uids = [line.split()[4].rstrip(b")\r\n").decode()
        for line in command(one, "b6", "FETCH 1:* (UID)").splitlines() if b" FETCH " in line]
command(one, "b7", r"STORE 1:2 +FLAGS.SILENT (\Deleted)")
heard = command(one, "b8", "UID EXPUNGE %s" % uids[1])
assert b"* 2 EXPUNGE" in heard and heard.count(b"EXPUNGE") == 1, heard
