// Changesets: heads, numbered ids, blocks (docs/format-body.md 3, 4).
import { hex, isId, uuid } from "./bytes.mjs";
import { exception, readColumn } from "./columns.mjs";
import { INSIDE, KEPT, bin, decode, list, uint } from "./msgpack.mjs";
import { inOneForm, refusing } from "./refused.mjs";
import { single } from "./single.mjs";
import { derivedId } from "./values.mjs";

const U32 = 2 ** 32 - 1;
const ROWS_MOST = 4096;
const NUMBERS_MOST = 65_536;
const FLAG = { locks: 32, home: 64, derived: 128 };
const OPERATION = { 1: "INSERT", 2: "UPDATE", 3: "DELETE" };
const CAUSES = ["SEKOLAH", "VERVAL", "DINAS", "PUSAT", "KIP", "KOREKSI", "KEMBALI", "DISISIHKAN"];
const check = refusing("KF-208");

/** The head of a changeset. */
export function parseHead(bytes) {
  const items = decode(bytes, check, INSIDE);
  check(Array.isArray(items) && (items.length === 3 || items.length === 6), "a head of another size");
  const [number, base, value, origin, knew, other] = items;
  const head = {
    number: uint(number, U32, check, "number of a changeset"),
    base: uint(base, U32, check, "number of a base"),
    value: hex(bin(value, [8], check, "value of a base")),
    again: null,
  };
  check(head.number >= 1, "changeset 0");
  if (items.length === 3) return head;
  head.again = {
    origin: hex(bin(origin, [32], check, "origin")),
    knew: uint(knew, U32, check, "known number"),
    other: uint(other, U32, check, "number of the other branch"),
  };
  const moved = head.again.knew === 0 && head.again.other === 0; // from the chain of another laptop
  const grows = head.again.knew < head.again.other && head.again.other < head.number;
  check(moved || grows, "numbers of a changeset cut again");
  return head;
}

/** The ids of a changeset and their numbers. */
export class Numbers {
  constructor(scope) {
    this.scope = uuid(scope);
    this.forget();
  }

  forget() {
    this.ids = [this.scope];
    this.known = new Set(this.ids);
  }

  give(id) {
    this.known.add(id);
    this.ids.push(id);
  }
}

/** Decode one block of a changeset. */
export function parseBlock(bytes, tables, numbers) {
  const items = decode(bytes, check, KEPT);
  check(Array.isArray(items), "a block is an array");
  const take = () => {
    check(items.length > 0, "an element is missing");
    return items.shift();
  };
  const block = parseFront(take, tables, numbers.scope);
  const several = block.count > 1;
  if (several && numbers.ids.length >= NUMBERS_MOST) numbers.forget();
  const exceptions = block.derived ? parseDerived(take(), block) : new Map();
  const carried = [...(block.derived ? [] : block.table.key), ...block.columns];
  if (several) giveFresh(take(), block.count * carried.filter(({ kind }) => kind === "UUID").length, numbers);
  const read = (column) => (several ? readColumn(take(), column, block.count, numbers.ids) : [single(take(), column)]);
  const columns = new Map(carried.map((column) => [column.number, read(column)]));
  check(items.length === 0, "an element too many");
  if (block.derived) columns.set(0, derive(block, columns, exceptions));
  if (block.derived && several) for (const id of columns.get(0)) if (isId(id) && !numbers.known.has(id)) numbers.give(id);
  for (const key of block.table.key) check(!columns.get(key.number).includes(null), "a key that is NULL");
  return finish(block, columns);
}

function parseFront(take, tables, scope) {
  const table = tables.get(uint(take(), 65_535, check, "table"));
  check(table, "an unknown table");
  const flags = uint(take(), 255, check, "flags");
  const count = uint(take(), ROWS_MOST, check, "rows");
  check(count >= 1, "no rows");
  const operation = OPERATION[flags & 3];
  const cause = CAUSES[(flags >> 2) & 7];
  check(operation && cause, "an unknown operation or cause");
  const home = flags & FLAG.home ? uuid(bin(take(), [16], check, "home")) : null;
  const columns = parseColumns(take(), table);
  check(cause !== "DISISIHKAN" || operation === "INSERT", "a row kept aside that is no new one");
  check(operation !== "DELETE" || columns.length === 0, "a delete that sets columns");
  check(operation !== "UPDATE" || columns.length > 0, "an update that sets nothing");
  inOneForm(home === null || home !== scope, "a home that is the scope's own");
  const derived = (flags & FLAG.derived) !== 0;
  if (derived) {
    check(operation === "INSERT" && table.derived.length > 0, "derived ids where there are none");
    const names = columns.map(({ name }) => name);
    check(table.derived.every((part) => part[0] === "=" || names.includes(part)), "a natural key that is not set");
  }
  return { table, operation, cause, locks: (flags & FLAG.locks) !== 0, home, count, columns, derived };
}

function parseColumns(value, table) {
  let numbers;
  if (typeof value === "bigint") numbers = [Number(value)];
  else {
    check(value instanceof Uint8Array, "columns");
    check(value.length === 0 || value.at(-1) !== 0, "columns: a byte too many");
    numbers = [];
    for (let n = 0; n < value.length * 8; n += 1) if (value[n >> 3] & (1 << (n & 7))) numbers.push(n);
    check(numbers.length !== 1, "columns: bits for a single one");
  }
  return numbers.map((number) => {
    const column = table.columns[number];
    check(column && !column.key, "an unknown column or a key");
    return column;
  });
}

function parseDerived(value, block) {
  const items = list(value, 0, 2 * block.count, check, "derived");
  check(items.length % 2 === 0, "derived: an index without a key");
  const found = new Map();
  let before = -1;
  for (let n = 0; n < items.length; n += 2) {
    const index = uint(items[n], block.count - 1, check, "derived: index");
    check(index > before, "derived: indexes do not grow");
    found.set(index, exception(items[n + 1]));
    before = index;
  }
  return found;
}

function giveFresh(value, places, numbers) {
  check(value instanceof Uint8Array && value.length % 16 === 0, "fresh ids");
  check(value.length / 16 <= places, "more fresh ids than places");
  for (let at = 0; at < value.length; at += 16) {
    const id = uuid(value.subarray(at, at + 16));
    check(!numbers.known.has(id), "an id that is numbered twice");
    numbers.give(id);
  }
}

function derive(block, columns, exceptions) {
  const byName = new Map(block.columns.map((column) => [column.name, columns.get(column.number)]));
  return Array.from({ length: block.count }, (_, row) => {
    if (exceptions.has(row)) return exceptions.get(row);
    const values = block.table.derived.map((part) => (part[0] === "=" ? part.slice(1) : byName.get(part)[row]));
    check(values.every((value) => ["string", "bigint"].includes(typeof value)), "a natural key that gives no id");
    return derivedId(block.table.name, values);
  });
}

function finish(block, columns) {
  const order = [...block.table.key, ...block.columns];
  const rows = Array.from({ length: block.count }, (_, row) => order.map((column) => columns.get(column.number)[row]));
  return {
    table: block.table.name,
    operation: block.operation,
    cause: block.cause,
    locks: block.locks,
    home: block.home,
    columns: block.columns.map(({ name }) => name),
    rows,
  };
}

