"""Looks for secrets in all that a server keeps and says: as octets, as hex, as base64.

Arguments: the folder of everything, a TLS key (PEM), further passwords. Left out is what holds
secrets by its nature: the keys folder and that TLS key. Of the secrets of the keys folder none may
stand elsewhere."""

import base64
import os
import re
import sys

from doors import PASSWORD

place, tls_key, passwords = sys.argv[1], sys.argv[2], [PASSWORD, *sys.argv[3:]]
keys = os.path.join(place, "keys")


def files(folder):
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if os.path.isfile(path) and path != tls_key:
                yield path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def forms(secret):
    """The secret, and each way in which it stands in hex or base64 of something longer."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + secret)
        # The first and the last characters depend on what stands beside it.
        whole = text[4 if before else 0 : len(text) - 4]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))


der = base64.b64decode(b"".join(read(tls_key).splitlines()[1:-1]))
scalar = re.search(rb"\x02\x01\x01\x04\x20(.{32})", der, re.DOTALL).group(1)
secrets = {"the TLS key": scalar}
secrets |= {"password %d" % n: text.encode() for n, text in enumerate(passwords)}
for name in ("master-key", "ledger-key"):
    # Each is one line that ends with the key in base64.
    (text,) = re.findall(rb"[A-Za-z0-9+/]{42,}=*$", read(os.path.join(keys, name)).strip())
    secrets[name] = base64.b64decode(text)[-32:]
looked_at = 0
for path in files(place):
    if path.startswith(keys + os.sep):
        continue
    octets = read(path)
    looked_at += 1
    for name, secret in secrets.items():
        for form in forms(secret):
            assert form not in octets, "%s stands in %s" % (name, path)
    assert b"$argon2" not in octets, "a hash of a password stands in %s" % path
assert looked_at > 10, looked_at
print(looked_at)
