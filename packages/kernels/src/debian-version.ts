/** The order of Debian package versions (deb-version(7)). */

/** Negative, zero or positive, as `a` comes before, with or after `b`. */
export function compareDebianVersions(a: string, b: string): number {
  const left = split(a);
  const right = split(b);
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? "" : rest.slice(dash + 1),
  };
}

/** Runs of non-digits and of digits by turns; `~` sorts before the end, letters before everything else. */
function compareParts(a: string, b: string): number {
  let left = a;
  let right = b;
  while (left !== "" || right !== "") {
    const leftText = /^\D*/.exec(left)![0];
    const rightText = /^\D*/.exec(right)![0];
    for (let i = 0; i < Math.max(leftText.length, rightText.length); i++) {
      const difference = weight(leftText[i]) - weight(rightText[i]);
      if (difference !== 0) return difference;
    }
    left = left.slice(leftText.length);
    right = right.slice(rightText.length);
    const leftDigits = /^\d*/.exec(left)![0];
    const rightDigits = /^\d*/.exec(right)![0];
    const difference = Number(leftDigits) - Number(rightDigits);
    if (difference !== 0) return difference;
    left = left.slice(leftDigits.length);
    right = right.slice(rightDigits.length);
  }
  return 0;
}

function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === "~") return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}
