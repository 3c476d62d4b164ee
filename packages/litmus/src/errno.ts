/** Errno and signal numbers of Linux, the same on x86_64, arm64 and arm. */

export const errnos = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7, ENOEXEC: 8, EBADF: 9, ECHILD: 10,
  EAGAIN: 11, ENOMEM: 12, EACCES: 13, EFAULT: 14, ENOTBLK: 15, EBUSY: 16, EEXIST: 17, EXDEV: 18, ENODEV: 19,
  ENOTDIR: 20, EISDIR: 21, EINVAL: 22, ENFILE: 23, EMFILE: 24, ENOTTY: 25, ETXTBSY: 26, EFBIG: 27, ENOSPC: 28,
  ESPIPE: 29, EROFS: 30, EMLINK: 31, EPIPE: 32, EDOM: 33, ERANGE: 34, EDEADLK: 35, ENAMETOOLONG: 36, ENOLCK: 37,
  ENOSYS: 38, ENOTEMPTY: 39, ELOOP: 40, EBADFD: 77, EOVERFLOW: 75, EREMOTEIO: 121, EOPNOTSUPP: 95,
  ETIMEDOUT: 110, ECANCELED: 125, EHWPOISON: 133, ENODATA: 61, ETIME: 62, EALREADY: 114, EINPROGRESS: 115, ESTALE: 116,
} as const;

export type Errno = keyof typeof errnos;

const byNumber = new Map<number, Errno>(Object.entries(errnos).map(([name, n]) => [n, name as Errno]));

/** The name of a positive errno; `errno 999` for one that has none here. */
export function errnoName(n: number): string {
  return byNumber.get(n) ?? `errno ${n}`;
}

export const signals = { SIGHUP: 1, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGSYS: 31 } as const;

export type Signal = keyof typeof signals;

const signalByNumber = new Map<number, Signal>(Object.entries(signals).map(([name, n]) => [n, name as Signal]));

export function signalName(n: number): string {
  return signalByNumber.get(n) ?? `signal ${n}`;
}
