"""Fills INBOX of an account: the number of the account, then how many messages (20 × 2^n)."""

import sys

from doors import *

account, wanted = int(sys.argv[1]), int(sys.argv[2])
client = imap(account)
for number in range(20):
    mail = message("bob@example.net", address(account), "%04d" % number, "Message %d.\r\n" % number)
    ok(client.append("INBOX", "", '"23-Nov-2026 10:00:00 +0000"', mail))
count = 20
while count < wanted:
    ok(client.select("INBOX"))
    more = min(count, wanted - count)
    ok(client.copy("1:%d" % more, "INBOX"))
    count += more
equal(int(ok(client.select("INBOX"))[0]), wanted)
client.logout()
