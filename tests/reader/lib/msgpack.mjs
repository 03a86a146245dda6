// msgpack as both documents use it: each value in its shortest form, no map, no extension, floats of 64 bits.
//
// The usual library makes one number of 1 and 1.0 and takes longer forms; here integers are BigInt, floats are numbers.
import { Cursor, hex, utf8 } from "./bytes.mjs";
import { inOneForm } from "./refused.mjs";

/** Decode one value that fills the bytes. `check(claim, detail)` refuses; `rules` says what may stand there. */
export function decode(bytes, check, rules) {
  const cursor = new Cursor(bytes, check);
  cursor.form = rules.longer ? inOneForm : check;
  const value = next(cursor, rules);
  cursor.end();
  return value;
}

/** What a header, a certificate or a key file may hold: unsigned integers, byte strings, arrays (format.md 1.1). */
export const SIGNED = { plain: true, items: 16, depth: 16 };
/** What stands inside the seal: manifest and heads, which have one encoding (format-body.md 2, 3.1). */
export const INSIDE = { plain: false, items: Infinity, depth: 16 };
/** Blocks and outcomes. Their bytes are kept as they came, so that a longer form does no harm to who reads them. */
export const KEPT = { ...INSIDE, longer: true };

/** Decode the next value. */
export function next(cursor, rules, depth = 0) {
  const { check } = cursor;
  const front = cursor.byte();
  if (front < 0x80) return BigInt(front);
  if (front >= 0x90 && front < 0xa0) return array(cursor, front & 15, rules, depth);
  if (front >= 0xcc && front <= 0xcf) return unsigned(cursor, front - 0xcc);
  if (front >= 0xc4 && front <= 0xc6) return cursor.take(length(cursor, front - 0xc4, 0)).slice();
  if (front === 0xdc || front === 0xdd) return array(cursor, length(cursor, front - 0xdb, 16), rules, depth);
  check(!rules.plain, `type ${hex([front])} does not stand here`);
  if (front >= 0xe0) return BigInt(front) - 256n;
  if (front >= 0xa0 && front < 0xc0) return text(cursor, front & 31);
  if (front === 0xc0) return null;
  if (front === 0xc2 || front === 0xc3) return front === 0xc3;
  if (front === 0xcb || (front === 0xca && rules.longer)) return float(cursor, front);
  if (front >= 0xd0 && front <= 0xd3) return negative(cursor, front - 0xd0);
  if (front >= 0xd9 && front <= 0xdb) return text(cursor, length(cursor, front - 0xd9, 32));
  return check(false, `type ${hex([front])} is never used`);
}

/** The first item of an array, nothing else of which is judged: it says that a later schema wrote the rest. */
export function firstOf(bytes, check) {
  const cursor = new Cursor(bytes, check);
  cursor.form = () => {};
  check(arrayFront(cursor) >= 1, "an empty array");
  return next(cursor, SIGNED);
}

function arrayFront(cursor) {
  const front = cursor.byte();
  if (front >= 0x90 && front < 0xa0) return front & 15;
  cursor.check(front === 0xdc || front === 0xdd, "no array");
  return length(cursor, front - 0xdb, 16);
}

function unsigned(cursor, power) {
  const value = cursor.uint(1 << power);
  const least = power === 0 ? 128n : 1n << BigInt(4 << power);
  cursor.form(value >= least, "a longer form of a number");
  return value;
}

function negative(cursor, power) {
  const bits = 8 << power;
  const value = BigInt.asIntN(bits, cursor.uint(1 << power));
  const shorter = power === 0 ? -32n : -(1n << BigInt(bits / 2 - 1));
  cursor.form(value < shorter, "a longer form of a number");
  return value;
}

/** A length of 1, 2 or 4 bytes; `below` is what the shortest front of its own holds. */
function length(cursor, power, below) {
  const value = Number(cursor.uint(1 << power));
  const least = [below, 256, 65_536][power];
  // Fronts of arrays have no form with one byte of length, those of bytes none that is shorter.
  cursor.form(value >= (power === 1 && below === 16 ? 16 : least), "a longer form of a length");
  return value;
}

function array(cursor, count, rules, depth) {
  cursor.check(count <= rules.items && depth < rules.depth, "too many items or too deep");
  cursor.check(count <= cursor.left, "items are missing");
  return Array.from({ length: count }, () => next(cursor, rules, depth + 1));
}

function text(cursor, size) {
  const value = utf8(cursor.take(size));
  cursor.check(value !== undefined, "a text is no UTF-8");
  return value;
}

function float(cursor, front) {
  cursor.form(front === 0xcb, "a float of 32 bits");
  const bytes = cursor.take(front === 0xcb ? 8 : 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return front === 0xcb ? view.getFloat64(0) : view.getFloat32(0);
}

/** Encode a value: BigInt or whole number as integer, Uint8Array as bytes, arrays. */
export function encode(value) {
  const parts = [];
  write(value, parts);
  return new Uint8Array(Buffer.concat(parts));
}

function write(value, parts) {
  if (typeof value === "bigint" || typeof value === "number") parts.push(integer(BigInt(value)));
  else if (value instanceof Uint8Array) parts.push(front(value.length, [0xc4, 0xc5, 0xc6], 0), value);
  else {
    parts.push(value.length < 16 ? Buffer.from([0x90 | value.length]) : front(value.length, [null, 0xdc, 0xdd], 1));
    for (const item of value) write(item, parts);
  }
}

function integer(value) {
  if (value < 128n) return Buffer.from([Number(value)]);
  const power = value < 1n << 8n ? 0 : value < 1n << 16n ? 1 : value < 1n << 32n ? 2 : 3;
  return Buffer.concat([Buffer.from([0xcc + power]), Buffer.from(value.toString(16).padStart(2 << power, "0"), "hex")]);
}

function front(size, fronts, least) {
  const power = Math.max(least, size < 256 ? 0 : size < 65_536 ? 1 : 2);
  return Buffer.concat([Buffer.from([fronts[power]]), Buffer.from(size.toString(16).padStart(2 << power, "0"), "hex")]);
}

/** A whole number from 0 to `most`, as a number. */
export function uint(value, most, check, what) {
  check(typeof value === "bigint" && value >= 0n && value <= BigInt(most), `${what} is no number in its range`);
  return Number(value);
}

/** Bytes of one of the given lengths. */
export function bin(value, lengths, check, what) {
  check(value instanceof Uint8Array && lengths.includes(value.length), `${what} are not the bytes they should be`);
  return value;
}

/** An array of least to most items. */
export function list(value, least, most, check, what) {
  check(Array.isArray(value) && value.length >= least && value.length <= most, `${what} is no array of its size`);
  return value;
}
