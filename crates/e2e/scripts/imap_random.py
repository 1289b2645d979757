"""Several sessions change one mailbox at random. Each keeps the list of messages that it was told,
as a mail program does; whatever it hears must fit that list, and in the end all lists are equal."""

import random
import re
import sys

from doors import *

SESSIONS, STEPS, MESSAGES_MAX = 4, 600, 60
dice = random.Random(int(sys.argv[1]))
TEXT = message("bob@example.net", address(1), "random")
# Commands during which no EXPUNGE may be told (RFC 9051 §7.5.1).
NUMBERED = ("FETCH", "STORE", "SEARCH")


class Session:
    def __init__(self):
        self.client = imap_line(1)
        self.uids, self.flags, self.count = [], {}, 0
        self.command("SELECT INBOX")
        self.learn()

    def command(self, text, literal=None):
        """Carries a command out and follows all that is told."""
        self.count += 1
        tag = b"t%d " % self.count
        if literal is None:
            self.client.say(tag.decode() + text)
        else:
            self.client.send(tag + text.encode() + b" {%d+}\r\n" % len(literal) + literal + b"\r\n")
        lines = self.client.until(tag)
        # Another session may have expunged what this one names (RFC 5530 §3).
        allowed = (tag + b"OK", tag + b"NO [EXPUNGEISSUED]")
        assert lines[-1].startswith(allowed), (text, lines[-3:])
        for line in lines[:-1]:
            self.follow(text, line)
        return lines

    def follow(self, text, line):
        found = re.match(rb"\* (\d+) (EXPUNGE|EXISTS|FETCH)(.*)", line)
        if not found:
            return
        number, kind, rest = int(found[1]), found[2], found[3]
        if kind == b"EXPUNGE":
            assert not text.startswith(NUMBERED), (text, line)
            assert 1 <= number <= len(self.uids), (text, line, len(self.uids))
            del self.uids[number - 1]
        elif kind == b"EXISTS":
            assert number >= len(self.uids), (text, line, len(self.uids))
            self.uids += [None] * (number - len(self.uids))
        else:
            assert 1 <= number <= len(self.uids), (text, line, len(self.uids))
            uid = re.search(rb"UID (\d+)", rest)
            if uid:
                known = self.uids[number - 1]
                assert known in (None, int(uid[1])), (text, line, known)
                self.uids[number - 1] = int(uid[1])
            flags = re.search(rb"FLAGS \(([^)]*)\)", rest)
            if flags and self.uids[number - 1]:
                told = set(flags[1].split()) - {rb"\Recent"}
                self.flags[self.uids[number - 1]] = told

    def learn(self):
        if self.uids:
            self.command("FETCH 1:* (UID FLAGS)")
        assert None not in self.uids and sorted(self.uids) == self.uids, self.uids

    def step(self):
        kind = dice.choice(("append", "append", "flag", "flag", "uid flag", "delete", "expunge",
                            "uid expunge", "move", "copy", "noop", "fetch", "search"))
        if kind == "append":
            if len(self.uids) < MESSAGES_MAX:
                self.command("APPEND INBOX", TEXT)
            return
        if kind == "expunge":
            return self.command("EXPUNGE")
        if kind == "noop" or not self.uids:
            return self.command("NOOP")
        number = dice.randint(1, len(self.uids))
        upto = min(len(self.uids), number + dice.randint(0, 3))
        flag = dice.choice((r"\Seen", r"\Flagged", r"\Answered", "$Forwarded"))
        sign = dice.choice(("+", "-", "", "+"))
        uid = dice.choice(self.uids) or 1
        if kind == "flag":
            silent = dice.choice(("", ".SILENT"))
            self.command("STORE %d:%d %sFLAGS%s (%s)" % (number, upto, sign, silent, flag))
        elif kind == "uid flag":
            self.command("UID STORE %d %sFLAGS (%s)" % (uid, sign, flag))
        elif kind == "delete":
            self.command(r"STORE %d +FLAGS (\Deleted)" % number)
        elif kind == "uid expunge":
            self.command("UID EXPUNGE %d" % uid)
        elif kind == "move":
            self.command("UID MOVE %d Archive" % uid)
        elif kind == "copy":
            self.command("UID COPY %d INBOX" % uid)
        elif kind == "fetch":
            self.command("FETCH %d (UID FLAGS)" % number)
        else:
            self.command("SEARCH UID %d" % uid)


sessions = [Session() for _ in range(SESSIONS)]
for _ in range(STEPS):
    dice.choice(sessions).step()
for session in sessions:
    session.command("NOOP")
fresh = Session()
for session in sessions:
    session.learn()
    equal(session.uids, fresh.uids)
    for uid in session.uids:
        equal(session.flags[uid], fresh.flags[uid])
assert fresh.uids, "nothing is left: the test did little"
