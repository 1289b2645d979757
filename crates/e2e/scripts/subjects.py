"""Lists every message of an account in order, as `mailbox: subject [flags]`."""

import email
import email.header
import re
import sys

import doors

client = doors.imap(int(sys.argv[1]))
for line in sorted(client.list()[1]):
    mailbox = re.match(rb'\((.*?)\) (?:"."|NIL) (.*)', line)
    if b"\\NoSelect" in mailbox[1] or b"\\NonExistent" in mailbox[1]:
        continue
    name = mailbox[2].decode()
    assert client.select(name, readonly=True)[0] == "OK", name
    found = client.search(None, "ALL")[1][0].split()
    for number in found:
        data = client.fetch(number, "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        subject = email.message_from_bytes(data[0][1])["Subject"]
        subject = str(email.header.make_header(email.header.decode_header(subject)))
        text = b" ".join(part if isinstance(part, bytes) else part[0] for part in data)
        flags = re.search(rb"FLAGS \((.*?)\)", text)[1].decode().replace("\\Recent", "").split()
        print("%s: %s [%s]" % (name.strip('"'), subject, " ".join(sorted(flags))))
client.logout()
