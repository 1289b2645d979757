// ImapFlow: mailboxes, locks, fetching, downloads, flags, moves, IDLE.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const { ImapFlow } = require("imapflow");
const nodemailer = require("nodemailer");

const server = JSON.parse(process.env.SEALPOST);
const user = `u0001@${server.domain}`;
const tls = { ca: fs.readFileSync(server.ca) };
const auth = { user, pass: process.env.PASSWORD };

async function main() {
  const client = new ImapFlow({
    host: "localhost", port: server.ports.imaps, secure: true, tls, auth, logger: false,
  });
  await client.connect();
  await client.mailboxCreate("Projects");
  const listed = (await client.list({ statusQuery: { messages: true, unseen: true } })).map((box) => box.path);
  assert(listed.includes("Projects") && listed.includes("INBOX"), listed.join());

  const lock = await client.getMailboxLock("INBOX");
  const raw = "From: <bob@example.net>\r\nTo: <" + user + ">\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
    "Content-Type: text/plain; charset=utf-8\r\n\r\nSchönen Gruß.\r\n";
  for (let number = 0; number < 4; number += 1) {
    const appended = await client.append("INBOX", raw, number % 2 ? ["\\Seen"] : []);
    assert(appended.uid > 0, "no APPENDUID");
  }
  assert.deepEqual(await client.search({ seen: false }, { uid: true }), [1, 3]);

  let count = 0;
  for await (const message of client.fetch("1:*", { envelope: true, bodyStructure: true, flags: true, size: true })) {
    assert.equal(message.envelope.subject, "Grüße");
    assert.equal(message.bodyStructure.type, "text/plain");
    assert.equal(message.size, Buffer.byteLength(raw));
    count += 1;
  }
  assert.equal(count, 4);
  const { content } = await client.download("1", "1", { uid: true });
  let text = "";
  for await (const chunk of content) text += chunk;
  assert.equal(text.trim(), "Schönen Gruß.");

  await client.messageFlagsAdd("1:2", ["\\Flagged", "$Later"], { uid: true });
  const flagged = await client.fetchOne("1", { flags: true }, { uid: true });
  assert(flagged.flags.has("\\Flagged") && flagged.flags.has("$Later"));
  const moved = await client.messageMove("1:2", "Projects", { uid: true });
  assert.equal(moved.uidMap.size, 2);
  assert.equal((await client.status("Projects", { messages: true })).messages, 2);

  const told = new Promise((resolve) => client.once("exists", resolve));
  const idling = client.idle();
  const smtp = nodemailer.createTransport({ host: "localhost", port: server.ports.smtp, tls });
  await smtp.sendMail({ from: "bob@example.net", to: user, subject: "while idling", text: "now" });
  assert.equal((await told).count, 3);
  await client.noop();
  await idling;

  await client.messageDelete("1:*");
  assert.equal(client.mailbox.exists, 0);
  lock.release();
  await client.mailboxDelete("Projects");
  await client.logout();
}

main().catch((error) => { console.error(error); process.exit(1); });
