/**
 * The machine's own apt sources, read for one thing: where its Debian mirror is.
 * Both the one-line form and deb822 are understood.
 */

export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** The Signed-By field as written: a path, a fingerprint or a whole key; empty when absent. */
  readonly signedBy: string;
}

/** One `.sources` file (deb822). Stanzas that are disabled or hold only sources are left out. */
export function parseDeb822(text: string): AptSource[] {
  return text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    let current = "";
    for (const line of stanza.split("\n")) {
      if (line.startsWith("#")) continue;
      const field = /^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$/.exec(line);
      if (field) {
        current = field[1]!.toLowerCase();
        fields.set(current, field[2]!.trim());
      } else if (current !== "" && /^[ \t]/.test(line)) {
        fields.set(current, `${fields.get(current)}\n${line.trimEnd()}`);
      }
    }
    const words = (name: string): string[] => (fields.get(name) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!words("types").includes("deb") || /^(no|false|0)$/i.test(fields.get("enabled") ?? "")) return [];
    return words("uris").map((uri) => ({
      uri,
      suites: words("suites"),
      components: words("components"),
      signedBy: fields.get("signed-by") ?? "",
    }));
  });
}

/** One `.list` file: `deb [options] URI SUITE COMPONENT…`. */
export function parseOneLine(text: string): AptSource[] {
  return text.split("\n").flatMap((raw) => {
    const line = raw.replace(/#.*$/, "").trim();
    const found = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line);
    if (!found) return [];
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(found[1] ?? "")?.[1] ?? "";
    return [
      {
        uri: found[2]!,
        suites: [found[3]!],
        components: found[4]!.split(/\s+/).filter((word) => word !== ""),
        signedBy: signedBy.replaceAll(",", " "),
      },
    ];
  });
}

/** Debian's names for releases that carry kernels from 5.10 on; the rolling ones last. */
export const debianSuites = ["bullseye", "bookworm", "trixie", "forky", "sid", "experimental"] as const;

const aliases = new Set<string>([...debianSuites, "oldoldstable", "oldstable", "stable", "testing", "unstable"]);

export interface DebianMirror {
  /** The archive and, where the machine has one, the archive of security updates. */
  readonly archive: AptSource;
  readonly security?: AptSource;
}

/** The first sources that serve Debian itself; undefined where the machine has none. */
export function findDebian(sources: readonly AptSource[]): DebianMirror | undefined {
  const main = sources.filter((source) => source.components.includes("main"));
  const archive = main.find((source) => source.suites.some((suite) => aliases.has(suite)));
  if (!archive) return undefined;
  const security = main.find((source) =>
    source.suites.some(
      (suite) => aliases.has(suite.replace(/(-security|\/updates)$/, "")) && /(-security|\/updates)$/.test(suite),
    ),
  );
  return security ? { archive, security } : { archive };
}

/** A deb822 file that asks the mirror for every suite that may hold a kernel. */
export function kernelSources(mirror: DebianMirror, architecture: string): string {
  const stanza = (source: AptSource, suite: string): string =>
    [
      "Types: deb",
      `URIs: ${source.uri}`,
      `Suites: ${suite}`,
      "Components: main",
      `Architectures: ${architecture}`,
      ...(source.signedBy === "" ? [] : [`Signed-By: ${source.signedBy}`]),
    ].join("\n");
  const stanzas: string[] = [];
  for (const suite of debianSuites) {
    stanzas.push(stanza(mirror.archive, suite));
    if (suite === "sid" || suite === "experimental") continue;
    if (suite !== "bullseye" && suite !== "forky") stanzas.push(stanza(mirror.archive, `${suite}-backports`));
    if (mirror.security) stanzas.push(stanza(mirror.security, `${suite}-security`));
  }
  return `${stanzas.join("\n\n")}\n`;
}
