// Outcomes and row hashes (docs/format-body.md 6, 7.3).
import { hex } from "./bytes.mjs";
import { KEPT, decode, list, uint } from "./msgpack.mjs";
import { must, refusing } from "./refused.mjs";
import { blob, float, integer, text } from "./values.mjs";

const U32 = 2 ** 32 - 1;
const LINES_MOST = 1_048_576;
const COUNTS = ["applied", "same", "conflict", "refused", "held"];
const check = refusing("KF-208");

/** The outcome of one changeset: how many changes became what, and its lines. */
export function parseOutcome(bytes, tables) {
  const [counts, shapes] = list(decode(bytes, check, KEPT), 2, 2, check, "an outcome");
  const numbers = list(counts, 5, 5, check, "counts").map((one) => uint(one, U32, check, "a count"));
  const lines = [];
  for (const shape of list(shapes, 0, Infinity, check, "shapes")) addLines(shape, tables, lines);
  return { counts: Object.fromEntries(COUNTS.map((name, n) => [name, numbers[n]])), lines };
}

function addLines(shape, tables, lines) {
  const [table, group, outcome, code, columns, cause, won, flat] = list(shape, 8, 8, check, "a shape");
  // What only a newer program knows is left out.
  const declared = tables.get(uint(table, U32, check, "table"));
  const named = list(columns, 0, 1024, check, "columns").map((one) => declared?.columns[uint(one, U32, check, "column")]?.name);
  const known = declared && uint(group, U32, check, "group") <= declared.groups;
  check(typeof won === "boolean", "whether the sender's value stands");
  const front = {
    table: declared?.name,
    group: uint(group, U32, check, "group"),
    outcome: uint(outcome, 4, check, "outcome"),
    code: uint(code, U32, check, "code"),
    columns: named.filter(Boolean),
    cause: uint(cause, 6, check, "cause"),
    won,
  };
  list(flat, 0, Infinity, check, "lines");
  check(flat.length % 3 === 0, "a line of another size");
  for (let n = 0; n < flat.length; n += 3) {
    check(typeof flat[n] === "string", "a row's id");
    const [sent, stood] = [flat[n + 1], flat[n + 2]].map((values) => valuesOf(values, named));
    const row = text(flat[n]);
    if (known) lines.push({ ...front, row, sent, stood });
    must(lines.length <= LINES_MOST, "KF-207", "too many lines");
  }
}

/** One value for each column, or none at all; those of known columns. */
function valuesOf(told, named) {
  check(list(told, 0, named.length, check, "values").length % (named.length || 1) === 0, "values of some columns only");
  return told.map(plain).filter((_, n) => named[n]);
}

function plain(value) {
  if (value === null) return null;
  if (typeof value === "string") return text(value);
  if (typeof value === "bigint") return integer(value);
  if (typeof value === "number") return float(value);
  check(value instanceof Uint8Array, "a value of no type");
  return blob(value);
}

/** Row hashes of a table: pairs of 8 bytes. A table that the reader does not know is not his to compare. */
export function parseHashes(bytes) {
  check(bytes.length >= 2 && (bytes.length - 2) % 16 === 0, "row hashes");
  return { table: tableOf(bytes), rows: pieces(bytes.subarray(2), 16).map((one) => [one.slice(0, 16), one.slice(16)]) };
}

/** Rows that a school misses: 8 bytes each. */
export function parseWanted(bytes) {
  check(bytes.length >= 2 && (bytes.length - 2) % 8 === 0, "wanted rows");
  return { table: tableOf(bytes), rows: pieces(bytes.subarray(2), 8) };
}

const tableOf = (bytes) => (bytes[0] << 8) | bytes[1];

function pieces(bytes, size) {
  return Array.from({ length: bytes.length / size }, (_, n) => hex(bytes.subarray(n * size, (n + 1) * size)));
}
