"""Signs a message with dkimpy, as another server would: FOLDER. Writes `signed`, `sealed` (sent on by a
second server), `broken` (changed behind its signature), `part` (signed with `l=` and made longer),
`part_only` (not longer), `many` (signed twelve times), `two_authors` and `listed` (changed and sealed by a
mailing list) there, and prints the records of DNS."""

import base64
import json
import os
import sys

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

folder = sys.argv[1]
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
private = key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)
public = key.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
text = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
message = (
    b"From: Ann <ann@signed.test>\r\nTo: bob@example.org\r\nSubject: hello\r\n"
    b"Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@signed.test>\r\n\r\nHi  Bob.\r\n"
)
head = [b"from", b"to", b"subject", b"date", b"message-id"]
signature = dkim.sign(message, b"s1", b"signed.test", private, include_headers=head)
signed = signature + message
results = b"Authentication-Results: list.test; dkim=pass header.d=signed.test; spf=none\r\n"
seal = dkim.arc_sign(
    results + signed, b"s1", b"list.test", private, b"list.test", include_headers=head
)
footer = signed + b"-- \r\nlist.test\r\n"
listed = dkim.arc_sign(
    results + footer, b"s1", b"list.test", private, b"list.test", include_headers=head
)
part = dkim.sign(message, b"s1", b"signed.test", private, include_headers=head, length=True)
for name, octets in [
    ("part", part + message + b"More, by somebody else.\r\n"),
    ("part_only", part + message),
    ("two_authors", b"From: <eve@evil.test>\r\n" + signed),
    ("signed", signed),
    ("listed", b"".join(listed) + results + footer),
    ("sealed", b"".join(seal) + results + signed),
    ("many", signature * 11 + signed),
    ("broken", signed.replace(b"Hi", b"Ho")),
]:
    with open(os.path.join(folder, name), "wb") as file:
        file.write(octets)
print(
    json.dumps(
        {
            "signed.test": {"TXT": ["v=spf1 ip4:192.0.2.0/28 -all"]},
            "s1._domainkey.signed.test": {"TXT": [text]},
            "_dmarc.signed.test": {"TXT": ["v=DMARC1; p=reject"]},
            "s1._domainkey.list.test": {"TXT": [text]},
            "sick.test": "SERVFAIL",
            "loop.test": {"TXT": ["v=spf1 include:loop.test -all"]},
            "mail.test": {"TXT": ["v=spf1 mx a:mail.test include:signed.test ?all"], "MX": ["5 a.mail.test"]},
            "a.mail.test": {"A": ["198.51.100.7"], "AAAA": ["2001:db8::7"]},
        }
    )
)
