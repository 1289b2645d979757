"""Opens, reads and closes the server's databases over and over, as a person with sqlite3 would.
Ends after so many rounds."""

import sqlite3
import sys

rounds, paths = int(sys.argv[1]), sys.argv[2:]
for _ in range(rounds):
    for path in paths:
        database = sqlite3.connect(path, timeout=10)
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        assert tables, path
        for (table,) in tables:
            database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
        database.close()
