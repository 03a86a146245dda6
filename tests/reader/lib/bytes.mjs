// Bytes: hexadecimal, joining, comparing, a cursor, SHA-256, domains.
import { createHash } from "node:crypto";

export const hex = (bytes) => Buffer.from(bytes).toString("hex");
export const unhex = (text) => new Uint8Array(Buffer.from(text, "hex"));
export const join = (...parts) => new Uint8Array(Buffer.concat(parts));
export const same = (a, b) => Buffer.compare(a, b) === 0;
export const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

/** The words and one zero byte that every kind of signed or bound bytes begins with. */
export const domain = (words) => join(Buffer.from(words, "ascii"), new Uint8Array(1));

/** An id as text, lower case, 8-4-4-4-12. */
export function uuid(bytes) {
  const all = hex(bytes);
  return [all.slice(0, 8), all.slice(8, 12), all.slice(12, 16), all.slice(16, 20), all.slice(20)].join("-");
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const isId = (value) => typeof value === "string" && ID.test(value);
export const idBytes = (text) => unhex(text.replaceAll("-", ""));

/** UTF-8 that is nothing else; undefined otherwise. */
export function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Characters of a text as the documents count them: code points. */
export function characters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Reads bytes from front to back; what is missing is refused by the given check. */
export class Cursor {
  constructor(bytes, check) {
    this.bytes = bytes;
    this.check = check;
    this.at = 0;
  }

  get left() {
    return this.bytes.length - this.at;
  }

  take(size) {
    this.check(size <= this.left, "bytes are missing");
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  byte() {
    return this.take(1)[0];
  }

  uint(size) {
    let value = 0n;
    for (const byte of this.take(size)) value = (value << 8n) | BigInt(byte);
    return value;
  }

  end() {
    this.check(this.left === 0, "bytes are left over");
  }
}
