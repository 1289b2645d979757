"""What every script shares: the server under test, and connections to its doors."""

import contextlib
import imaplib
import json
import os
import poplib
import smtplib
import socket
import ssl

SERVER = json.loads(os.environ["SEALPOST"])
PASSWORD = os.environ["PASSWORD"]
PORTS = SERVER["ports"]
HOST = "localhost"
PATIENCE_S = 30


def address(number):
    return "u%04d@%s" % (number, SERVER["domain"])


def tls():
    return ssl.create_default_context(cafile=SERVER["ca"])


def imap(number, password=PASSWORD):
    client = imaplib.IMAP4_SSL(HOST, PORTS["imaps"], ssl_context=tls(), timeout=PATIENCE_S)
    client.login(address(number), password)
    return client


def pop3(number, password=PASSWORD):
    client = poplib.POP3_SSL(HOST, PORTS["pop3s"], context=tls(), timeout=PATIENCE_S)
    client.user(address(number))
    client.pass_(password)
    return client


def submission(number, password=PASSWORD):
    client = smtplib.SMTP_SSL(HOST, PORTS["submissions"], context=tls(), timeout=PATIENCE_S)
    client.login(address(number), password)
    return client


def message(sender, recipient, subject, text="Hello.\r\n"):
    return (
        "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%s@client.test>\r\n"
        "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n%s"
        % (sender, recipient, subject, subject.replace(" ", "."), text)
    ).encode()


def deliver(number, subject, text="Hello.\r\n"):
    """Brings one message from outside to an account."""
    with smtplib.SMTP(HOST, PORTS["smtp"], timeout=PATIENCE_S) as client:
        content = message("bob@example.net", address(number), subject, text)
        client.sendmail("bob@example.net", [address(number)], content)


def ok(answer):
    """The data of an imaplib answer, which must be OK."""
    kind, data = answer
    assert kind == "OK", answer
    return data


def equal(found, expected):
    assert found == expected, "found %r, expected %r" % (found, expected)


class Line:
    """A line dialogue for what the libraries do not say."""

    def __init__(self, port, secure=False):
        plain = socket.create_connection((HOST, port), timeout=PATIENCE_S)
        self.socket = tls().wrap_socket(plain, server_hostname=HOST) if secure else plain
        self.file = self.socket.makefile("rb")

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except ssl.SSLError as err:
            raise ConnectionError("closed") from err

    def line(self):
        """The next line; empty once the server has closed."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            return self.file.readline()
        return b""

    def say(self, text):
        self.send(text.encode() + b"\r\n")

    def until(self, begin):
        """Reads lines up to the first one that begins so; all of them are returned."""
        lines = []
        while True:
            line = self.line()
            assert line, "closed before %r, after %r" % (begin, lines[-5:])
            lines.append(line)
            if line.startswith(begin):
                return lines

    def smtp_reply(self):
        while True:
            line = self.line()
            assert line, "closed instead of a reply"
            if line[3:4] != b"-":
                return line.decode()

    def ask(self, text, expected):
        """Says a line, hears an SMTP reply that begins so."""
        self.say(text)
        reply = self.smtp_reply()
        assert reply.startswith(expected), "%r: heard %r, expected %r" % (text, reply, expected)
        return reply

    def rest(self):
        """All octets until the server closes or resets the connection."""
        octets = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while piece := self.file.read1(65536):
                octets += piece
        return octets


def imap_line(number):
    """A signed-in IMAP dialogue."""
    client = Line(PORTS["imaps"], secure=True)
    client.until(b"* OK")
    client.say('a0 LOGIN %s "%s"' % (address(number), PASSWORD))
    assert client.until(b"a0 ")[-1].startswith(b"a0 OK")
    return client
