// Frame and header (docs/format.md 1.2, 1.3; steps 1 to 3 of section 2).
import { domain, same, sha256, unhex } from "./bytes.mjs";
import { SIGNED, bin, decode, list, uint } from "./msgpack.mjs";
import { must, refusing } from "./refused.mjs";

const MAGIC = unhex("894b524d0d0a1a0a");
const FILE_MOST = 512 * 1024 * 1024;
const HEADER_MOST = 16_384;
const U32 = 2 ** 32 - 1;
const SEALED_CHUNK = 65_552;
const TAG = 16;
/** Bytes of a wrap by suite. */
const WRAP = { 1: 80, 2: 1168 };

/** Steps 1 to 3: return the parts of a file and its header. */
export function parseFile(file) {
  must(file.length <= FILE_MOST, "KF-207", "the file is too large");
  const begun = file.subarray(0, MAGIC.length);
  must(same(begun, MAGIC.subarray(0, begun.length)), "KF-201", "another magic");
  must(file.length >= 12, "KF-204", "the file ends inside the frame");
  must(file[8] <= 1, "KF-202", "a later format");
  must(file[8] === 1, "KF-203", "format 0");
  const size = (file[9] << 16) | (file[10] << 8) | file[11];
  must(size >= 1 && size <= HEADER_MOST, "KF-203", "a header of that length is never written");
  must(file.length >= 76 + size, "KF-204", "the file ends before its body");
  const prefix = file.subarray(0, 12 + size);
  return {
    prefix,
    packageId: sha256(prefix),
    header: parseHeader(prefix.subarray(12)),
    signature: file.subarray(12 + size, 76 + size),
    body: file.subarray(76 + size),
  };
}

function parseHeader(bytes) {
  const check = refusing("KF-203");
  const elements = list(decode(bytes, check, SIGNED), 1, 16, check, "the header");
  refuseNewer(elements[0], check);
  check(elements.length === 10, "a header has 10 elements");
  const [suite, kind, scope, number, sender, bodyLength, bodyHash, commitment, wraps, certificates] = elements;
  const header = {
    suite: uint(suite, 2, check, "suite"),
    kind: uint(kind, 5, check, "kind"),
    scope: bin(scope, [16], check, "scope"),
    number: uint(number, U32, check, "number"),
    sender: bin(sender, [8], check, "sender"),
    bodyLength: uint(bodyLength, 2 ** 40, check, "body length"),
    bodyHash: bin(bodyHash, [32], check, "body hash"),
    commitment: bin(commitment, [32], check, "commitment"),
    wraps: list(wraps, 1, 4, check, "wraps").map((wrap) => parseWrap(wrap, Number(suite), check)),
    certificates: list(certificates, 0, 4, check, "certificates").map((one) => parseCertificate(one, check)),
    bound: elements.slice(0, 8),
  };
  check(header.kind >= 1, "kind 0");
  const rest = header.bodyLength % SEALED_CHUNK;
  check(header.bodyLength >= TAG && (header.bodyLength === TAG || rest === 0 || rest > TAG), "no chunks fill that body");
  const receivers = new Set(header.wraps.map((wrap) => Buffer.from(wrap.receiver).toString("hex")));
  check(receivers.size === header.wraps.length, "the same receiver twice");
  return header;
}

/** An unknown suite is newer, and then nothing behind element 0 is judged. */
function refuseNewer(suite, check) {
  check(typeof suite === "bigint" && suite !== 0n, "a suite that was never written");
  must(suite <= 2n, "KF-202", "an unknown suite");
}

function parseWrap(value, suite, check) {
  const [receiver, sealed] = list(value, 2, 2, check, "a wrap");
  return { receiver: bin(receiver, [8], check, "receiver"), sealed: bin(sealed, [WRAP[suite]], check, "wrap") };
}

function parseCertificate(value, check) {
  const [body, signature] = list(value, 2, 2, check, "a certificate");
  check(body instanceof Uint8Array && body.length >= 1 && body.length <= 1536, "a certificate's body");
  return { body, signature: bin(signature, [64], check, "a certificate's signature") };
}

/** The bytes that the sender signs. */
export const signed = (prefix) => Buffer.concat([domain("kirim/1 header"), prefix]);
