"""Puts two messages into INBOX of an account and expunges them again."""

import sys

from doors import imap

client = imap(int(sys.argv[1]))
for name in ("one", "two"):
    message = "Message-ID: <%s@demo.test>\r\nSubject: %s\r\n\r\nHello.\r\n" % (name, name)
    client.append("INBOX", None, None, message.encode())
client.select()
client.store("1:*", "+FLAGS", "\\Deleted")
client.expunge()
client.logout()
print("expunged")
