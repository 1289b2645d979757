"""SCRAM-SHA-256 and -PLUS by SMTP, IMAP and POP3, with the computations of the package scramp."""

import base64

import scramp

from doors import *

PLUS, PLAIN = "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"


def b64(text):
    return base64.b64encode(text.encode()).decode()


def text(line, mark):
    """The challenge of a line."""
    assert line.startswith(mark), line
    return base64.b64decode(line[len(mark):].strip()).decode()


def smtp():
    client = Line(PORTS["submissions"], secure=True)
    client.until(b"220 ")
    client.say("EHLO client.example.net")
    offered = [line for line in client.until(b"250 ") if line.startswith(b"250-AUTH ")]
    assert offered[0].split()[1:] == [PLUS.encode(), PLAIN.encode(), b"PLAIN", b"LOGIN"], offered
    return client, "AUTH %s %s", b"334 ", b"235 ", b"535 "


def imap_door():
    client = Line(PORTS["imaps"], secure=True)
    greeting = client.until(b"* OK")[-1]
    assert b"AUTH=%s AUTH=%s AUTH=PLAIN" % (PLUS.encode(), PLAIN.encode()) in greeting, greeting
    return client, "a AUTHENTICATE %s %s", b"+ ", b"a OK ", b"a NO [AUTHENTICATIONFAILED]"


def pop3_door():
    client = Line(PORTS["pop3s"], secure=True)
    client.until(b"+OK")
    client.say("CAPA")
    assert b"SASL %s %s PLAIN\r\n" % (PLUS.encode(), PLAIN.encode()) in client.until(b".")
    return client, "AUTH %s %s", b"+ ", b"+OK ", b"-ERR [AUTH]"


def lead(door, mechanism, password=PASSWORD, binding=None):
    """Leads an exchange; says whether the client got in."""
    client, begin, go_on, done, refused = door()
    bound = binding and (binding, client.socket)
    scram = scramp.ScramClient([mechanism], address(1), password, channel_binding=bound)
    client.say(begin % (mechanism, b64(scram.get_client_first())))
    line = client.line()
    if not line.startswith(go_on):
        assert line.startswith(refused), line
        return False
    scram.set_server_first(text(line, go_on))
    client.say(b64(scram.get_client_final()))
    line = client.line()
    if not line.startswith(go_on):
        assert line.startswith(refused), line
        return False
    # Raises unless the server knows the password too.
    scram.set_server_final(text(line, go_on))
    client.say("")
    line = client.line()
    assert line.startswith(done), line
    return True


END_POINT = "tls-server-end-point"
WRONG = "wrong horse wrong horse"
for door in (smtp, imap_door, pop3_door):
    assert lead(door, PLUS, binding=END_POINT)
    assert lead(door, PLAIN)
    assert not lead(door, PLUS, WRONG, END_POINT)
    assert not lead(door, PLAIN, WRONG)
    # This client says that it could bind and was offered nothing; but it was.
    assert not lead(door, PLAIN, binding=END_POINT)
