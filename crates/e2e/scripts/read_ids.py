"""Prints the Message-ID of every message in an account's INBOX, one a line, each read whole."""

import email
import sys

from doors import *

client = imap(int(sys.argv[1]))
count = int(ok(client.select("INBOX", readonly=True))[0])
uids = set()
for number in range(1, count + 1):
    (head, text), *_ = ok(client.fetch(str(number), "(UID RFC822.SIZE BODY.PEEK[])"))
    words = head.decode().replace("(", " ").split()
    equal(int(words[words.index("RFC822.SIZE") + 1]), len(text))
    uids.add(words[words.index("UID") + 1])
    print(email.message_from_bytes(text)["Message-ID"])
equal(len(uids), count)
client.logout()
