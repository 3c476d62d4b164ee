/**
 * A schedule says who runs when: `A:3 B:1 A:2` lets A take three steps, B one, A two more. A step
 * goes from one switch point to the next. The text is what `--schedule` replays.
 */

/** Who takes each step, by actor name. */
export type Schedule = readonly string[];

/** `A:3 B:1 A:2`. */
export function scheduleText(schedule: Schedule): string {
  const runs: string[] = [];
  for (let i = 0; i < schedule.length; ) {
    let end = i + 1;
    while (end < schedule.length && schedule[end] === schedule[i]) end++;
    runs.push(`${schedule[i]}:${end - i}`);
    i = end;
  }
  return runs.join(" ");
}

/** Parses a schedule, or says what is wrong with the text. Names are checked by the explorer. */
export function parseSchedule(text: string): { schedule: Schedule } | { error: string } {
  const schedule: string[] = [];
  for (const run of text
    .trim()
    .split(/\s+/)
    .filter((part) => part !== "")) {
    const match = /^([A-Za-z][A-Za-z0-9_]*):([0-9]{1,5})$/.exec(run);
    if (match === null) return { error: `'${run}' is not NAME:STEPS, as in 'A:3 B:1 A:2'` };
    for (let i = Number(match[2]); i > 0; i--) schedule.push(match[1]);
  }
  return { schedule };
}

/** How often the running actor changes: fewer is easier to read. */
export function switches(schedule: Schedule): number {
  let n = 0;
  for (let i = 1; i < schedule.length; i++) if (schedule[i] !== schedule[i - 1]) n++;
  return n;
}

/** Orders schedules by how easy they are to follow: fewest switches, then fewest steps, then by name. */
export function compareSchedules(a: Schedule, b: Schedule): number {
  const bySwitches = switches(a) - switches(b) || a.length - b.length;
  if (bySwitches !== 0) return bySwitches;
  const textA = scheduleText(a);
  const textB = scheduleText(b);
  return textA < textB ? -1 : textA > textB ? 1 : 0;
}
