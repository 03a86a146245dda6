// What this reader answers when it does not take a file: the codes are those of docs/format.md.

export class Refused extends Error {
  constructor(code, detail) {
    super(`${code} ${detail}`);
    this.code = code;
    this.detail = detail;
  }
}

/** Refuse unless a claim holds. */
export function must(claim, code, detail) {
  if (!claim) throw new Refused(code, detail);
}

/** Return must() for one code: what a part of a file is checked with. */
export const refusing = (code) => (claim, detail) => must(claim, code, detail);

/** What no writer writes, though a reader may take it: refused under --strict only. */
export const oneForm = { asked: false };
export function inOneForm(claim, detail) {
  if (oneForm.asked) must(claim, "KF-208", detail);
}
