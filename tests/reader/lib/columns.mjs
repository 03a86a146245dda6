// Columns of a block of several rows (docs/format-body.md 4.1, 5).
import { Cursor, characters, utf8 } from "./bytes.mjs";
import { inOneForm, must, refusing } from "./refused.mjs";
import { TEXT_MOST, blob, dayText, decimalText, float, integer, momentText, text, trimmedText } from "./values.mjs";

const check = refusing("KF-208");

/** Decode one column of `rows` values; `ids` are the numbered ids. */
export function readColumn(element, column, rows, ids) {
  const [bytes, ...exceptions] = Array.isArray(element) ? element : [element];
  check(bytes instanceof Uint8Array, "a column that is no bytes");
  check(exceptions.length % 2 === 0, "exceptions of a column");
  inOneForm(!Array.isArray(element) || exceptions.length > 0, "an array without exceptions");
  const cursor = new Cursor(bytes, check);
  const values = column.kind === "UUID" ? readIds(cursor, rows, ids) : readForm(cursor, rows);
  cursor.end();
  putExceptions(values, exceptions);
  return values;
}

function putExceptions(values, exceptions) {
  let before = -1n;
  for (let n = 0; n < exceptions.length; n += 2) {
    const [index, value] = exceptions.slice(n, n + 2);
    check(typeof index === "bigint" && index > before && index < BigInt(values.length), "indexes of exceptions");
    check(values[Number(index)] === null, "an exception where a value stands");
    values[Number(index)] = exception(value);
    before = index;
  }
}

/** A value that is not of its column's type. */
export function exception(value) {
  if (typeof value === "string") return text(value);
  if (typeof value === "bigint") return integer(value);
  if (typeof value === "number") return float(value);
  check(value instanceof Uint8Array, "an exception of no type");
  return blob(value);
}

function readIds(cursor, rows, ids) {
  const form = cursor.byte();
  check(form <= 1, "a form of ids");
  return integers(cursor, rows).map((value) => {
    if (form === 1 && value === 0n) return null;
    const number = value - BigInt(form);
    check(number >= 0n && number < BigInt(ids.length), "a number of an id that nobody gave");
    return ids[Number(number)];
  });
}

function readForm(cursor, rows) {
  const front = cursor.byte();
  const there = front & 128 ? presence(cursor, rows) : null;
  const count = there ? there.filter(Boolean).length : rows;
  const form = FORMS[front & 127];
  check(form, "an unknown form");
  const found = form(cursor, count);
  if (!there) return found;
  let n = 0;
  return there.map((is) => (is ? found[n++] : null));
}

function presence(cursor, rows) {
  const bytes = cursor.take(Math.ceil(rows / 8));
  const bits = Array.from({ length: bytes.length * 8 }, (_, n) => (bytes[n >> 3] & (128 >> (n & 7))) !== 0);
  check(!bits.slice(rows).some(Boolean), "presence bits behind the last row");
  return bits.slice(0, rows);
}

const scaled = (write) => (cursor, count) => {
  const scale = cursor.byte();
  check(scale <= 18, "a scale above 18");
  return integers(cursor, count).map((value) => write(value, scale));
};

const FORMS = {
  1: (cursor, count) => integers(cursor, count).map(integer),
  2: scaled(trimmedText),
  3: scaled(decimalText),
  4: (cursor, count) => integers(cursor, count).map(dayText),
  5: (cursor, count) => integers(cursor, count).map(momentText),
  6: (cursor, count) => {
    const bytes = cursor.take(8 * count);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: count }, (_, n) => float(view.getFloat64(8 * n, true)));
  },
  7: texts,
  8: (cursor, count) => {
    const distinct = texts(cursor, Number(cursor.uint(2)));
    return integers(cursor, count).map((index) => {
      check(index >= 0n && index < BigInt(distinct.length), "an index of no text");
      return distinct[Number(index)];
    });
  },
  9: (cursor, count) => {
    const width = cursor.byte();
    check(width >= 1 && width <= 64, "a width of texts");
    const bytes = cursor.take(width * count);
    check(bytes.every((byte) => byte < 128), "a character that is not ASCII");
    return Array.from({ length: count }, (_, n) =>
      String.fromCharCode(...Array.from({ length: width }, (_, place) => bytes[place * count + n])));
  },
};

function texts(cursor, count) {
  const lengths = integers(cursor, count).map((value) => {
    check(value >= 0n, "a negative length");
    must(value <= BigInt(TEXT_MOST), "KF-207", "a text is too long");
    return Number(value);
  });
  const joined = utf8(cursor.take(Number(cursor.uint(4))));
  check(joined !== undefined, "texts that are no UTF-8");
  const total = lengths.reduce((sum, length) => sum + length, 0);
  check(characters(joined) === total, "lengths of texts");
  const letters = joined.length === total ? joined : Array.from(joined);
  let at = 0;
  return lengths.map((length) => {
    const piece = letters.slice(at, at + length);
    at += length;
    return typeof piece === "string" ? piece : piece.join("");
  });
}

// --- 5.1 integers -------------------------------------------------------------------------------------------

/** Decode a list of so many integers. */
export function integers(cursor, count) {
  const form = cursor.byte();
  if (form === 0) return Array(count).fill(varint(cursor));
  const differences = form > 16;
  const width = differences ? form - 16 : form;
  check([1, 2, 4, 8].includes(width), "a form of integers");
  const first = varint(cursor);
  const step = differences ? varint(cursor) : 0n;
  const planes = readPlanes(cursor, width, count);
  if (!differences) return planes.map((plane) => first + plane);
  let value = first;
  return planes.map((plane, n) => (n === 0 ? first : (value += step + plane)));
}

function varint(cursor) {
  let value = 0n;
  for (let n = 0n; ; n += 7n) {
    check(n < 70n, "a varint of more than ten bytes");
    const byte = cursor.byte();
    value |= BigInt(byte & 127) << n;
    if (byte < 128) {
      inOneForm(byte !== 0 || n === 0n, "a longer form of a varint");
      break;
    }
  }
  return value & 1n ? -((value + 1n) >> 1n) : value >> 1n;
}

function readPlanes(cursor, width, count) {
  const bytes = cursor.take(width * count);
  return Array.from({ length: count }, (_, n) => {
    let value = 0n;
    for (let plane = 0; plane < width; plane += 1) value = (value << 8n) | BigInt(bytes[plane * count + n]);
    return value;
  });
}

