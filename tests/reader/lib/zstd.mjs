// One Zstandard frame (RFC 8878), unpacked within the limits of docs/format-body.md 1 and 8.
//
// The library decodes; the walk from block to block finds the frame's end, its window and its checksum.
import { Decompress } from "fzstd";

import { Cursor } from "./bytes.mjs";
import { must, refusing } from "./refused.mjs";

const WINDOW_MOST = 8 * 1024 * 1024;
const BLOCK_MOST = 128 * 1024;
const UNPACKED_MOST = 2 * 1024 ** 3;
const FREE = 16 * 1024 * 1024;
const RATIO = 200;
const check = refusing("KF-208");

/** Yield the content of a frame piece by piece, a block of the frame at a time. */
export function* unpack(packed) {
  const cursor = new Cursor(packed, check);
  const { size, most, hasSum } = readFront(cursor);
  const pieces = [];
  const decoder = new Decompress((piece) => pieces.push(piece.slice()));
  const sum = hasSum ? new XXH64() : undefined;
  let [fed, total] = [0, 0];
  for (let last = false; !last; ) {
    last = skipBlock(cursor, most);
    if (last && hasSum) cursor.take(4);
    feed(decoder, packed.subarray(fed, cursor.at), last);
    fed = cursor.at;
    for (const piece of pieces.splice(0)) {
      total += piece.length;
      must(total <= UNPACKED_MOST && total <= FREE + RATIO * fed, "KF-207", "the content is too large for its packed bytes");
      sum?.update(piece);
      yield piece;
    }
  }
  cursor.end();
  check(size === undefined || size === BigInt(total), "another size than the frame says");
  check(!sum || sum.low() === new DataView(packed.buffer, packed.byteOffset + fed - 4, 4).getUint32(0, true), "checksum");
}

function readFront(cursor) {
  check(cursor.uint(4) === 0x28b52ffdn, "no Zstandard frame");
  const flags = cursor.byte();
  const single = (flags & 0x20) !== 0;
  check((flags & 0x08) === 0, "a reserved bit");
  let window = single ? undefined : readWindow(cursor.byte());
  // Number 0 names no dictionary.
  check(cursor.take([0, 1, 2, 4][flags & 3]).every((byte) => byte === 0), "a dictionary");
  const width = [single ? 1 : 0, 2, 4, 8][flags >> 6];
  const bytes = cursor.take(width).slice().reverse();
  const size = width === 0 ? undefined : new Cursor(bytes, check).uint(width) + (width === 2 ? 256n : 0n);
  window ??= Number(size);
  check(window <= WINDOW_MOST, "a window above 8 MiB");
  return { size, most: Math.min(window, BLOCK_MOST), hasSum: (flags & 4) !== 0 };
}

function readWindow(byte) {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

/** Step over a block; return whether it is the last. */
function skipBlock(cursor, most) {
  const front = cursor.take(3);
  const value = front[0] | (front[1] << 8) | (front[2] << 16);
  const type = (value >> 1) & 3;
  check(type !== 3 && value >> 3 <= most, "a reserved block, or one that is too large");
  cursor.take(type === 1 ? 1 : value >> 3);
  return (value & 1) === 1;
}

function feed(decoder, bytes, last) {
  try {
    decoder.push(bytes.slice(), last);
  } catch (error) {
    check(false, `not unpacked: ${error.message}`);
  }
}

// --- the checksum of a frame: XXH64 with seed 0 ---------------------------------------------------------

const MASK = (1n << 64n) - 1n;
const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n,
];
const turn = (x, bits) => ((x << BigInt(bits)) | (x >> BigInt(64 - bits))) & MASK;
const round = (sum, lane) => (turn((sum + lane * P2) & MASK, 31) * P1) & MASK;

class XXH64 {
  constructor() {
    this.parts = [];
  }

  update(piece) {
    this.parts.push(piece);
  }

  /** The lowest 4 bytes. */
  low() {
    const bytes = Buffer.concat(this.parts);
    let at = 0;
    let sum = P5;
    if (bytes.length >= 32) {
      const lanes = [(P1 + P2) & MASK, P2, 0n, (MASK + 1n - P1) & MASK];
      for (; at + 32 <= bytes.length; at += 32) {
        for (let n = 0; n < 4; n += 1) lanes[n] = round(lanes[n], bytes.readBigUInt64LE(at + 8 * n));
      }
      sum = (turn(lanes[0], 1) + turn(lanes[1], 7) + turn(lanes[2], 12) + turn(lanes[3], 18)) & MASK;
      for (const lane of lanes) sum = ((sum ^ round(0n, lane)) * P1 + P4) & MASK;
    }
    sum = (sum + BigInt(bytes.length)) & MASK;
    for (; at + 8 <= bytes.length; at += 8) sum = (turn(sum ^ round(0n, bytes.readBigUInt64LE(at)), 27) * P1 + P4) & MASK;
    if (at + 4 <= bytes.length) {
      sum = (turn(sum ^ ((BigInt(bytes.readUInt32LE(at)) * P1) & MASK), 23) * P2 + P3) & MASK;
      at += 4;
    }
    for (; at < bytes.length; at += 1) sum = (turn(sum ^ ((BigInt(bytes[at]) * P5) & MASK), 11) * P1) & MASK;
    sum = ((sum ^ (sum >> 33n)) * P2) & MASK;
    sum = ((sum ^ (sum >> 29n)) * P3) & MASK;
    return Number((sum ^ (sum >> 32n)) & 0xffffffffn);
  }
}
