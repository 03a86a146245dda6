// The manifest (docs/format-body.md 2).
import { characters, hex } from "./bytes.mjs";
import { INSIDE, bin, decode, firstOf, list, uint } from "./msgpack.mjs";
import { must, refusing } from "./refused.mjs";

export const SCHEMA_VERSION = 1;
const U32 = 2 ** 32 - 1;
const MANIFEST_MOST = 1024 * 1024;
const RECEIPTS_MOST = 512;
const POSITIONS_MOST = 20_000;
const TABLES_MOST = 65_535;
const check = refusing("KF-208");
const number = (value, what) => uint(value, U32, check, what);
const hash = (value, what) => hex(bin(value, [32], check, what));

/** Split a plaintext into manifest and packed content. */
export function split(plaintext) {
  check(plaintext.length >= 3, "no length of a manifest");
  const size = (plaintext[0] << 16) | (plaintext[1] << 8) | plaintext[2];
  must(size <= MANIFEST_MOST, "KF-207", "the manifest is too large");
  check(plaintext.length >= 3 + size, "the plaintext ends inside the manifest");
  return { manifest: parse(plaintext.subarray(3, 3 + size)), packed: plaintext.subarray(3 + size) };
}

function parse(bytes) {
  refuseNewer(bytes);
  const items = list(decode(bytes, check, INSIDE), 8, 15, check, "the manifest");
  check(items.length === 8 || !isNothing(items.at(-1)), "an element at the end that says nothing");
  const [, program, made, have, first, last, reference, values] = items;
  const [approval = null, digests = null, answer = null, ledger = new Uint8Array(0), receipts = [], olderHave = [], olderFirst = []] =
    items.slice(8);
  check(typeof program === "string" && characters(program) <= 16, "program");
  return {
    schema: number(items[0], "schema"),
    program,
    made: number(made, "made"),
    have: number(have, "have"),
    first: number(first, "first"),
    last: number(last, "last"),
    reference: number(reference, "reference"),
    ...halves(bin(values, [16], check, "values")),
    approval: approval === null ? null : parseApproval(approval, BigInt(made)),
    digests: digests === null ? null : parseDigests(digests),
    answer: answer === null ? null : parseAnswer(answer),
    ledger: hex(bin(ledger, [0, 32], check, "ledger")),
    receipts: list(receipts, 0, RECEIPTS_MOST, check, "receipts").map(parseReceipt),
    olderHave: positions(olderHave),
    olderFirst: positions(olderFirst),
  };
}

/** A later schema is newer, and nothing else of the manifest is judged. */
function refuseNewer(bytes) {
  const schema = firstOf(bytes, check);
  check(typeof schema === "bigint", "schema");
  must(schema <= BigInt(SCHEMA_VERSION), "KF-209", "a later schema");
}

const isNothing = (item) => item === null || ((Array.isArray(item) || item instanceof Uint8Array) && item.length === 0);
const halves = (values) => ({ haveValue: hex(values.subarray(0, 8)), firstValue: hex(values.subarray(8)) });

function parseApproval(value, made) {
  const [role, consent, before, bytes] = list(value, 4, 4, check, "approval");
  check(typeof before === "bigint", "seconds before made");
  number(made - before, "the approval's time");
  bin(bytes, [80], check, "assignment and signature");
  return {
    role: number(role, "role"),
    consent: number(consent, "consent"),
    before: Number(before),
    assignment: hex(bytes.subarray(0, 16)),
    signature: hex(bytes.subarray(16)),
  };
}

function parseDigests(value) {
  const [bytes, ...numbers] = list(value, 1, 1 + 2 * TABLES_MOST, check, "digests");
  check(numbers.length % 2 === 0, "digests: a number without a count");
  bin(bytes, [16 + 4 * numbers.length], check, "digests");
  const tables = [];
  for (let n = 0; n < numbers.length; n += 2) {
    const at = 16 + 4 * n;
    const table = number(numbers[n], "digests: table");
    check(n === 0 || table > tables.at(-1).table, "digests: tables do not grow");
    tables.push({ table, count: number(numbers[n + 1], "digests: count"), digest: hex(bytes.subarray(at, at + 8)) });
  }
  return { root: hex(bytes.subarray(0, 16)), tables };
}

function positions(value) {
  list(value, 0, 2 * POSITIONS_MOST, check, "positions");
  check(value.length % 2 === 0, "a position without a value");
  const found = [];
  for (let n = 0; n < value.length; n += 2) {
    found.push({ number: number(value[n], "position"), value: hex(bin(value[n + 1], [8], check, "a position's value")) });
  }
  return found;
}

function parseAnswer(value) {
  const [chain, shared, sharedValue, written, lost, districts] = list(value, 5, 6, check, "answer");
  if (districts !== undefined) bin(districts, [8, 16, 24], check, "districts");
  return {
    chain: hash(chain, "answer: chain"),
    shared: { number: number(shared, "shared"), value: hex(bin(sharedValue, [8], check, "shared")) },
    written: positions(written),
    lost: positions(lost),
  };
}

function parseReceipt(value) {
  const [packageId, count, sender, first, last, chain, plaintext, counts, outcomes, before, time, code, signature] =
    list(value, 13, 13, check, "a receipt");
  return {
    packageId: hash(packageId, "package id"),
    number: number(count, "number"),
    sender: hex(bin(sender, [8], check, "sender")),
    first: number(first, "first"),
    last: number(last, "last"),
    chain: hash(chain, "chain value"),
    plaintext: hash(plaintext, "plaintext"),
    counts: list(counts, 5, 5, check, "counts").map((one) => number(one, "count")),
    outcomes: hash(outcomes, "outcomes"),
    before: hash(before, "ledger entry before"),
    time: number(time, "time"),
    code: number(code, "code"),
    signature: hex(bin(signature, [64], check, "signature")),
  };
}
