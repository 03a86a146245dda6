// A block of one row: each value is one msgpack element (docs/format-body.md 4.3, 4.4).
import { uuid } from "./bytes.mjs";
import { inOneForm, refusing } from "./refused.mjs";
import { blob, dayAfterEpoch, decimalText, float, integer, momentAfterEpoch, text } from "./values.mjs";

const check = refusing("KF-208");
const PLAIN = ["INTEGER", "DOUBLE", "UUID"];

/** The value that an element stands for in a column. */
export function single(element, column) {
  if (element === null) return null;
  if (typeof element === "string") return text(element);
  if (typeof element === "number") return float(element);
  if (typeof element === "bigint") return number(element, column);
  if (element instanceof Uint8Array) return packed(element, column);
  check(Array.isArray(element) && element.length === 1, "an element that stands for no value");
  const [inner] = element;
  if (inner instanceof Uint8Array) return blob(inner);
  check(typeof inner === "bigint", "an array that stands for no value");
  inOneForm(!PLAIN.includes(column.kind), "an array around an integer that needs none");
  return integer(inner);
}

function number(element, column) {
  if (PLAIN.includes(column.kind)) return integer(element);
  if (column.isText) return element >= 0n ? digits(String(element), 18) : padded(-element);
  if (column.kind === "DATE") return dayAfterEpoch(element);
  if (column.kind === "MOMENT") return momentAfterEpoch(element);
  const scale = BigInt.asUintN(5, element);
  check(scale <= 17n, "more than 17 digits behind the point");
  return decimalText((element - scale) / 32n, Number(scale));
}

function digits(written, most) {
  check(written.length >= 2 && written.length <= most + 1 && written[0] === "1", "an integer that stands for no digits");
  return written.slice(1);
}

function padded(value) {
  const blanks = Number(value % 32n);
  inOneForm(blanks >= 1 && value / 32n < 2n * 10n ** 16n, "digits and blanks that are written otherwise");
  return digits(String(value / 32n), 18) + " ".repeat(blanks);
}

function packed(element, column) {
  if (column.kind === "UUID") {
    check(element.length === 16, "an id of another length");
    return uuid(element);
  }
  check(column.isText, "packed letters in a column that is no text");
  return unpackLetters(element);
}

// --- 4.4 packed letters -----------------------------------------------------------------------------------

const LETTERS = [
  [3, " a"], [4, "inrsu"], [5, "deghklmt"], [6, "1bopwy"], [7, ".023cj"], [8, "456789fz"],
  [9, "',-/v"], [10, "@q"], [11, "&():_x"], [12, '"#+'],
];
const CODES = new Map();
const MEANINGS = new Map();
{
  let [code, length] = [0, 3];
  for (const [bits, letters] of LETTERS) {
    code <<= bits - length;
    length = bits;
    for (const letter of letters) {
      const written = code.toString(2).padStart(bits, "0");
      CODES.set(letter, written);
      MEANINGS.set(written, letter);
      code += 1;
    }
  }
}
const CASES = {
  "00": (small) => small,
  "01": (small) => small.toUpperCase(),
  10: (small) => small.replace(/(^| )([a-z])/g, (_, before, letter) => before + letter.toUpperCase()),
};
const LETTERS_MOST = 255;

function unpackLetters(bytes) {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  const write = CASES[bits.slice(0, 2)];
  check(write, "a way of capitals that is not used");
  let [small, code] = ["", ""];
  for (const bit of bits.slice(2)) {
    code += bit;
    if (!MEANINGS.has(code)) continue;
    small += MEANINGS.get(code);
    code = "";
  }
  check(!code.includes("0") && small.length <= LETTERS_MOST, "bits that are no letters");
  const value = write(small);
  check(packLetters(value) === bits, "bits that packing the text again would not give");
  return value;
}

/** The bits of a text: the first way of capitals that gives the text back. */
function packLetters(value) {
  const small = value.toLowerCase();
  const way = Object.keys(CASES).sort().find((key) => CASES[key](small) === value);
  const bits = way + [...small].map((letter) => CODES.get(letter)).join("");
  return bits + "1".repeat((8 - (bits.length % 8)) % 8);
}

