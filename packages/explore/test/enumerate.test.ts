import { acquire, access, Lock, release } from "@litmap/model";
import { describe, expect, test } from "vitest";
import { enumerate, replay } from "../src/enumerate.js";
import { compareSchedules, parseSchedule, scheduleText } from "../src/schedule.js";
import type { Branch, Ending, World } from "../src/enumerate.js";
import type { Path } from "@litmap/model";

const on = { concurrent: true };

function* steps(objects: readonly string[], write = true, log: string[] = []): Path<void> {
  for (const object of objects) {
    yield* access(on, object, write);
    log.push(object);
  }
}

function* critical(lock: Lock, inside: () => void, mode: "read" | "write" = "write"): Path<void> {
  yield* acquire(on, lock, mode);
  inside();
  yield* release(on, lock);
}

/** A world of one section. */
const once = (branches: Branch[]): World => {
  let left: Branch[] | undefined = branches;
  return {
    section() {
      const now = left;
      left = undefined;
      return now;
    },
  };
};

function count(make: () => World, reduce: boolean) {
  const endings: Ending["kind"][] = [];
  const { counts, complete } = enumerate(make, (_, ending) => endings.push(ending.kind), { reduce });
  return { ...counts, complete, endings: [...new Set(endings)].sort() };
}

const pair = (a: () => Path<void>, b: () => Path<void>) => () =>
  once([
    { actor: "A", path: a() },
    { actor: "B", path: b() },
  ]);

describe("enumeration", () => {
  test("runs every order of dependent steps, with and without reduction", () => {
    const make = pair(
      () => steps(["x", "x", "x"]),
      () => steps(["x", "x"]),
    );
    // 5! / (3! 2!) orders.
    expect(count(make, false)).toMatchObject({ executions: 10, redundant: 0, complete: true });
    expect(count(make, true)).toMatchObject({ executions: 10, redundant: 0, complete: true });
  });

  test("runs one order of independent steps", () => {
    const make = pair(
      () => steps(["x", "x", "x"]),
      () => steps(["y", "y"]),
    );
    expect(count(make, false).executions).toBe(10);
    expect(count(make, true).executions).toBe(1);
  });

  test("lets readers commute, and not readers with writers", () => {
    expect(
      count(
        pair(
          () => steps(["x"], false),
          () => steps(["x"], false),
        ),
        true,
      ).executions,
    ).toBe(1);
    expect(
      count(
        pair(
          () => steps(["x"], false),
          () => steps(["x"], true),
        ),
        true,
      ).executions,
    ).toBe(2);
  });

  test("keeps a critical section whole", () => {
    const make = () => {
      const lock = new Lock("l", "l");
      let inside = 0;
      const body = () => {
        inside++;
        expect(inside).toBe(1);
        inside--;
      };
      return pair(
        () => critical(lock, body),
        () => critical(lock, body),
      )();
    };
    const full = count(make, false);
    // Whoever takes the lock first goes through acquire and release alone.
    expect(full).toMatchObject({ executions: 2, endings: ["done"] });
    expect(count(make, true).executions).toBe(2);
  });

  test("lets readers of one lock in together", () => {
    const make = () => {
      const lock = new Lock("l", "l");
      return pair(
        () => critical(lock, () => {}, "read"),
        () => critical(lock, () => {}, "read"),
      )();
    };
    expect(count(make, false)).toMatchObject({ executions: 6, endings: ["done"] });
  });

  test("finds the deadlock of two locks taken in both orders", () => {
    const make = () => {
      const one = new Lock("l", "one");
      const two = new Lock("l", "two");
      function* both(first: Lock, second: Lock): Path<void> {
        yield* acquire(on, first, "write");
        yield* critical(second, () => {});
        yield* release(on, first);
      }
      return pair(
        () => both(one, two),
        () => both(two, one),
      )();
    };
    expect(count(make, true).endings).toEqual(["deadlock", "done"]);
  });

  test("finds the same final states with reduction as without", () => {
    const finals = (reduce: boolean) => {
      const seen = new Set<string>();
      const make = () => {
        const log: string[] = [];
        const mixed = (objects: string[], tag: string): (() => Path<void>) =>
          function* () {
            for (const object of objects) {
              yield* access(on, object, true);
              log.push(`${object}${tag}`);
            }
          };
        return {
          log,
          ...once([
            { actor: "A", path: mixed(["x", "y", "x"], "a")() },
            { actor: "B", path: mixed(["y", "x"], "b")() },
            { actor: "C", path: mixed(["z", "y"], "c")() },
          ]),
        };
      };
      const result = enumerate(
        make,
        (world) => {
          const byObject = ["x", "y", "z"].map((o) => world.log.filter((l) => l.startsWith(o)).join(""));
          seen.add(byObject.join("|"));
        },
        { reduce },
      );
      return { seen: [...seen].sort(), executions: result.counts.executions };
    };
    const full = finals(false);
    const reduced = finals(true);
    expect(full.executions).toBe(210); // 7! / (3! 2! 2!)
    expect(reduced.seen).toEqual(full.seen);
    expect(reduced.executions).toBe(full.seen.length);
  });

  test("says when a limit ended the search", () => {
    const make = pair(
      () => steps(["x", "x", "x"]),
      () => steps(["x", "x", "x"]),
    );
    const result = enumerate(make, () => {}, { limits: { executions: 5, steps: 100 } });
    expect(result).toMatchObject({ complete: false, counts: { executions: 5 } });
  });

  test("gives up on an endless path", () => {
    function* forever(): Path<void> {
      for (;;) yield* access(on, "x", false);
    }
    const endings: string[] = [];
    enumerate(
      () => once([{ actor: "A", path: forever() }]),
      (_, e) => endings.push(e.kind),
      {
        limits: { executions: 10, steps: 50 },
      },
    );
    expect(endings).toEqual(["endless"]);
  });

  test("reports what a path throws as broken", () => {
    function* bad(): Path<void> {
      yield* access(on, "x", true);
      throw new Error("freed");
    }
    const endings: Ending[] = [];
    enumerate(
      pair(bad, () => steps(["x"])),
      (_, ending) => endings.push(ending),
    );
    expect(endings.map((e) => e.kind)).toEqual(["broken", "broken"]);
  });
});

describe("sections", () => {
  test("runs one after the other, every order of each", () => {
    const make = () => {
      const sections = [1, 2].map(() => [
        { actor: "A", path: steps(["x"]) },
        { actor: "B", path: steps(["x"]) },
      ]);
      return { section: () => sections.shift() };
    };
    expect(count(make, false)).toMatchObject({ executions: 4, endings: ["done"], complete: true });
    expect(count(make, true)).toMatchObject({ executions: 4, redundant: 0 });
  });
});

describe("replay", () => {
  const make = () => {
    const log: string[] = [];
    const tagged = (tag: string): Path<void> =>
      (function* () {
        for (let i = 0; i < 2; i++) {
          yield* access(on, "x", true);
          log.push(tag);
        }
      })();
    return {
      log,
      ...once([
        { actor: "A", path: tagged("a") },
        { actor: "B", path: tagged("b") },
      ]),
    };
  };

  test("runs the order that it is told", () => {
    const result = replay(make, ["B", "A", "B", "A"]);
    expect("world" in result && result.world.log.join("")).toBe("baba");
  });

  test("finishes by itself past the schedule's end", () => {
    const result = replay(make, ["B"]);
    expect("world" in result && result.world.log.join("")).toBe("baab");
  });

  test("names the actors when the schedule names another", () => {
    expect(replay(make, ["Z"])).toEqual({ error: "the schedule names 'Z', but the concurrent actors are A, B" });
  });

  test("says who is able when a step cannot be taken", () => {
    expect(replay(make, ["A", "A", "A"])).toEqual({
      error: "step 3 of the schedule: A cannot go on there; able are B",
    });
  });
});

describe("schedule text", () => {
  test("round-trips", () => {
    const text = "A:3 kernel:1 A:2";
    const parsed = parseSchedule(text);
    expect("schedule" in parsed && scheduleText(parsed.schedule)).toBe(text);
  });

  test("says what is wrong", () => {
    expect(parseSchedule("A3")).toEqual({ error: "'A3' is not NAME:STEPS, as in 'A:3 B:1 A:2'" });
  });

  test("puts the schedule with the fewest switches first", () => {
    const all = [["A", "B", "A"], ["A", "A", "B"], ["B"]];
    expect([...all].sort(compareSchedules).map(scheduleText)).toEqual(["B:1", "A:2 B:1", "A:1 B:1 A:1"]);
  });
});
