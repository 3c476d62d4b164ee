/**
 * debugfs dma_buf/bufinfo: an entry for each buffer of the machine. Its first line has size, flags, mode,
 * count, exporter, inode and name (the numbers in that order), then come its fences and the devices attached, and
 * last their number. The name is printed as it is, newlines included.
 */

export interface Bufinfo {
  /** Bytes. */
  readonly size: number;
  /** References of the file. */
  readonly count: number;
  readonly exporter: string;
  readonly inode: number;
  /** Empty when no name was set. */
  readonly name: string;
  /** Names of attached devices. */
  readonly attachments: readonly string[];
}

/** Longer than any name: a name cannot hold what looks like the beginning of an entry. */
const beginning = /^(\d+)\t([0-9a-f]+)\t([0-9a-f]+)\t(\d+)\t(\S+)\t(\d+)\t/gm;
const devices = "\n\tAttached Devices:\n";
const total = /^Total \d+ devices attached$/m;
/** What fences are listed as: by usage from 5.19 on, as exclusive and shared before. */
const fence = /\n\t(?:Exclusive|Shared|kernel|write|read|bookkeep) fence:[^\n]*signalled(?=\n|$)/;

export function parseBufinfo(text: string): Bufinfo[] {
  const starts = [...text.matchAll(beginning)];
  return starts.map((found, i) => {
    const [head, size, , , count, exporter, inode] = found;
    const entry = text.slice(found.index + head.length, starts[i + 1]?.index);
    // A name may hold this line as well; what the kernel prints comes after it.
    const listed = entry.lastIndexOf(devices);
    const named = listed < 0 ? entry : entry.slice(0, listed);
    const name = named.slice(0, fence.exec(named)?.index);
    const behind = listed < 0 ? "" : entry.slice(listed + devices.length);
    return {
      size: Number(size),
      count: Number(count),
      exporter,
      inode: Number(inode),
      name: name === "<none>" ? "" : name,
      attachments: behind
        .slice(0, total.exec(behind)?.index)
        .split("\n")
        .flatMap((line) => (line.startsWith("\t") ? [line.slice(1)] : [])),
    };
  });
}
