/** A text's fingerprint: 64-bit FNV-1a over its UTF-8 bytes, in hex. */

// The prime is 2^40 + 0x1b3; the state is kept as four 16-bit limbs, lowest first.
const LOW = 0x1b3;

export function fingerprint(text: string): string {
  let h0 = 0x2325,
    h1 = 0x8422,
    h2 = 0x9ce4,
    h3 = 0xcbf2;
  const eat = (byte: number): void => {
    h0 ^= byte;
    // state * 2^40: limb 0 goes to bits 40.., that is limb 2 shifted by 8, and limb 3.
    const t0 = h0 * LOW;
    const t1 = h1 * LOW + (t0 >>> 16);
    const t2 = h2 * LOW + (t1 >>> 16) + ((h0 << 8) & 0xffff);
    const t3 = h3 * LOW + (t2 >>> 16) + (((h1 << 8) | (h0 >>> 8)) & 0xffff);
    h0 = t0 & 0xffff;
    h1 = t1 & 0xffff;
    h2 = t2 & 0xffff;
    h3 = t3 & 0xffff;
  };
  for (let i = 0; i < text.length; i++) {
    let c = text.charCodeAt(i);
    if (c < 0x80) {
      eat(c);
      continue;
    }
    if (c >= 0xd800 && c < 0xdc00 && i + 1 < text.length) {
      const low = text.charCodeAt(i + 1);
      if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        i++;
      }
    }
    if (c < 0x800) eat(0xc0 | (c >> 6));
    else {
      if (c < 0x10000) eat(0xe0 | (c >> 12));
      else {
        eat(0xf0 | (c >> 18));
        eat(0x80 | ((c >> 12) & 63));
      }
      eat(0x80 | ((c >> 6) & 63));
    }
    eat(0x80 | (c & 63));
  }
  return [h3, h2, h1, h0].map((limb) => limb.toString(16).padStart(4, "0")).join("");
}
