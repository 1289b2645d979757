"""One client does what a mail program does all day: smtplib and imaplib."""

import imaplib

from doors import *

with submission(1) as client:
    refused = client.sendmail(
        address(1), [address(2), address(3)], message(address(1), address(2), "to both")
    )
    equal(refused, {})
for number in range(1, 6):
    deliver(2, "number %d" % number, "lantern %d\r\n" % number)

client = imap(2)
for capability in ("IMAP4REV1", "UIDPLUS", "MOVE", "IDLE", "ID", "NAMESPACE", "SPECIAL-USE",
                   "UNSELECT", "ENABLE", "ESEARCH", "LITERAL+", "CHILDREN"):
    assert capability in ok(client.capability())[0].decode().upper().split(), capability
assert b"INBOX" in b" ".join(ok(client.list()))
ok(client.create("Kept"))
equal(ok(client.select("INBOX")), [b"6"])

# Search by header, text, size, flag and number.
for words, expected in (
    (("SUBJECT", '"number 3"'), b"4"),
    (("TEXT", '"lantern 5"'), b"6"),
    (("BODY", '"LANTERN 1"'), b"2"),
    (("NOT", "SEEN", "1:3"), b"1 2 3"),
    (("OR", "SUBJECT", "both", "SUBJECT", '"number 5"'), b"1 6"),
    (("LARGER", "100000"), b""),
    (("FROM", "bob@example.net", "SINCE", "1-Jan-2020"), b"2 3 4 5 6"),
):
    equal(ok(client.search(None, *words)), [expected])

# What is fetched is what was sent, below the lines that the server put on top.
for section in ("RFC822", "BODY.PEEK[]"):
    text = ok(client.fetch("4", "(%s)" % section))[0][1]
    assert text.endswith(message("bob@example.net", address(2), "number 3", "lantern 3\r\n")), text
    assert text.startswith(b"Return-Path: <bob@example.net>\r\n"), text
equal(ok(client.fetch("4", "(BODY.PEEK[TEXT]<2.5>)"))[0][1], b"ntern")
envelope = ok(client.fetch("4", "(ENVELOPE BODYSTRUCTURE RFC822.SIZE)"))[0]
assert b'"number 3"' in envelope and b'"TEXT" "PLAIN"' in envelope.upper(), envelope

# Flags and keywords.
ok(client.store("1,3", "+FLAGS", r"(\Flagged $Forwarded)"))
equal(ok(client.search(None, "KEYWORD", "$Forwarded")), [b"1 3"])
ok(client.store("3", "-FLAGS", r"(\Flagged)"))
equal(ok(client.search(None, "FLAGGED")), [b"1"])

# Copy, move, append, expunge by UID.
ok(client.copy("1:2", "Kept"))
ok(client.uid("MOVE", ok(client.fetch("5", "(UID)"))[0].split()[2].decode().rstrip(")"), "Kept"))
equal(ok(client.select("INBOX")), [b"5"])
ok(client.append("Kept", r"(\Seen)", imaplib.Time2Internaldate(1_600_000_000),
                 message(address(2), address(2), "a draft")))
equal(ok(client.select("Kept")), [b"4"])
assert b"13-Sep-2020" in ok(client.fetch("4", "(INTERNALDATE)"))[0]
ok(client.store("1", "+FLAGS", r"(\Deleted)"))
equal(ok(client.expunge()), [b"1"])
equal(ok(client.search(None, "SEEN")), [b"3"])
ok(client.unselect())
ok(client.rename("Kept", "Shelf"))
equal(client.select("Kept")[0], "NO")
ok(client.delete("Shelf"))
client.logout()

# The other recipient has a copy of its own.
client = imap(3)
equal(ok(client.select("INBOX")), [b"1"])
client.logout()
