// One line of JSON for each figure; run.mjs makes the table.
export function measured(what, value, unit, relation, limit) {
  const ok = relation === ">=" ? value >= limit : value <= limit;
  process.stdout.write(`${JSON.stringify({ what, value, unit, relation, limit, ok })}\n`);
}

/** What could not be measured here, and why. */
export function skipped(what, reason) {
  process.stdout.write(`${JSON.stringify({ what, skipped: reason })}\n`);
}

export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
