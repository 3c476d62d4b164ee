export { explore, runSchedule } from "./explore.js";
export type { Exploration, ExploreOptions } from "./explore.js";
export { defaultLimits, enumerate, replay } from "./enumerate.js";
export type { Branch, Counts, Ending, Enumeration, Limits, Taken, World } from "./enumerate.js";
export { compareSchedules, parseSchedule, scheduleText, switches } from "./schedule.js";
export type { Schedule } from "./schedule.js";
