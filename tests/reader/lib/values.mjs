// Days, moments, decimals and floats as the texts and numbers that stores hold (docs/format-body.md 4.3, 5).
import { createHash } from "node:crypto";

import { characters, uuid } from "./bytes.mjs";
import { must, refusing } from "./refused.mjs";

export const TEXT_MOST = 100_000;
const LAST_DAY = 3_652_059n;
const EPOCH_DAY = 719_163n;
const MICROSECONDS = 1_000_000n;
const DAY = 86_400n * MICROSECONDS;
export const INT_LEAST = -(2n ** 63n);
export const INT_MOST = 2n ** 63n - 1n;
const check = refusing("KF-208");

const floorDiv = (a, b) => (a - (((a % b) + b) % b)) / b;

/** A whole number that a store can hold. */
export function integer(value) {
  check(value >= INT_LEAST && value <= INT_MOST, "an integer of more than 64 bits");
  return value;
}

/** A float; NaN is none that a store holds. */
export function float(value) {
  check(!Number.isNaN(value), "NaN");
  return value;
}

/** A text of at most 100,000 characters. */
export function text(value) {
  must(value.length <= TEXT_MOST || characters(value) <= TEXT_MOST, "KF-207", "a text is too long");
  return value;
}

/** Bytes, at most 100,000 of them. */
export function blob(value) {
  must(value.length <= TEXT_MOST, "KF-207", "bytes are too long");
  return value;
}

/** The text of day n; day 1 is 0001-01-01. */
export function dayText(day) {
  check(day >= 1n && day <= LAST_DAY, "a day that the calendar does not have");
  const date = new Date(Number(day - EPOCH_DAY) * 86_400_000);
  const parts = [[date.getUTCFullYear(), 4], [date.getUTCMonth() + 1, 2], [date.getUTCDate(), 2]];
  return parts.map(([part, width]) => String(part).padStart(width, "0")).join("-");
}

/** The text of so many days after 1970-01-01. */
export const dayAfterEpoch = (days) => dayText(days + EPOCH_DAY);

/** The text of a moment in microseconds from the start of day 0. */
export function momentText(value) {
  const day = floorDiv(value, DAY);
  const rest = value - day * DAY;
  const seconds = Number(rest / MICROSECONDS);
  const fraction = rest % MICROSECONDS;
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((n) => String(n).padStart(2, "0"));
  return `${dayText(day)} ${clock.join(":")}${fraction ? `.${String(fraction).padStart(6, "0")}` : ""}`;
}

/** The text of a moment in microseconds after 1970-01-01 00:00:00. */
export const momentAfterEpoch = (value) => momentText(value + EPOCH_DAY * DAY);

/** An integer / 10^scale with exactly `scale` digits behind the point. */
export function decimalText(value, scale) {
  const sign = value < 0n ? "-" : "";
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The same without zeros at the end of the fraction, and without a bare point. */
export function trimmedText(value, scale) {
  const written = decimalText(value, scale);
  return scale === 0 ? written : written.replace(/0+$/, "").replace(/\.$/, "");
}

// --- derived ids ----------------------------------------------------------------------------------------

/** UUIDv5 of RFC 9562: SHA-1 of the namespace and a name. */
function uuid5(namespace, name) {
  const bytes = new Uint8Array(createHash("sha1").update(namespace).update(name).digest().subarray(0, 16));
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes;
}

const NAMESPACE = uuid5(new Uint8Array(16), "kirim-file");

/** The id that a natural key gives in a table. */
export const derivedId = (table, values) => uuid(uuid5(NAMESPACE, [table, ...values.map(String)].join("\0")));
