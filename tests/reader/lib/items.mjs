// Items of the content (docs/format-body.md 1.1), cut out of the unpacked pieces as they come.
import { inOneForm, must, refusing } from "./refused.mjs";

export const ITEM = { head: 1, block: 2, outcome: 3, reference: 4, hashes: 5, next: 6, pad: 7, branch: 8, given: 9, wanted: 10 };
const MIB = 1024 * 1024;
const LARGEST = { 1: 16, 2: 16, 3: 64, 4: 16, 5: 64, 6: 0, 7: 16, 8: 16, 9: 16, 10: 16 };
const HEADS = [ITEM.head, ITEM.reference, ITEM.next, ITEM.branch];
const ITEMS_MOST = 1_000_000;
const OTHERS_MOST = 20_512;
const BLOCKS_MOST = 100_000;
const check = refusing("KF-208");

/** Yield [kind, bytes] of each item. */
export function* readItems(pieces) {
  const source = new Source(pieces);
  let [items, others, blocks] = [0, 0, 0];
  while (!source.atEnd()) {
    const [kind, size] = readFront(source);
    must(size <= LARGEST[kind] * MIB, "KF-207", `an item of kind ${kind} is too large`);
    items += 1;
    others += kind === ITEM.block || kind === ITEM.pad ? 0 : 1;
    if (HEADS.includes(kind)) blocks = 0;
    else if (kind === ITEM.block) blocks += 1;
    must(items <= ITEMS_MOST && others <= OTHERS_MOST && blocks <= BLOCKS_MOST, "KF-207", "too many items");
    yield [kind, source.take(size)];
  }
}

function readFront(source) {
  let front = 0n;
  for (let n = 0n; ; n += 7n) {
    check(n < 35n, "a front of more than five bytes");
    const byte = source.take(1)[0];
    front |= BigInt(byte & 127) << n;
    if (byte < 128) {
      inOneForm(byte !== 0 || n === 0n, "a longer form of a front");
      break;
    }
  }
  let kind = Number(front & 7n);
  if (kind === 0) {
    kind = source.take(1)[0];
    check(kind > 7, "a kind below 8 in a byte of its own");
  }
  check(kind in LARGEST, `an unknown kind of item, ${kind}`);
  return [kind, Number(front >> 3n)];
}

/** Bytes that come in pieces. */
class Source {
  constructor(pieces) {
    this.pieces = pieces[Symbol.iterator]();
    this.ready = Buffer.alloc(0);
  }

  fill(size) {
    const parts = [this.ready];
    for (let have = this.ready.length; have < size; ) {
      const { done, value } = this.pieces.next();
      if (done) break;
      parts.push(value);
      have += value.length;
    }
    if (parts.length > 1) this.ready = Buffer.concat(parts);
  }

  atEnd() {
    this.fill(1);
    return this.ready.length === 0;
  }

  take(size) {
    this.fill(size);
    check(this.ready.length >= size, "the content ends inside an item");
    const bytes = this.ready.subarray(0, size);
    this.ready = this.ready.subarray(size);
    return new Uint8Array(bytes);
  }
}
