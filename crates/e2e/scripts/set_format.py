"""Prints the format of a stopped server's database and sets another one."""

import sqlite3
import sys

database = sqlite3.connect(sys.argv[1])
print(*database.execute("PRAGMA user_version").fetchone())
database.execute("PRAGMA user_version = %d" % int(sys.argv[2]))
database.commit()
database.close()
