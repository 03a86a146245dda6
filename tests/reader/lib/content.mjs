// The whole plaintext: manifest, then what its items say (docs/format-body.md 1).
import { createHash } from "node:crypto";

import { hex, sha256, unhex } from "./bytes.mjs";
import { Numbers, parseBlock, parseHead } from "./changeset.mjs";
import { ITEM, readItems } from "./items.mjs";
import { split } from "./manifest.mjs";
import { encode } from "./msgpack.mjs";
import { parseHashes, parseOutcome, parseWanted } from "./outcome.mjs";
import { refusing } from "./refused.mjs";
import { unpack } from "./zstd.mjs";

const check = refusing("KF-208");
const [PREFILL, KIRIM] = [1, 2];
const FILE_KEY = 32;
const HEADS = [ITEM.head, ITEM.next, ITEM.reference, ITEM.branch];

/** What may stand in a school's package, and in what order: nothing of a lower rank behind one of a higher. */
const SCHOOLS = { [ITEM.given]: 0, [ITEM.wanted]: 1, [ITEM.head]: 2, [ITEM.next]: 2, [ITEM.block]: 2 };
const SERVERS = {
  [ITEM.branch]: 0, [ITEM.outcome]: 1, [ITEM.hashes]: 1, [ITEM.reference]: 1, [ITEM.head]: 1, [ITEM.next]: 1,
};

const PREFILLS = { [ITEM.reference]: 0, [ITEM.head]: 0, [ITEM.next]: 0 };

/** Read the plaintext of a kind of package about a scope. */
export function readContent(plaintext, kind, scope, tables) {
  const { manifest, packed } = split(plaintext);
  const content = new Content(manifest, kind, scope, tables);
  for (const [kind, bytes] of readItems(unpack(packed))) content.take(kind, bytes);
  return { manifest, ...content.finish() };
}

class Content {
  constructor(manifest, kind, scope, tables) {
    Object.assign(this, { manifest, scope, tables });
    this.isSchools = kind === KIRIM;
    this.ranks = this.isSchools ? SCHOOLS : kind === PREFILL ? PREFILLS : SERVERS;
    this.number = manifest.first;
    this.rank = 0;
    this.found = { changesets: [], outcomes: [], hashes: [], wanted: [], given: [] };
  }

  take(kind, bytes) {
    const { found, tables } = this;
    if (kind === ITEM.pad) return;
    this.place(kind);
    if (kind === ITEM.block) this.block(bytes);
    else if (kind === ITEM.next) this.begin(ITEM.head, this.expected());
    else if (kind === ITEM.outcome) {
      check(bytes.length >= 4, "an outcome without a number");
      const number = Buffer.from(bytes).readUInt32BE(0);
      found.outcomes.push({ number, sha256: hex(sha256(bytes.subarray(4))), ...parseOutcome(bytes.subarray(4), tables) });
    } else if (kind === ITEM.hashes) found.hashes.push(parseHashes(bytes));
    else if (kind === ITEM.wanted) found.wanted.push(parseWanted(bytes));
    else if (kind === ITEM.given) this.given(bytes);
    else this.begin(kind, bytes);
  }

  /** Refuse an item that does not stand in this kind of package, or not here. */
  place(kind) {
    const rank = kind === ITEM.block ? this.rank : this.ranks[kind];
    check(rank !== undefined && rank >= this.rank, `an item of kind ${kind} does not stand here`);
    check(kind !== ITEM.block || HEADS.includes(this.before), "a block that belongs to no head");
    this.rank = rank;
    this.before = kind === ITEM.block ? this.before : kind;
  }

  /** The HEAD that a NEXT stands for. */
  expected() {
    const { have, haveValue } = this.manifest;
    return encode([this.number + 1, have, unhex(haveValue)]);
  }

  begin(kind, bytes) {
    const head = parseHead(bytes);
    if (kind === ITEM.head) this.number += 1;
    check(!this.isSchools || head.number === this.number, "another number than the next");
    const name = { [ITEM.head]: "own", [ITEM.reference]: "reference", [ITEM.branch]: "branch" }[kind];
    this.hash = createHash("sha256").update(bytes);
    this.numbers = new Numbers(this.scope);
    this.found.changesets.push({ of: name, head, hash: this.hash, blocks: [] });
  }

  block(bytes) {
    this.hash.update(bytes);
    this.found.changesets.at(-1).blocks.push(parseBlock(bytes, this.tables, this.numbers));
  }

  /** A piece of a return that is given back. */
  given(bytes) {
    const { given } = this.found;
    check(bytes.length >= 1 && bytes[0] <= 1, "a piece given back");
    let piece = bytes.subarray(1);
    if (!this.open) {
      check(piece.length >= FILE_KEY, "a return given back without its key");
      this.open = { fileKey: hex(piece.subarray(0, FILE_KEY)), hash: createHash("sha256"), size: 0 };
      given.push(this.open);
      piece = piece.subarray(FILE_KEY);
    }
    this.open.hash.update(piece);
    this.open.size += piece.length;
    if (bytes[0] === 0) this.open = undefined;
  }

  finish() {
    check(!this.open, "a return given back that does not end");
    check(!this.isSchools || this.number === this.manifest.last, "another number of changesets than the manifest says");
    const { changesets, given, ...rest } = this.found;
    return {
      ...rest,
      changesets: changesets.map(({ hash, ...one }) => ({ ...one, sha256: hash.digest("hex") })),
      given: given.map(({ hash, ...one }) => ({ ...one, sha256: hash.digest("hex") })),
    };
  }
}
