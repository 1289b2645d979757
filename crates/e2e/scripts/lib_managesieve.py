"""ManageSieve as sievelib speaks it: scripts are kept, checked, activated, renamed and removed."""

from doors import HOST, PASSWORD, PORTS, address, equal
from sievelib import managesieve

MISTAKE = 'keep;\r\nfileinto "x";\r\n'
OTHER = "ferien é"

# The client has no place for a CA: it takes the one of the environment (SSL_CERT_FILE).
client = managesieve.Client(HOST, PORTS["managesieve"])
assert client.connect(address(1), PASSWORD, starttls=True, authmech="PLAIN"), client.errmsg
assert "fileinto" in client.get_sieve_capabilities(), client.get_sieve_capabilities()
equal(client.listscripts(), (None, []))
assert client.havespace("first", 1000), client.errmsg
assert not client.havespace("first", 100000)
equal(client.errcode, b"QUOTA/MAXSIZE")

assert client.putscript("first", "keep;\r\n"), client.errmsg
assert client.putscript(OTHER, "discard;\r\n"), client.errmsg
assert client.setactive("first"), client.errmsg
equal(client.listscripts(), ("first", [OTHER]))
equal(client.getscript("first").strip(), "keep;")

assert not client.checkscript(MISTAKE)
assert b"line 2" in client.errmsg, client.errmsg
assert not client.putscript("first", MISTAKE)
assert b"line 2" in client.errmsg, client.errmsg
equal(client.getscript("first").strip(), "keep;")

assert not client.deletescript("first")
equal(client.errcode, b"ACTIVE")
assert not client.setactive("nothing")
equal(client.errcode, b"NONEXISTENT")
assert client.setactive(""), client.errmsg
assert client.deletescript("first"), client.errmsg
equal(client.listscripts(), (None, [OTHER]))
client.logout()

stranger = managesieve.Client(HOST, PORTS["managesieve"])
assert not stranger.connect(address(1), "wrong " + PASSWORD, starttls=True, authmech="PLAIN")
