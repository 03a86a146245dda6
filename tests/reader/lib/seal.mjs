// HPKE, HKDF and the body's chunks (docs/format.md 1.5, 1.6).
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { createDecipheriv, createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";

import { domain, join, same } from "./bytes.mjs";
import { encode } from "./msgpack.mjs";
import { must } from "./refused.mjs";

const CHUNK = 65_536;
const TAG = 16;
const SUITES = {
  1: { kem: () => new DhkemX25519HkdfSha256(), enc: 32 },
  2: { kem: () => new XWing(), enc: 1120 },
};
/** Coefficients of an ML-KEM key: 768 of 12 bits, each below 3,329 (FIPS 203, 7.2). */
const LATTICE = { bytes: 1152, most: 3329 };

/** The public seal key of a private one. */
export async function sealKey(suite, seed) {
  const kem = SUITES[suite].kem();
  if (suite === 2) return new Uint8Array(await kem.serializePublicKey((await kem.generateKeyPairDerand(seed.slice())).publicKey));
  const front = Buffer.from("302e020100300506032b656e04220420", "hex");
  const key = createPrivateKey({ key: Buffer.concat([front, seed]), format: "der", type: "pkcs8" });
  return new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32));
}

/** Whether HPKE can seal to a public key. */
export async function canSeal(suite, key) {
  if (suite === 2 && !soundLattice(key)) return false;
  const kem = SUITES[suite].kem();
  try {
    const recipientPublicKey = await kem.importKey("raw", key.slice().buffer, true);
    await cipher(kem).createSenderContext({ recipientPublicKey });
    return true;
  } catch {
    return false;
  }
}

function soundLattice(key) {
  for (let at = 0; at < LATTICE.bytes; at += 3) {
    const [a, b, c] = key.subarray(at, at + 3);
    if ((a | ((b & 15) << 8)) >= LATTICE.most || ((b >> 4) | (c << 4)) >= LATTICE.most) return false;
  }
  return true;
}

const cipher = (kem) => new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() });

/** Step 9: the file key F that a wrap holds, and the body key. */
export async function openWrap(header, wrap, seed) {
  const { kem: make, enc } = SUITES[header.suite];
  const kem = make();
  const info = join(domain("kirim/1 bungkus"), encode(header.bound));
  let fileKey;
  try {
    const recipientKey = await kem.importKey("raw", seed.slice().buffer, false);
    const context = await cipher(kem).createRecipientContext({
      recipientKey, enc: wrap.sealed.slice(0, enc).buffer, info: info.buffer.slice(info.byteOffset, info.byteOffset + info.length),
    });
    fileKey = new Uint8Array(await context.open(wrap.sealed.slice(enc).buffer));
  } catch {
    must(false, "KF-306", "the wrap does not open");
  }
  const grown = new Uint8Array(hkdfSync("sha256", fileKey, new Uint8Array(0), Buffer.from("kirim/1 isi"), 64));
  must(same(grown.subarray(32), header.commitment), "KF-306", "the wrap holds another file key");
  return { fileKey, bodyKey: grown.subarray(0, 32) };
}

/** Step 10: the plaintext of a body. */
export function openBody(body, bodyKey) {
  const parts = [];
  const count = Math.max(1, Math.ceil(body.length / (CHUNK + TAG)));
  for (let n = 0; n < count; n += 1) {
    const sealed = body.subarray(n * (CHUNK + TAG), (n + 1) * (CHUNK + TAG));
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(n, 5, 6);
    nonce[11] = n === count - 1 ? 1 : 0;
    const opener = createDecipheriv("aes-256-gcm", bodyKey, nonce, { authTagLength: TAG });
    opener.setAuthTag(sealed.subarray(-TAG));
    parts.push(opener.update(sealed.subarray(0, -TAG)));
    try {
      opener.final();
    } catch {
      must(false, "KF-307", `chunk ${n} does not open`);
    }
  }
  return new Uint8Array(Buffer.concat(parts));
}
