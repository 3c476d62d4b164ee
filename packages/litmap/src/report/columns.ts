/** Text in columns, aligned on what people see: colour codes have no width. */

const colour = /\x1b\[[0-9;]*m/g;

export function widthOfText(text: string): number {
  return text.replace(colour, "").length;
}

export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOfText(text)));
}

/** Rows as lines; a column is as wide as its widest cell, at least `least` of it, and two spaces stand between. */
export function columns(rows: readonly (readonly string[])[], least: readonly number[] = []): string[] {
  const widths = [...least];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, widthOfText(cell))));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** Breaks text at spaces into lines of at most `width`. A word that is longer stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines;
}

/** `1 test`, `2 tests`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** `38 ms`, `4.2 s`, `3 min 20 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
