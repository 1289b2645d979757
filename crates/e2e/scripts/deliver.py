"""Brings messages from outside: the number of the account, then a subject for each."""

import sys

import doors

for subject in sys.argv[2:]:
    doors.deliver(int(sys.argv[1]), subject)
