// Whose keys are trusted: certificates and the sender (docs/format.md 3.2, 3.3; step 5 of section 2).
import { domain, hex, join, same } from "./bytes.mjs";
import { KIND, SEAL_KEY, keyId, signatureHolds, soundVerifyKey } from "./keys.mjs";
import { SIGNED, bin, decode, list, uint } from "./msgpack.mjs";
import { must, refusing } from "./refused.mjs";
import { canSeal } from "./seal.mjs";

const U32 = 2 ** 32 - 1;
const NOWHERE = new Uint8Array(16);
/** Kinds of certificates by the kind of the package that they may ride in. */
const RIDES = { 1: [KIND.akar, KIND.pusat, KIND.dinas], 2: [KIND.perangkat, KIND.kepala], 3: [KIND.akar, KIND.pusat, KIND.dinas] };
const MAY_SIGN = {
  [KIND.akar]: [KIND.kodePerangkat, KIND.kodeKepala, KIND.akar],
  [KIND.pusat]: [KIND.akar],
  [KIND.dinas]: [KIND.akar],
  [KIND.perangkat]: [KIND.kodePerangkat, KIND.perangkat],
  [KIND.kepala]: [KIND.kodeKepala, KIND.kepala, KIND.kodePerangkat],
};
const isServers = (kind) => kind === KIND.akar || kind === KIND.pusat;

/** The keys that a reader trusts, by scope and id. */
export class Trusted {
  constructor() {
    this.keys = new Map();
  }

  /** Take a key as trusted; of several certificates for one key the highest serial speaks, of equal ones the first. */
  add(key) {
    const known = this.keys.get(place(key));
    if (!known || known.serial < key.serial) this.keys.set(place(key), key);
  }

  find(kinds, id, scope) {
    for (const where of [NOWHERE, scope]) {
      const found = this.keys.get(hex(where) + hex(id));
      if (found && kinds.includes(found.kind) && isServers(found.kind) === same(where, NOWHERE)) return found;
    }
    return undefined;
  }

  /** Remember a certificate that was checked. */
  know({ body }, certificate) {
    this.add({ ...certificate, word: hex(body) });
  }

  /** Whether a certificate speaks for its key already, word for word. */
  speaks({ body }, certificate) {
    return this.keys.get(place(certificate))?.word === hex(body);
  }
}

const place = ({ kind, scope, id }) => hex(isServers(kind) ? NOWHERE : scope) + hex(id);

/** The body of a certificate, by field; it is canonical and of its form. */
export function parseBody(body, check) {
  const items = list(decode(body, check, SIGNED), 10, 10, check, "a certificate");
  const [form, kind, suite, scope, serial, verifyKey, seal, subject, issuer, lowest] = items;
  check(uint(form, 1, check, "form") === 1, "form 0");
  const found = {
    kind: uint(kind, 5, check, "kind"),
    suite: uint(suite, 2, check, "suite"),
    scope: bin(scope, [16], check, "scope"),
    serial: uint(serial, U32, check, "serial"),
    verifyKey: bin(verifyKey, [32], check, "verify key"),
    subject: bin(subject, [Number(kind) === KIND.kepala ? 16 : 0], check, "subject"),
    issuer: bin(issuer, [8], check, "issuer"),
    lowest: uint(lowest, U32, check, "lowest"),
  };
  check(found.kind >= 1 && found.suite >= 1, "kind or suite 0");
  found.sealKey = bin(seal, [found.kind === KIND.kepala ? 0 : SEAL_KEY[found.suite]], check, "seal key");
  const nowhere = same(found.scope, NOWHERE);
  if (isServers(found.kind)) check(nowhere, "a server's key has a scope");
  if (found.kind === KIND.perangkat || found.kind === KIND.kepala) check(!nowhere, "a school's key has no scope");
  return { ...found, id: keyId(found.kind, found.suite, found.verifyKey, found.sealKey) };
}

/** Check the certificates of a header, in order, and trust them. */
export async function takeCertificates(header, trusted) {
  const check = refusing("KF-303");
  for (const certificate of header.certificates) {
    const found = parseBody(certificate.body, check);
    check(RIDES[header.kind].includes(found.kind), "a kind that does not ride in this kind of package");
    if (trusted.speaks(certificate, found)) continue;
    const issuer = trusted.find(MAY_SIGN[found.kind], found.issuer, header.scope);
    check(issuer, "nobody trusted who may sign this has signed it");
    checkIssuer(found, issuer, check);
    check(signatureHolds(issuer.verifyKey, join(domain("kirim/1 sertifikat"), certificate.body), certificate.signature), "signature");
    check(soundVerifyKey(found.verifyKey), "verify key");
    check(found.kind === KIND.kepala || (await canSeal(found.suite, found.sealKey)), "seal key");
    trusted.know(certificate, found);
  }
}

function checkIssuer(found, issuer, check) {
  const ofSchool = found.kind === KIND.perangkat || found.kind === KIND.kepala;
  if (ofSchool) check(same(found.scope, issuer.scope), "another scope than the issuer's");
  const person = issuer.subject ?? new Uint8Array(0);
  if (found.kind === KIND.kepala && person.length > 0) check(same(found.subject, person), "another assignment");
  check(found.serial >= issuer.lowest, "a serial below the issuer's lowest");
}

/** The sender of a package: known within its scope, of the kind that signs such packages. */
export function findSender(header, trusted) {
  const sender = trusted.find([header.kind === 2 ? KIND.perangkat : KIND.pusat], header.sender, header.scope);
  must(sender, "KF-304", "an unknown sender");
  if (sender.kind === KIND.pusat && sender.issuer) {
    const root = trusted.find([KIND.akar], sender.issuer, NOWHERE);
    must(!root || sender.serial >= root.lowest, "KF-303", "the sender's serial is below its root's lowest");
  }
  return sender;
}
