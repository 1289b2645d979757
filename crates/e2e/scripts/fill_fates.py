"""Fills a stopped server's database with so many fates of old, which takes long to look at."""

import sqlite3
import sys

path, count = sys.argv[1], int(sys.argv[2])
database = sqlite3.connect(path)
database.execute(
    """INSERT INTO fate (message, at, config_size, account, recipient, action, target, rules, size,
                         reverse_path, message_id)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       SELECT 'm' || i, i, 1, 1, 'u0001@demo.test', 'store', 'INBOX', x'5b5d', 9, '', '<' || i || '>'
         FROM n""",
    (count,),
)
database.commit()
database.close()
