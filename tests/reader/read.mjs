#!/usr/bin/env node
// A second reader of packages, made from docs/format.md and docs/format-body.md alone.
//
//     node read.mjs --tables FILE --home FILE [--key FILE]... PACKAGE...
//
// --tables  the list of the exchanged tables (tests/vectors/schema-1.txt)
// --key     a key file of docs/format.md 3.10
// --home    JSON: {"kinds": [2], "codes": [{"code": hex, "scope": hex, "kind": 6}],
//           "certificates": [[body, signature]...], "anchors": [{"kind", "suite", "scope", "verify", "seal", "subject"?}...],
//           "consents": {"1": SHA-256 of the text of version 1}, "chain": value of the sender's chain before the package}
//           kinds are those of packages that come in here; a code's keys are the reader's own and an anchor; certificates
//           are those that were checked before.
//
// --strict  refuse also what a reader may take and no writer writes
//
// Prints one line of JSON for each package: {"header", "manifest", "changesets", ...} or {"error": "KF-nnn", "detail"}.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { domain, hex, join, sha256, unhex } from "./lib/bytes.mjs";
import { approved, chainValue } from "./lib/chain.mjs";
import { readContent } from "./lib/content.mjs";
import { KIND, codeKeys, keyId, readKeyFile, signatureHolds } from "./lib/keys.mjs";
import { encode } from "./lib/msgpack.mjs";
import { open } from "./lib/opening.mjs";
import { Refused, oneForm, refusing } from "./lib/refused.mjs";
import { readTables } from "./lib/tables.mjs";
import { Trusted, parseBody } from "./lib/trust.mjs";

const KIRIM = 2;

async function readHome(path, keyFiles) {
  const given = JSON.parse(readFileSync(path, "utf8"));
  const keys = [];
  for (const file of keyFiles) keys.push(await readKeyFile(new Uint8Array(readFileSync(file))));
  const anchors = (given.anchors ?? []).map(anchor);
  for (const { code, scope, kind } of given.codes ?? []) {
    const own = await codeKeys(kind, unhex(code), unhex(scope));
    keys.push(own);
    anchors.push({ ...own, scope: unhex(scope), serial: 0, lowest: 0 });
  }
  const chain = given.chain && unhex(given.chain);
  return { keys, kinds: given.kinds, anchors, certificates: given.certificates ?? [], consents: given.consents, chain };
}

function anchor({ kind, suite, scope, verify, seal, subject }) {
  const [verifyKey, sealKey] = [unhex(verify), unhex(seal)];
  return {
    kind, suite, verifyKey, sealKey, scope: unhex(scope), id: keyId(kind, suite, verifyKey, sealKey),
    subject: subject ? unhex(subject) : undefined, serial: 0, lowest: 0,
  };
}

/** What a home trusts before a file is read; each file begins with the same. */
function trustedBy({ anchors, certificates }) {
  const trusted = new Trusted();
  for (const one of anchors) trusted.add(one);
  for (const [body, signature] of certificates) {
    const certificate = { body: unhex(body), signature: unhex(signature) };
    trusted.know(certificate, parseBody(certificate.body, refusing("KF-303")));
  }
  return trusted;
}

async function read(path, home, tables) {
  const said = {};
  try {
    const trusted = trustedBy(home);
    const opened = await open(new Uint8Array(readFileSync(path)), home.keys, { kinds: home.kinds, trusted });
    Object.assign(said, {
      packageId: hex(opened.packageId), header: header(opened.header), fileKey: hex(opened.fileKey),
      plaintext: hex(sha256(opened.plaintext)),
    });
    const content = readContent(opened.plaintext, opened.header.kind, opened.header.scope, tables);
    const pusat = [...trusted.keys.values()].filter(({ kind }) => kind === KIND.pusat);
    for (const receipt of content.manifest.receipts) receipt.signed = signedBy(receipt, opened.header.scope, pusat);
    if (opened.header.kind === KIRIM && home.consents) Object.assign(said, ofSchool(opened.header, content, home, tables, trusted));
    return { ...said, ...content };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ...said, error: error.code, detail: error.detail };
  }
}

/** What only a school's package says: where its chain stands, and whether its head approved that. */
function ofSchool(header, content, home, tables, trusted) {
  const value = chainValue(header, content, home.chain);
  if (!value) return {};
  const chain = hex(value);
  if (!content.manifest.approval) return { chain };
  return { chain, approved: approved(header, content, value, home.consents, tables, trusted) };
}

function header(given) {
  const { bound, wraps, certificates, ...rest } = given;
  return {
    ...rest,
    wraps: wraps.map(({ receiver, sealed }) => [receiver, sealed]),
    certificates: certificates.map(({ body, signature }) => [body, signature]),
  };
}

/** Whether a pusat that the reader trusts has signed a receipt (docs/format.md 3.8). */
function signedBy(receipt, scope, pusat) {
  const array = [
    scope, unhex(receipt.packageId), receipt.number, unhex(receipt.sender), receipt.first, receipt.last, unhex(receipt.chain),
    unhex(receipt.plaintext), receipt.counts, unhex(receipt.outcomes), unhex(receipt.before), receipt.time, receipt.code,
  ];
  const message = join(domain("kirim/1 tanda terima"), encode(array));
  return pusat.some(({ verifyKey }) => signatureHolds(verifyKey, message, unhex(receipt.signature)));
}

/** JSON that keeps types apart: integers of values, floats and bytes are objects. */
function plain(value) {
  if (typeof value === "bigint") return { int: String(value) };
  if (value instanceof Uint8Array) return { bin: hex(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
  return value;
}

function float(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return { float: bytes.toString("hex") };
}

/** Rows and values of lines hold floats where everything else holds counts. */
function typed(answer) {
  const cell = (value) => (typeof value === "number" ? float(value) : value);
  for (const { blocks } of answer.changesets ?? []) for (const block of blocks) block.rows = block.rows.map((row) => row.map(cell));
  for (const { lines } of answer.outcomes ?? []) {
    for (const line of lines) [line.sent, line.stood] = [line.sent.map(cell), line.stood.map(cell)];
  }
  return plain(answer);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tables: { type: "string" }, home: { type: "string" }, key: { type: "string", multiple: true, default: [] },
    strict: { type: "boolean", default: false } },
});
oneForm.asked = values.strict;
const tables = readTables(values.tables);
const home = await readHome(values.home, values.key);
for (const path of positionals) console.log(JSON.stringify(typed(await read(path, home, tables))));
