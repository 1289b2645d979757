"""aioimaplib: commands of two connections at once, and pushed news."""

import asyncio

import aioimaplib

import doors


async def connect(number):
    client = aioimaplib.IMAP4_SSL(doors.HOST, doors.PORTS["imaps"], ssl_context=doors.tls(), timeout=doors.PATIENCE_S)
    await client.wait_hello_from_server()
    answer = await client.login(doors.address(number), doors.PASSWORD)
    assert answer.result == "OK", answer
    return client


async def ok(coroutine):
    answer = await coroutine
    assert answer.result == "OK", answer
    return answer.lines


async def main():
    reader, writer = await asyncio.gather(connect(1), connect(1))
    assert await ok(reader.select("INBOX")) and await ok(writer.select("INBOX"))
    idle = await reader.idle_start(timeout=doors.PATIENCE_S)
    for number in range(3):
        mail = doors.message("bob@example.net", doors.address(1), "news %d" % number)
        await ok(writer.append(mail, "INBOX", "(\\Flagged)"))
    seen = []
    while b"3 EXISTS" not in seen:
        seen += await reader.wait_server_push(timeout=doors.PATIENCE_S)
    reader.idle_done()
    await asyncio.wait_for(idle, doors.PATIENCE_S)

    lines = await ok(reader.uid("fetch", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
    text = b"".join(bytes(line) for line in lines)
    for number in range(3):
        assert b"Subject: news %d" % number in text, lines
    await ok(reader.uid("store", "1:3", "+FLAGS", "(\\Deleted)"))
    await ok(reader.expunge())
    found = await ok(reader.search("ALL"))
    assert found[0] == b"", found
    await ok(writer.noop())
    await asyncio.gather(reader.logout(), writer.logout())


asyncio.run(main())
