"""Prints what authres reads in the Authentication-Results of this server: FILE HOST."""

import email
import json
import sys

import authres

with open(sys.argv[1], "rb") as file:
    message = email.message_from_binary_file(file)
found = {}
for value in message.get_all("Authentication-Results", []):
    header = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + value)
    if header.authserv_id == sys.argv[2]:
        for result in header.results:
            said = {p.type + "." + p.name: p.value for p in result.properties}
            found.setdefault(result.method, []).append([result.result, said])
print(json.dumps(found))
