// Keys: ids, sound verify keys, signatures, key files, codes (docs/format.md 3.1, 3.3, 3.4, 3.10).
import { createPrivateKey, createPublicKey, hkdfSync, verify } from "node:crypto";

import { domain, hex, join, same, sha256 } from "./bytes.mjs";
import { SIGNED, bin, decode, encode, list, uint } from "./msgpack.mjs";
import { refusing } from "./refused.mjs";
import { sealKey } from "./seal.mjs";

export const KIND = { akar: 1, pusat: 2, perangkat: 3, kepala: 4, dinas: 5, kodePerangkat: 6, kodeKepala: 7, arsip: 8 };

/** Length of a seal key by suite. */
export const SEAL_KEY = { 1: 32, 2: 1216 };

/** First 8 bytes that name the keys of one holder. */
export const keyId = (kind, suite, verifyKey, seal) =>
  sha256(domain("kirim/1 kunci"), new Uint8Array([kind, suite]), verifyKey, seal).subarray(0, 8);

const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** Whether an Ed25519 signature holds. */
export function signatureHolds(verifyKey, message, signature) {
  const key = createPublicKey({ key: Buffer.concat([SPKI, verifyKey]), format: "der", type: "spki" });
  return verify(null, message, key, signature);
}

function verifyKeyOf(seed) {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  return new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32));
}

// --- sound verify keys: the curve of RFC 8032 ---------------------------------------------------------

const P = 2n ** 255n - 19n;
const power = (base, exponent) => {
  let out = 1n;
  for (let b = base % P, e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) if (e & 1n) out = (out * b) % P;
  return out;
};
const D = (P - 121665n) * power(121666n, P - 2n) % P;

/** Whether a verify key is a point of the curve, in its one form, and not of small order. */
export function soundVerifyKey(bytes) {
  const y = BigInt(`0x${hex(bytes.slice().reverse())}`) & ((1n << 255n) - 1n);
  if (y >= P) return false;
  const square = (y * y) % P;
  // x^2 = (y^2 - 1) / (d y^2 + 1) must be a square.
  const right = ((square - 1n + P) * power(D * square + 1n, P - 2n)) % P;
  if (right !== 0n && power(right, (P - 1n) / 2n) !== 1n) return false;
  return !smallOrder(square, right);
}

// Of order 1, 2: x = 0 (y = 1, -1). Of order 4: y = 0. Of order 8: doubling it gives y = 0, that is y^2 = -x^2.
const smallOrder = (square, right) => right === 0n || square === 0n || (square + right) % P === 0n;

// --- key files and codes ------------------------------------------------------------------------------

const FILE = domain("kirim/1 berkas kunci");

/** The keys in a key file of 3.10. */
export async function readKeyFile(bytes) {
  const check = refusing("KF-106");
  check(bytes.length <= 512 && same(bytes.subarray(0, FILE.length), FILE), "no key file");
  const items = list(decode(bytes.subarray(FILE.length), check, SIGNED), 7, 7, check, "the key file");
  const [form, kind, suite, verifyKey, signKey, seed, sum] = items;
  const written = join(FILE, encode(items.slice(0, 6)));
  check(same(sha256(written).subarray(0, 8), bin(sum, [8], check, "the sum")), "the key file was changed");
  check(uint(form, 1, check, "form") === 1, "form 0");
  bin(signKey, [0, 32], check, "the Ed25519 key");
  check(signKey.length === 0 || same(verifyKeyOf(signKey), verifyKey), "the halves are not of one key");
  return holder(uint(kind, 8, check, "kind"), uint(suite, 2, check, "suite"), verifyKey, bin(seed, [0, 32], check, "seed"));
}

/** The keys that grow from a registration code, by kind 6 or 7. */
export async function codeKeys(kind, code, scope) {
  const grown = new Uint8Array(hkdfSync("sha256", code, scope, Buffer.from("kirim/1 kode"), 64));
  return holder(kind, 2, verifyKeyOf(grown.subarray(0, 32)), grown.subarray(32));
}

async function holder(kind, suite, verifyKey, seed) {
  const seal = seed.length === 0 ? new Uint8Array(0) : await sealKey(suite, seed);
  return { kind, suite, verifyKey, sealKey: seal, seed, id: keyId(kind, suite, verifyKey, seal) };
}
