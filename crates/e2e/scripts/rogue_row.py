"""Adds a well-formed entry to the ledger tables of a stopped server, as an intruder would."""

import hashlib
import json
import sqlite3
import sys

KNOWN, ROGUE = "second.test", "rogue0.test"

database = sqlite3.connect(sys.argv[1] + "/mail.db")
log, size = database.execute(
    "SELECT log, MAX(seq) + 1 FROM ledger_entry GROUP BY log ORDER BY MAX(seq) DESC"
).fetchone()
(model,) = database.execute(
    "SELECT bytes FROM ledger_entry WHERE instr(bytes, ?) AND instr(bytes, ?)",
    (b'"type":"domain.create"', KNOWN.encode()),
).fetchone()
entry = json.loads(model.decode().replace(KNOWN, ROGUE))
entry["seq"] = str(size)
octets = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
leaf = hashlib.sha256(b"\0" + octets).digest()
database.execute("INSERT INTO ledger_entry (log, seq, leaf, bytes) VALUES (?, ?, ?, ?)",
                 (log, size, leaf, octets))
database.commit()
database.close()
