// A school's chain and what its head approved (docs/format.md 3.6, 3.7; docs/format-body.md 3.2).
import { domain, join, sha256, unhex } from "./bytes.mjs";
import { KIND, signatureHolds } from "./keys.mjs";
import { encode } from "./msgpack.mjs";

const PLACE = { INSERT: 1, UPDATE: 2, DELETE: 3 };

/** The chain value at a package's last changeset; `before` is that at its first, unless the chain begins here. */
export function chainValue(header, content, before) {
  let value = before;
  if (content.manifest.first === 0) value = sha256(domain("kirim/1 rantai"), header.scope, header.sender);
  if (!value) return undefined;
  for (const changeset of content.changesets) value = sha256(value, unhex(changeset.sha256));
  return value;
}

/** Whether one of the heads of a scope has approved a chain: everything but five fields is the reader's own. */
export function approved(header, content, value, consents, tables, trusted) {
  const { manifest } = content;
  const { role, consent, before, assignment, signature } = manifest.approval;
  const array = [
    header.scope, header.sender, manifest.first, manifest.last, value, manifest.have, unhex(manifest.haveValue), role,
    unhex(assignment), consent, unhex(consents[consent]), manifest.made - before, counts(content, tables),
  ];
  const message = join(domain("kirim/1 persetujuan"), encode(array));
  const heads = [...trusted.keys.values()].filter(({ kind, scope }) => kind === KIND.kepala && Buffer.compare(scope, header.scope) === 0);
  return heads.some((head) => speaksFor(head, assignment) && signatureHolds(head.verifyKey, message, unhex(signature)));
}

/** A head's certificate is for an assignment, or for none yet. */
const speaksFor = ({ subject }, assignment) => subject.every((byte) => byte === 0) || Buffer.compare(subject, unhex(assignment)) === 0;

function counts(content, tables) {
  const found = new Map();
  const numbers = new Map([...tables.values()].map(({ number, name }) => [name, number]));
  for (const { blocks } of content.changesets) {
    for (const { table, operation, rows } of blocks) {
      const number = numbers.get(table);
      if (!found.has(number)) found.set(number, [number, 0, 0, 0]);
      found.get(number)[PLACE[operation]] += rows.length;
    }
  }
  return [...found.values()].sort(([a], [b]) => a - b);
}
