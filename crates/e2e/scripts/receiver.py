"""Another server, for mail that leaves: ADDRESS PORT FOLDER CERTIFICATE KEY.

Each message that it takes is a file of FOLDER, a JSON object. What it does with a recipient is in the
local part: `no...` is refused, `grey...` is put off once, `drop...` loses the connection behind the
content. It runs until it is killed."""

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP

address, port, folder, certificate, key = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
greeted = set()


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, to, options):
        if to.startswith("no"):
            return "550 5.1.1 nobody of this name"
        if to.startswith("grey") and to not in greeted:
            greeted.add(to)
            return "450 4.2.0 come back in a while"
        envelope.rcpt_tos.append(to)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "mail_options": envelope.mail_options,
            "helo": session.host_name,
            "tls": session.ssl is not None,
            "content": envelope.content.decode("latin-1"),
        }
        name = os.path.join(folder, "%d-%d.json" % (os.getpid(), Handler.count))
        with open(name + ".new", "w") as file:
            json.dump(told, file)
        os.rename(name + ".new", name)
        first = envelope.rcpt_tos[0]
        if first.startswith("drop") and first not in greeted:
            greeted.add(first)
            server.transport.abort()
        return "250 2.0.0 taken as %d" % Handler.count


def serve():
    return SMTP(Handler(), hostname="mx.far.test", tls_context=context, enable_SMTPUTF8=True)


async def main():
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(serve, address, int(port))
    await listening.serve_forever()


asyncio.run(main())
