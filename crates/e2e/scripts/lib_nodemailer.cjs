// Nodemailer: a pool of connections, attachments, alternatives, refusals.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const nodemailer = require("nodemailer");

const server = JSON.parse(process.env.SEALPOST);
const [from, to] = ["u0001", "u0002"].map((name) => `${name}@${server.domain}`);
const tls = { ca: fs.readFileSync(server.ca) };
const auth = { user: from, pass: process.env.PASSWORD };

async function main() {
  const pool = nodemailer.createTransport({
    pool: true, maxConnections: 3, maxMessages: 20, host: "localhost", port: server.ports.submissions,
    secure: true, tls, auth,
  });
  assert(await pool.verify());
  const sent = await Promise.all(Array.from({ length: 50 }, (_, number) => pool.sendMail({
    from: `Ann Example <${from}>`, to, subject: `Bericht ${number} – für dich`,
    text: "Guten Tag.", html: "<p>Guten <b>Tag</b>.</p>",
    attachments: [{ filename: "Übersicht.bin", content: Buffer.alloc(5000, number) }],
  })));
  assert(sent.every((info) => info.accepted[0] === to && /^250 /.test(info.response)));
  pool.close();

  const starttls = nodemailer.createTransport({
    host: "localhost", port: server.ports.submission, requireTLS: true, tls, auth,
  });
  await assert.rejects(
    starttls.sendMail({ from: "somebody@else.example", to, subject: "not mine", text: "" }),
    (error) => error.responseCode === 553 || error.responseCode === 550);
  await assert.rejects(
    starttls.sendMail({ from, to: `nobody@${server.domain}`, subject: "no such", text: "" }),
    (error) => error.responseCode === 550);
  const wrong = nodemailer.createTransport({
    host: "localhost", port: server.ports.submission, requireTLS: true, tls, auth: { ...auth, pass: "wrong" },
  });
  await assert.rejects(wrong.sendMail({ from, to, subject: "x", text: "x" }), (error) => error.code === "EAUTH");
}

main().catch((error) => { console.error(error); process.exit(1); });
