/** What the model knows, for the checker of the language. */
import { driverDevices } from "@litmap/litmus";
import { arches, points, releases } from "@litmap/model";
import type { Vocabulary } from "@litmap/litmus";

export const vocabulary: Vocabulary = {
  releases,
  arches: Object.keys(arches),
  devices: Object.keys(driverDevices),
  points: Object.fromEntries(Object.entries(points).map(([name, point]) => [name, Object.keys(point.choices)])),
};
