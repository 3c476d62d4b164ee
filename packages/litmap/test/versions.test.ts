/** Versions of Linux as a user writes them, and kernels that are newer than what the model knows. */
import { join } from "node:path";
import { designOf, newestRelease, releases } from "@litmap/model";
import { describe, expect, test } from "vitest";
import { ageNote } from "../src/machines/kernel.js";
import { releaseOf } from "../src/choices.js";
import { repository } from "../src/places.js";
import { litmap } from "./command.js";

describe("versions", () => {
  test("a release or an update that is known is taken as it is written", () => {
    const texts = ["6.12", "v6.12", "6.12.118", "6.12.0", "5.13", "6.5.13", "7.1.5", ...releases];
    expect(texts.map(releaseOf)).toEqual([
      "6.12",
      "6.12",
      "6.12.118",
      "6.12.0",
      "5.13",
      "6.5.13",
      "7.1.5",
      ...releases,
    ]);
  });

  test.each(["6.12.119", "5.13.1", "7.4", "5.9", "6", "6.12-rc1", "6.12.118+deb13-amd64", "6.12.118.1", ""])(
    "%s is refused with the list of those that are",
    (text) => {
      expect(() => releaseOf(text)).toThrow(`the model knows no release '${text}'`);
    },
  );

  test("a kernel that is newer than what is known runs, and the user is told", () => {
    expect(ageNote("6.12.118")).toEqual([]);
    expect(ageNote("6.12.130")).toEqual([
      "Linux 6.12.130 is newer than what the model knows, 6.12.118: what later updates of 6.12 changed is not in it",
    ]);
    expect(ageNote("7.9.1")[0]).toMatch(/^Linux 7\.9\.1 is newer than what the model knows, 7\.3\.\d+: what later rel/);
    expect(() => ageNote("4.19.300")).toThrow("the model knows no Linux 4.19.300");
    expect(designOf("6.12.130")).toEqual(designOf("6.12"));
    expect(designOf("7.4.1")).toMatchObject({ "generic-access-phys.checks": "io-memory" });
    expect(newestRelease).toBe(releases.at(-1));
  });

  test("diff of two updates lists what the later one changed; --arch is of models alone", async () => {
    const env = { LITMAP_CORPUS: join(repository(), "corpus") };
    const bar = await litmap(
      ["diff", "model:6.12.117", "model:6.12.118", "--tests", "bar-mem-past-the-end", "bar-flags", "--json"],
      { env },
    );
    expect(bar.stdout.trim().split("\n")).toHaveLength(1);
    expect(JSON.parse(bar.stdout)).toMatchObject({
      test: "bar-mem-past-the-end",
      values: { a: { before: 4096, after: 1024 } },
    });
    const arm = await litmap(["diff", "host", "host", "--arch", "arm"]);
    expect([arm.status, arm.stderr.split("\n")[0]]).toEqual([
      2,
      "litmap: --arch arm is for models: host and host have architectures of their own",
    ]);
  });
});
