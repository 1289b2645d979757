"""IMAPClient and imaplib with what IMAP has learned since its first edition. Account 1 has a quota
of 1 MiB."""

import imaplib
import zlib

import imapclient

import doors
from doors import address, equal, imap, message, ok

imaplib.Commands["COMPRESS"] = ("AUTH", "SELECTED")
HELLO = message(address(1), address(1), "hello")


class Deflated(imaplib.IMAP4_SSL):
    """imaplib over COMPRESS=DEFLATE, which it does not know itself."""

    inflater = None

    def begin(self):
        ok(self.xatom("COMPRESS", "DEFLATE"))
        self.inflater, self.deflater = zlib.decompressobj(-15), zlib.compressobj(wbits=-15)
        self.heard, self.octets_read = b"", 0

    def send(self, octets):
        if self.inflater:
            octets = self.deflater.compress(octets) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        super().send(octets)

    def more(self):
        octets = self.sock.recv(4096)
        assert octets, "the server closed"
        self.octets_read += len(octets)
        self.heard += self.inflater.decompress(octets)

    def read(self, size):
        if not self.inflater:
            return super().read(size)
        while len(self.heard) < size:
            self.more()
        octets, self.heard = self.heard[:size], self.heard[size:]
        return octets

    def readline(self):
        if not self.inflater:
            return super().readline()
        while b"\n" not in self.heard:
            self.more()
        return self.read(self.heard.index(b"\n") + 1)


def special_uses(client):
    client.delete_folder("Sent")
    raw = imap(1)
    raw.xatom("CREATE", '"Gesendete Post"', "(USE (\\Sent))")
    equal(raw.xatom("CREATE", "More", "(USE (\\Sent))")[0], "NO")
    raw.logout()
    equal(client.find_special_folder(b"\\Sent"), "Gesendete Post")
    client.create_folder("Entwürfe & mehr")
    assert "Entwürfe & mehr" in [name for _, _, name in client.list_folders()]


def several_messages(client):
    client.select_folder("Drafts")
    dated = {"msg": HELLO, "flags": [imapclient.SEEN, "$Work"]}
    (answer,) = ok(client.multiappend("Drafts", [HELLO, HELLO, dated]))
    assert b"APPENDUID" in answer and answer.endswith(b" 1:3] appended"), answer
    client.noop()
    equal(client.get_flags([1, 2, 3])[3], (imapclient.SEEN, b"$Work"))
    equal(client.folder_status("Drafts", ["MESSAGES", "SIZE", "DELETED"]),
          {b"MESSAGES": 3, b"SIZE": 3 * len(HELLO), b"DELETED": 0})


def quota(client):
    _, (root,) = client.get_quota_root("INBOX")
    equal((root.quota_root, root.resource, root.usage, root.limit), ("", "STORAGE", 1, 1024))
    raw = imap(1)
    kind, (why,) = raw.append("INBOX", None, None, b"x" * 1_100_000)
    assert kind == "NO" and b"OVERQUOTA" in why, why
    equal(raw.setquota('""', "(STORAGE 9999)")[0], "NO")
    raw.logout()


def utf8():
    raw = imap(2)
    ok(raw.enable("UTF8=ACCEPT"))
    ok(raw.create('"Müll & mehr"'))
    assert '"Müll & mehr"'.encode() in b" ".join(ok(raw.list())), raw.list()
    # imaplib 3.11 spells the literal of UTF8 wrongly; what is right is said by hand.
    line, mail = doors.imap_line(2), "Subject: Grüße\r\n\r\nä\r\n".encode()
    for command in ("a ENABLE UTF8=ACCEPT", 'b APPEND "Müll & mehr" UTF8 (~{%d}' % len(mail)):
        line.say(command)
    line.until(b"+ ")
    line.send(mail + b")\r\n")
    line.until(b"b OK [APPENDUID ")
    equal(ok(raw.select('"Müll & mehr"')), [b"1"])
    equal(ok(raw.fetch("1", "(BODY.PEEK[TEXT])"))[0][1], "ä\r\n".encode())
    raw.logout()


def saved_searches():
    raw = imap(1)
    ok(raw.select("Drafts"))
    equal(ok(raw.uid("SEARCH", "RETURN", "(SAVE)", "UNSEEN")), [None])
    equal(len(ok(raw.fetch("$", "(UID)"))), 2)
    ok(raw.uid("STORE", "$", "+FLAGS", r"(\Flagged)"))
    equal(ok(raw.search(None, "FLAGGED", "YOUNGER", "3600")), [b"1 2"])
    raw.logout()


def compression():
    raw = Deflated(doors.HOST, doors.PORTS["imaps"], ssl_context=doors.tls(), timeout=30)
    raw.login(address(3), doors.PASSWORD)
    raw.begin()
    text = b"Subject: long\r\n\r\n" + b"the same line over and over\r\n" * 100_000
    ok(raw.append("INBOX", None, None, text))
    equal(ok(raw.select("INBOX")), [b"1"])
    raw.octets_read = 0
    equal(ok(raw.fetch("1", "(BODY.PEEK[])"))[0][1], text)
    assert raw.octets_read < len(text) // 20, raw.octets_read
    kind, (why,) = raw.xatom("COMPRESS", "DEFLATE")
    assert kind == "NO" and b"COMPRESSIONACTIVE" in why, why
    # The dictionary is begun anew after a wait; the stream goes on.
    for _ in range(20):
        ok(raw.noop())
    raw.logout()


client = imapclient.IMAPClient(doors.HOST, port=doors.PORTS["imaps"], ssl_context=doors.tls())
client.login(address(1), doors.PASSWORD)
special_uses(client)
several_messages(client)
quota(client)
client.logout()
utf8()
saved_searches()
compression()
