/** Pieces of Markdown that several pages are made of. */

export function code(text: string): string {
  return `\`${text}\``;
}

/** A row of a table. */
export function cells(texts: readonly string[]): string {
  return `| ${texts.join(" | ")} |`;
}

/** The names as code, at most `shown` of them. */
export function listed(names: readonly string[], shown = names.length): string {
  const more = names.length > shown ? ` and ${names.length - shown} more` : "";
  return `${names.slice(0, shown).map(code).join(", ")}${more}`;
}

export function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** The anchor of a heading, and the name of a page of that title. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-");
}
