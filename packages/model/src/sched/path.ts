/**
 * A kernel path is a generator that yields where a schedule may switch. Alone it is driven
 * to its end at once ({@link runAlone}); the explorer drives several, step by step.
 */

/** What a path is about to do when it yields: the explorer orders paths by it. */
export type Touch =
  /** Takes a lock; the path may go on only when the lock is free for that mode. */
  | { readonly kind: "acquire"; readonly lock: Lock; readonly mode: "read" | "write" }
  | { readonly kind: "release"; readonly lock: Lock }
  /** Looks whether a lock is free and takes it only then. */
  | { readonly kind: "try"; readonly lock: Lock }
  /**
   * Reads or writes something that another task can see without a common lock. `object` names it, e.g. `inode 3 seals`;
   * a `note` says it better in a story. `guards` are locks that who changes the object holds for writing, and that this
   * reader does without.
   */
  | {
      readonly kind: "access";
      readonly object: string;
      readonly write: boolean;
      readonly note?: string;
      readonly guards?: readonly Lock[];
    }
  /** Begins something of which nothing is known yet: it commutes with nothing. */
  | { readonly kind: "begin"; readonly note: string }
  /** Waits for a condition that another task brings about. */
  | { readonly kind: "wait"; readonly object: string; readonly ready: () => boolean };

export type Path<T> = Generator<Touch, T, void>;

/** A lock as the explorer sees it. The holder count is kept also when nothing is explored. */
export class Lock {
  readers = 0;
  writer = false;
  constructor(
    /** Its class, for lock order: `mmap_lock`, `resv`, `i_rwsem`, ... */
    readonly lockClass: string,
    /** Which one: `mmap_lock A`. */
    readonly name: string,
  ) {}

  free(mode: "read" | "write"): boolean {
    return mode === "read" ? !this.writer : !this.writer && this.readers === 0;
  }

  take(mode: "read" | "write"): void {
    if (mode === "read") this.readers++;
    else this.writer = true;
  }

  drop(): void {
    if (this.writer) this.writer = false;
    else this.readers--;
  }
}

/** Whether paths run interleaved. Code yields only then: alone, a lock costs a counter. */
export interface Interleaving {
  concurrent: boolean;
}

/** `yield* acquire(k, lock, "write")`. */
export function* acquire(on: Interleaving, lock: Lock, mode: "read" | "write"): Path<void> {
  if (on.concurrent) yield { kind: "acquire", lock, mode };
  else if (!lock.free(mode)) throw new KernelHang(`waits for ${lock.name}, which nobody will drop`);
  lock.take(mode);
}

export function* release(on: Interleaving, lock: Lock): Path<void> {
  if (on.concurrent) yield { kind: "release", lock };
  lock.drop();
}

/** `if (yield* tryAcquire(k, lock))`: takes a lock for writing if it is free (dma_resv_trylock, mutex_trylock). */
export function* tryAcquire(on: Interleaving, lock: Lock): Path<boolean> {
  if (on.concurrent) yield { kind: "try", lock };
  if (!lock.free("write")) return false;
  lock.take("write");
  return true;
}

/** `yield* access(k, "inode 3 seals", false)`: another task may come between here. */
export function* access(on: Interleaving, object: string, write: boolean): Path<void> {
  if (on.concurrent) yield { kind: "access", object, write };
}

/**
 * The CPU, or a walk as careless as the CPU's, is about to look at page-table entries: no lock
 * keeps them still. Whoever changes them holds the page-table lock, or the mmap lock for writing.
 */
export function* walkEntries(
  on: Interleaving,
  mm: { readonly name: string; readonly ptl: Lock; readonly mmapLock: Lock },
): Path<void> {
  if (on.concurrent)
    yield { kind: "access", object: `entries ${mm.name}`, write: false, guards: [mm.ptl, mm.mmapLock] };
}

/** The kernel stops itself: a BUG_ON, or an access to memory that is no longer there. The outcome is `oops`. */
export class KernelBug extends Error {
  override readonly name = "KernelBug";
  constructor(
    message: string,
    /** The invariant that it breaks, by the name that claims use. */
    readonly invariant: string = "kernel-bug",
  ) {
    super(message);
  }
}

/** The kernel does not return: it waits for an event that never comes, or loops. The outcome is `hang`. */
export class KernelHang extends Error {
  override readonly name = "KernelHang";
}

/** The test reaches behaviour that is not modelled; the message says which. The outcome is `unsupported`. */
export class NotModelled extends Error {
  override readonly name = "NotModelled";
}

/**
 * Drives a path to its end with nobody else running. Where it waits for another task or for a lock that is held it
 * waits for ever: {@link KernelHang} is thrown at the wait, so that the path sees it itself.
 */
export function runAlone<T>(path: Path<T>): T {
  for (;;) {
    const step = path.next();
    if (step.done) return step.value;
    const touch = step.value;
    if (touch.kind === "wait" && !touch.ready()) path.throw(new KernelHang(`waits for ${touch.object}`));
    if (touch.kind === "acquire" && !touch.lock.free(touch.mode))
      path.throw(new KernelHang(`waits for ${touch.lock.name}, which nobody will drop`));
  }
}
