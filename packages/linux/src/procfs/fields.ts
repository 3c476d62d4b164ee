/** Lines of the form `Name:   12 kB` or `Name: word word`, as most of /proc has them. */

/** Name → text behind the colon, without surrounding space. A later line of the same name wins. */
export function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) fields.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return fields;
}

/** A number in bytes (`12 kB`) or as it is (`12`); undefined when there is none. */
export function quantity(text: string | undefined): number | undefined {
  const found = text === undefined ? null : /^(-?\d+)(?:\s+(kB))?$/.exec(text);
  if (found === null) return undefined;
  return Number(found[1]) * (found[2] === undefined ? 1 : 1024);
}

/** Every named quantity of a text, in bytes where /proc says kB. Fields without a number are left out. */
export function quantities(text: string, names: readonly string[]): Record<string, number> {
  const fields = fieldsOf(text);
  const found: Record<string, number> = {};
  for (const name of names) {
    const value = quantity(fields.get(name));
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** What was gained from one reading to the next, for names that both have. */
export function gained(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  const difference: Record<string, number> = {};
  for (const [name, value] of Object.entries(after)) {
    if (name in before) difference[name] = value - before[name];
  }
  return difference;
}
