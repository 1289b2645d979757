"""Tells what dkimpy says of each signature of a message: FILE, a JSON object of `content` and
`records`, the texts of DNS by their names. Prints a JSON list, true for each that holds."""

import json
import sys

import dkim

with open(sys.argv[1]) as file:
    asked = json.load(file)
content = asked["content"].encode("latin-1")
records = {name: text.encode() for name, text in asked["records"].items()}


def answer(name, timeout=5):
    return records.get(name.decode().rstrip("."))


def holds(number):
    try:
        return dkim.DKIM(content).verify(idx=number, dnsfunc=answer)
    except dkim.DKIMException:
        return False


head = content.split(b"\r\n\r\n")[0].lower()
print(json.dumps([holds(number) for number in range((b"\r\n" + head).count(b"\r\ndkim-signature:"))]))
