"""Prints the Message-ID of every message in a mailbox, one a line, and checks that the mailbox is
sound: UIDs ascend, sizes are true, STATUS counts what FETCH gives."""

import email
import sys

from doors import *

number, mailbox = int(sys.argv[1]), (sys.argv[2:] or ["INBOX"])[0]
client = imap(number)
(status,) = ok(client.status(mailbox, "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))
words = status.decode().rpartition("(")[2].rstrip(")").split()
status = {name: int(value) for name, value in zip(words[::2], words[1::2])}
count = int(ok(client.select(mailbox, readonly=True))[0])
equal(count, status["MESSAGES"])
uids = []
if count:
    fetched = ok(client.fetch("1:*", "(UID RFC822.SIZE BODY.PEEK[])"))
    for head, text in (part for part in fetched if isinstance(part, tuple)):
        words = head.decode().replace("(", " ").split()
        equal(int(words[0]), len(uids) + 1)
        equal(int(words[words.index("RFC822.SIZE") + 1]), len(text))
        uids.append(int(words[words.index("UID") + 1]))
        print(email.message_from_bytes(text)["Message-ID"])
equal(len(uids), count)
assert all(one < two for one, two in zip(uids, uids[1:])), uids
assert not uids or uids[-1] < status["UIDNEXT"], (uids[-1], status)
equal(ok(client.uid("SEARCH", "ALL"))[0].split(), [b"%d" % uid for uid in uids])
client.logout()
