// The order of verification up to the plaintext (docs/format.md, section 2, steps 1 to 10).
import { hex, same, sha256 } from "./bytes.mjs";
import { parseFile, signed } from "./header.mjs";
import { signatureHolds } from "./keys.mjs";
import { must } from "./refused.mjs";
import { openBody, openWrap } from "./seal.mjs";
import { findSender, takeCertificates } from "./trust.mjs";

/** Open a file: `home` says which kinds come in and whom it trusts, `keys` are its own. */
export async function open(file, keys, home) {
  const { prefix, packageId, header, signature, body } = parseFile(file);
  must(home.kinds.includes(header.kind), "KF-301", "this kind of package does not come in here");
  const [wrap, mine] = ownWrap(header, keys);
  await takeCertificates(header, home.trusted);
  const sender = findSender(header, home.trusted);
  must(signatureHolds(sender.verifyKey, signed(prefix), signature), "KF-305", "the signature does not hold");
  must(body.length >= header.bodyLength, "KF-204", "the file ends inside the body");
  must(body.length <= header.bodyLength, "KF-205", "bytes follow the body");
  must(same(sha256(body), header.bodyHash), "KF-206", "the body is damaged");
  const { fileKey, bodyKey } = await openWrap(header, wrap, mine.seed);
  return { packageId, header, sender, fileKey, plaintext: openBody(body, bodyKey) };
}

function ownWrap(header, keys) {
  for (const wrap of header.wraps) {
    const mine = keys.find((key) => key.suite === header.suite && hex(key.id) === hex(wrap.receiver));
    if (mine) return [wrap, mine];
  }
  return must(false, "KF-302", "no wrap is for one of my keys");
}
