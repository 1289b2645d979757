"""CONDSTORE and QRESYNC with Python's imaplib, and with IMAPClient: what comes back after a break."""

import re

import imapclient

from doors import *

TEXT = message("bob@example.net", address(1), "resync")


def command(client, name, *arguments):
    """A command that imaplib does not know, with all untagged responses."""
    client.untagged_responses = {}
    kind, data = client._simple_command(name, *arguments)
    equal(kind, "OK")
    return data, client.untagged_responses


busy = imap(1)
for _ in range(6):
    equal(busy.append("INBOX", None, None, TEXT)[0], "OK")
busy.select("INBOX")

back = imap(1)
equal(back.enable("QRESYNC")[0], "OK")
back.select("INBOX")
validity = int(back.response("UIDVALIDITY")[1][0])
modseq = int(back.response("HIGHESTMODSEQ")[1][0])
back.logout()

busy.uid("STORE", "2,5", "+FLAGS.SILENT", r"(\Deleted)")
busy.expunge()
busy.uid("STORE", "3", "+FLAGS.SILENT", r"(\Flagged)")
equal(busy.append("INBOX", None, None, TEXT)[0], "OK")

back = imap(1)
back.enable("QRESYNC")
_, told = command(back, "SELECT", "INBOX", "(QRESYNC (%d %d 1:6))" % (validity, modseq))
equal(told["VANISHED"], [b"(EARLIER) 2,5"])
(flagged,) = told["FETCH"]
assert re.match(rb"2 \(UID 3 FLAGS \(\\Flagged\) MODSEQ \(\d+\)\)", flagged), flagged
equal(told["EXISTS"], [b"5"])
back.logout()

client = imapclient.IMAPClient(HOST, port=PORTS["imaps"], ssl_context=tls())
client.login(address(1), PASSWORD)
for name in (b"CONDSTORE", b"QRESYNC", b"BINARY", b"OBJECTID", b"SAVEDATE", b"PREVIEW"):
    assert client.has_capability(name), (name, client.capabilities())
chosen = client.select_folder("INBOX")
assert chosen[b"HIGHESTMODSEQ"] > modseq, chosen
changed = client.fetch(client.search(), ["FLAGS"], ["CHANGEDSINCE %d" % modseq])
equal(sorted(changed), [3, 7])
assert changed[3][b"MODSEQ"][0] > modseq, changed
items = client.fetch([3], ["EMAILID", "THREADID", "SAVEDATE", "PREVIEW", "BINARY.SIZE[1]"])[3]
equal(items[b"PREVIEW"], b"Hello.")
equal(items[b"BINARY.SIZE[1]"], len(b"Hello.\r\n"))
assert items[b"EMAILID"] and items[b"THREADID"] and items[b"SAVEDATE"], items
client.logout()
