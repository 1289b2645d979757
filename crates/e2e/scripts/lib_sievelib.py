"""Prints, as JSON, every script that the tests of sievelib parse, and whether it must be accepted."""

import io
import json
import sys
import unittest

from sievelib import parser
from sievelib.tests import test_factory, test_parser

parse = parser.Parser.parse
seen = []


def recorded(self, text):
    accepted = parse(self, text)
    seen.append({"script": text if isinstance(text, str) else text.decode(), "accepted": accepted})
    return accepted


parser.Parser.parse = recorded
for module in (test_parser, test_factory):
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    unittest.TextTestRunner(stream=io.StringIO()).run(suite)
json.dump(seen, sys.stdout)
