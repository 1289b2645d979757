"""Lines that claim, inject or climb: none is believed, none leaves its place."""

import imaplib

from doors import *

CLAIM = "PROXY TCP4 192.0.2.9 198.51.100.1 50000 25"
SOURCE = "127.0.0.1"

# A PROXY line is no command at any door, and XCLIENT is none either.
client = Line(PORTS["smtp"])
client.ask(CLAIM, "220")
reply = client.smtp_reply()
assert reply.startswith("5"), reply
client.ask("EHLO [192.0.2.9]", "250")
for text in ("XCLIENT ADDR=192.0.2.9", "XFORWARD ADDR=192.0.2.9"):
    client.ask(text, "5")
client.ask("MAIL FROM:<bob@example.net>", "250")
client.ask("RCPT TO:<%s>" % address(1), "250")
client.ask("DATA", "354")
client.say("Received: from [192.0.2.9]\r\nX-Forwarded-For: 192.0.2.9\r\nMessage-ID: <p@client.test>\r\n\r\nHello.\r\n.")
assert client.smtp_reply().startswith("250")
client.ask("QUIT", "221")
client = Line(PORTS["imap"])
client.say(CLAIM)
assert client.until(b"PROXY ")[-1].startswith(b"PROXY BAD")
client = Line(PORTS["pop3"])
client.say(CLAIM)
assert client.until(b"-ERR")
client = imap(1)
ok(client.select("INBOX"))
text = ok(client.fetch("1", "(BODY[HEADER])"))[0][1].decode()
stamp = text[text.index("Received:"):].split("\r\nReceived:")[0]
assert SOURCE in stamp and "from [192.0.2.9]" in stamp, stamp

# Names of mailboxes, keywords and tags that would end the line or leave the folder.
for name in ('"a\\"', '"a" b', "..", '"../../etc/passwd"', '"a/../b"', '"/"', '"a//b"', '"a\0b"',
             '"&AAAAAA-"', '"&2AA-"', '"\x7f"', "{5}"):
    client = imap_line(1)
    client.say("x1 CREATE " + name)
    if name == "{5}":
        client.until(b"+")
        client.send(b"a\r\nb\0\r\n")
    for line in iter(client.line, b""):
        if line.startswith((b"x1 ", b"* BYE", b"* BAD")):
            assert not line.startswith(b"x1 OK"), (name, line)
            break
listed = b"".join(line for line in ok(imap(1).list()) if line)
assert b".." not in listed and b"passwd" not in listed, listed
client = imap_line(1)
client.say("x1 SELECT INBOX")
client.until(b"x1 OK")
for number, text in enumerate(('STORE 1 +FLAGS ("a")', "STORE 1 +FLAGS (a{)", 'ID ("name" "a\r\nb")',
                               "STORE 1 +FLAGS (a\x01)")):
    client.say("y%d %s" % (number, text))
    assert not client.until(b"y%d " % number)[-1].startswith(b"y%d OK" % number), text

# What one account's password opens never opens another's (a cache that mixes users).
imap(1).logout()
for number, password in ((2, PASSWORD[:-1]), (1, PASSWORD + " ")):
    try:
        imap(number, password)
        raise SystemExit("account %d was opened" % number)
    except imaplib.IMAP4.error as err:
        assert "AUTHENTICATIONFAILED" in str(err), err
imap(2).logout()

# User names with line ends, patterns and other people's places; each is simply unknown.
for name in ('u0001@demo.test\\r\\n* OK', "*)(uid=*", "u0001@demo.test'--"):
    client = Line(PORTS["imaps"], secure=True)
    client.until(b"* OK")
    client.say('a1 LOGIN "%s" "%s"' % (name.replace("\\", "\\\\").replace('"', '\\"'), PASSWORD))
    assert client.until(b"a1 ")[-1].startswith(b"a1 NO"), name
client = Line(PORTS["imaps"], secure=True)
client.until(b"* OK")
client.send(b"a1 LOGIN {23}\r\n")
client.until(b"+")
client.send(b"u0001@demo.test\r\na2 NOOP" + b' "%s"\r\n' % PASSWORD.encode())
assert not client.line().startswith((b"a1 OK", b"a2 OK"))

# ETRN and arguments that reach for a database are no commands.
client = Line(PORTS["smtp"])
assert client.smtp_reply().startswith("220")
client.ask("EHLO client.example.net", "250")
client.ask("ETRN '; DROP TABLE email; --", "50")
client.ask("MAIL FROM:<bob'||(select 1)||'@example.net>", "501")
client.ask("MAIL FROM:<bob'||'1'--@example.net>", "250")
client.ask("RCPT TO:<'; drop table email; --@demo.test>", "5")
client.ask("QUIT", "221")
equal(ok(imap(1).select("INBOX")), [b"1"])

# Addresses with NUL, 8-bit without SMTPUTF8, broken UTF-8, and labels that only look alike.
client = Line(PORTS["smtp"])
client.smtp_reply()
client.ask("EHLO client.example.net", "250")
client.ask("MAIL FROM:<>", "250")
for octets in (b"u0001\0@demo.test", b"u\xc3\xbc@demo.test", b"\xff\xfe@demo.test",
               "u0001@d\u0435mo.test".encode(), b"u0001@xn--a.demo.test", b"u0001@demo..test"):
    client.send(b"RCPT TO:<" + octets + b">\r\n")
    reply = client.smtp_reply()
    assert reply.startswith("5"), (octets, reply)
