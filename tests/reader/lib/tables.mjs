// The exchanged tables: numbers, columns, kinds, natural keys, from the list that pins each version of the schema.
import { readFileSync } from "node:fs";

const KINDS = { u: "UUID", c: "CHAR", v: "VARCHAR", t: "TEXT", i: "INTEGER", n: "DECIMAL", d: "DATE", f: "DOUBLE" };
const TEXTS = ["CHAR", "VARCHAR", "TEXT"];

/** Return the tables of a list by number. */
export function readTables(path) {
  const tables = new Map();
  let table;
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (/^\d+ /.test(line)) {
      const [number, name, ...columns] = line.split(" ");
      table = { number: Number(number), name, derived: [], groups: 0 };
      table.columns = columns.map((column, n) => parseColumn(column, n));
      table.key = table.columns.filter((column) => column.key);
      tables.set(table.number, table);
    } else if (/^ {2}\d/.test(line)) table.groups += 1;
    else if (/^ {2}[a-z@]/.test(line)) {
      const found = /id\(([^)]*)\)/.exec(line);
      if (found) table.derived = found[1].split(" ");
    }
  }
  return tables;
}

function parseColumn(text, number) {
  const [, star, name, type] = /^(\*?)([^:]+):(.+)$/.exec(text);
  const kind = type === "ts" ? "MOMENT" : KINDS[type[0]];
  return { number, name, kind, key: star === "*", isText: TEXTS.includes(kind) };
}
