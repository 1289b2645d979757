"""IMAPClient: folders, flags, structures, searches, moves, IDLE, quota."""

import imapclient

import doors

client = imapclient.IMAPClient(doors.HOST, port=doors.PORTS["imaps"], ssl_context=doors.tls())
client.login(doors.address(1), doors.PASSWORD)
assert client.namespace().personal, client.namespace()

client.create_folder("Projects/2026")
client.subscribe_folder("Projects/2026")
names = [name for _, _, name in client.list_folders()]
assert "Projects/2026" in names and "INBOX" in names, names
assert [name for _, _, name in client.list_sub_folders("Projects/")] == ["Projects/2026"]
sent = client.find_special_folder(b"\\Sent")
assert sent, names

for number in range(5):
    mail = doors.message("bob@example.net", doors.address(1), "report %d" % number)
    client.append("INBOX", mail, flags=[imapclient.SEEN] if number % 2 else [])
chosen = client.select_folder("INBOX")
assert chosen[b"EXISTS"] == 5, chosen

unseen = client.search("UNSEEN")
assert len(unseen) == 3, unseen
assert client.search(["SUBJECT", "report 3"]) == client.search("SUBJECT \"report 3\"")
client.add_flags(unseen, [imapclient.FLAGGED, "$Work"])
for uid, flags in client.get_flags(unseen).items():
    assert {imapclient.FLAGGED, b"$Work"} <= set(flags), (uid, flags)
client.remove_flags(unseen[:1], ["$Work"])
assert client.search(["KEYWORD", "$Work"]) == unseen[1:]

items = ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "BODY.PEEK[]"]
for uid, data in client.fetch(unseen, items).items():
    assert data[b"ENVELOPE"].from_[0].mailbox == b"bob", data
    kind = b"/".join(data[b"BODYSTRUCTURE"][0:2])
    assert kind.lower() == b"text/plain", data
    assert len(data[b"BODY[]"]) == data[b"RFC822.SIZE"], data

client.move(unseen[:2], "Projects/2026")
client.copy(unseen[2:], "Projects/2026")
client.select_folder("Projects/2026", readonly=True)
assert len(client.search("ALL")) == 3
assert client.folder_status("INBOX", ["MESSAGES", "UNSEEN"]) == {b"MESSAGES": 3, b"UNSEEN": 1}

client.select_folder("INBOX")
client.idle()
doors.deliver(1, "while idling")
told = client.idle_check(timeout=doors.PATIENCE_S)
client.idle_done()
assert (4, b"EXISTS") in told, told

client.delete_messages(client.search("ALL"))
client.expunge()
assert client.search("ALL") == []
client.rename_folder("Projects/2026", "Old")
client.delete_folder("Old")
assert "Old" not in [name for _, _, name in client.list_folders()]
client.logout()
