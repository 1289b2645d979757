"""imap-tools: folders, fetching with criteria, attachments, flags, moves, IDLE."""

import email.message

import imap_tools
from imap_tools import AND, MailBox, MailMessageFlags

import doors


def with_attachment(subject):
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "bob@example.net", doors.address(1), subject
    mail["Date"] = "Mon, 23 Nov 2026 10:00:00 +0000"
    mail.set_content("Grüße aus dem Büro.\n")
    mail.add_attachment(b"\0\1\2" * 1000, maintype="application", subtype="octet-stream", filename="Übersicht.bin")
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))


box = MailBox(doors.HOST, port=doors.PORTS["imaps"], ssl_context=doors.tls())
with box.login(doors.address(1), doors.PASSWORD) as box:
    box.folder.create("Archive 2026")
    assert box.folder.exists("Archive 2026")
    for number in range(6):
        box.append(with_attachment("Rechnung %d" % number), "INBOX", flag_set=[])

    found = list(box.fetch(AND(seen=False), mark_seen=False, bulk=True))
    assert len(found) == 6, found
    for mail in found:
        assert mail.text.strip() == "Grüße aus dem Büro.", mail.text
        assert mail.attachments[0].filename == "Übersicht.bin", mail.attachments
        assert mail.attachments[0].payload == b"\0\1\2" * 1000
    assert [mail.subject for mail in box.fetch(AND(subject="Rechnung 3"), headers_only=True)] == ["Rechnung 3"]
    assert box.uids(AND(seen=True)), "reading marks"

    uids = box.uids()
    box.flag(uids[:3], [MailMessageFlags.FLAGGED, MailMessageFlags.ANSWERED], True)
    assert box.uids(AND(flagged=True)) == uids[:3]
    box.flag(uids[:1], MailMessageFlags.FLAGGED, False)
    box.move(uids[1:3], "Archive 2026")
    box.copy(uids[3:], "Archive 2026")
    assert box.folder.status("Archive 2026")["MESSAGES"] == 5
    assert len(box.uids()) == 4

    with box.idle as idle:
        doors.deliver(1, "while idling")
        told = idle.poll(timeout=doors.PATIENCE_S)
    assert b"* 5 EXISTS" in told, told

    box.delete(box.uids())
    assert box.uids() == []
    box.folder.rename("Archive 2026", "Old")
    box.folder.set("Old")
    assert sorted(mail.subject for mail in box.fetch(reverse=True, limit=2)) == ["Rechnung 4", "Rechnung 5"]
    box.folder.set("INBOX")
    box.folder.delete("Old")
    assert not box.folder.exists("Old")
