"""Prints UID, flags and size of every message in some mailboxes of an account, one a line."""

import sys

from doors import *

client = imap(int(sys.argv[1]))
for mailbox in sys.argv[2:]:
    (count,) = ok(client.select(mailbox, readonly=True))
    lines = ok(client.fetch("1:*", "(UID FLAGS RFC822.SIZE)"))
    equal(len(lines), int(count))
    for line in lines:
        print(mailbox, line.decode())
client.logout()
