"""App passwords, a second factor and ended sessions, as mail programs and an operator meet them.

Arguments: the program, and the data folder of the server."""

import base64
import hashlib
import hmac
import struct
import subprocess
import sys
import time

from doors import *

PROGRAM, DATA = sys.argv[1:]


def command(*words):
    return [PROGRAM, *words, "--data", DATA, "--json"]


def cli(*words, text=None):
    """What a command of the operator prints: JSON, one object a line."""
    ran = subprocess.run(command(*words), input=text, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def app_password(*words):
    made = cli("app-password", "add", "--account", address(1), "--name", "test", "--yes", *words)
    return made[0]["id"], made[0]["password"]


def opens(door, password):
    """Whether account 1 gets in there."""
    try:
        door(1, password)
        return True
    except (imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPAuthenticationError):
        return False


def code(secret, at):
    """RFC 6238, written down once more."""
    key = base64.b32decode(secret)
    tag = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    number = struct.unpack(">I", tag[tag[-1] & 15 :][:4])[0] & 0x7FFFFFFF
    return "%06d" % (number % 1000000)


def limits_hold():
    doors = (imap, pop3, submission)
    _, full = app_password()
    equal([opens(door, full) for door in doors], [True, True, True])
    assert opens(imap, full.upper().replace("-", " ")), "as it may be typed"
    _, imap_only = app_password("--scope", "imap")
    equal([opens(door, imap_only) for door in doors], [True, False, False])
    _, elsewhere = app_password("--network", "192.0.2.0/24", "--network", "2001:db8::/32")
    equal(opens(imap, elsewhere), False)
    _, here = app_password("--network", "127.0.0.0/8", "--network", "::1")
    equal(opens(imap, here), True)


def senders_hold():
    info = "info@" + SERVER["domain"]
    cli("alias", "add", info, address(1), "--yes")
    _, limited = app_password("--scope", "smtp", "--send-as", info)
    client = submission(1, limited)
    client.sendmail(info, [address(2)], message(info, address(2), "from info"))
    for sender, field in ((address(1), info), (info, address(1))):
        try:
            client.sendmail(sender, [address(2)], message(field, address(2), "from me"))
            raise AssertionError("%s sent %s" % (sender, field))
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as err:
            equal(err.smtp_code // 100, 5)


def is_ended(client):
    """Whether an idling client is told to go, or finds the connection closed."""
    client.sock.settimeout(10)
    try:
        line = client.readline()
    except (ConnectionError, imaplib.IMAP4.abort):
        return True
    return not line or line.startswith(b"* BYE")


def idling(password):
    client = imap(1, password)
    ok(client.select())
    client.send(b"x IDLE\r\n")
    assert client.readline().startswith(b"+")
    return client


def sessions_end():
    id, password = app_password()
    by_hand, by_removal = idling(password), idling(password)
    other = imap(1)
    listed = cli("session", "list", "--account", address(1))
    mine = [session for session in listed if session["credential"] == id]
    equal([session["protocol"] for session in mine], ["imap", "imap"])
    cli("session", "end", mine[0]["id"])
    assert is_ended(by_hand)
    cli("app-password", "rm", id, "--yes")
    assert is_ended(by_removal)
    ok(other.noop())
    equal(opens(imap, password), False)


def second_factor_closes_the_password():
    before = imap(1)
    enrol = subprocess.Popen(
        command("account", "totp", "enrol", address(1), "--yes"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    shown = json.loads(enrol.stdout.readline())
    assert shown["uri"].startswith("otpauth://totp/") and shown["secret"] in shown["uri"]
    proof = code(shown["secret"], time.time())
    enrol.communicate(proof + "\n", timeout=60)
    equal(enrol.returncode, 0)
    try:
        before.noop()
        raise AssertionError("a session of the closed password goes on")
    except (imaplib.IMAP4.abort, ConnectionError):
        pass
    equal([opens(door, PASSWORD) for door in (imap, pop3, submission)], [False, False, False])
    assert opens(imap, app_password()[1])
    check = command("account", "totp", "check", address(1))
    again = subprocess.run(check, input=proof + "\n", capture_output=True, text=True, timeout=60)
    assert again.returncode != 0 and "used before" in again.stderr, again.stderr
    codes = cli("account", "recovery-codes", address(1), "--yes")[0]["codes"]
    taken = cli("account", "totp", "check", address(1), text=codes[0] + "\n")[0]
    equal((taken["kind"], taken["recovery_codes_left"]), ("recovery code", 9))
    cli("account", "totp", "rm", address(1), "--yes")
    equal(opens(imap, PASSWORD), True)


limits_hold()
senders_hold()
sessions_end()
second_factor_closes_the_password()
