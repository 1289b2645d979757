"""A monitor on another machine: with its token it reads the figures, without it hears nothing, and
whoever guesses is made to wait."""

import json
import os
import ssl
import sys
import urllib.error
import urllib.request

SERVER = json.loads(os.environ["SEALPOST"])
PORT, METRICS, READ = sys.argv[1:]
TLS = ssl.create_default_context(cafile=SERVER["ca"])


def token(path):
    with open(path) as file:
        return file.read().strip()


def ask(path, authorization=None, method="GET"):
    """Status, header and body of the answer."""
    headers = {"Authorization": authorization} if authorization else {}
    url = "https://localhost:%s%s" % (PORT, path)
    request = urllib.request.Request(url, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60, context=TLS) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers, refusal.read().decode()


good, other = "Bearer " + token(METRICS), "Bearer " + token(READ)
status, headers, body = ask("/metrics", good)
assert status == 200 and headers["Content-Type"].startswith("application/openmetrics-text"), headers
assert 'sealpost_sign_ins_total{protocol="http",outcome="accepted"} 1' in body, body
assert body.endswith("# EOF\n") and token(METRICS) not in body
assert ask("/healthz", good)[::2] == (200, "ok\n")
status, headers, body = ask("/readyz", good, "HEAD")
assert (status, body) == (200, "") and headers["Content-Length"] == "3", headers

for path in ("/metrics", "/healthz", "/readyz", "/nothing"):
    status, headers, body = ask(path)
    assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer"), (path, status)
    assert "sealpost_" not in body and body != "ok\n", body
status, headers, _ = ask("/metrics", other)
assert status == 403 and "insufficient_scope" in headers["WWW-Authenticate"], status
assert ask("/metrics", "Basic dTpw")[0] == 401
assert ask("/metrics", good, "POST")[0] == 405

guesses = [ask("/metrics", other[:-6] + 6 * letter)[0] for letter in "ABCD"]
assert set(guesses[:3]) == {401} and guesses[3] == 429, guesses
status, headers, _ = ask("/metrics", other)
assert status == 429 and int(headers["Retry-After"]) > 0, (status, headers)
assert ask("/metrics", good)[0] == 200, "another token is not refused"
print("scraped")
