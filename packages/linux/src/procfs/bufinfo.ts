/**
 * debugfs dma_buf/bufinfo: a line for each buffer of the machine (size, flags, mode,
 * count, exporter, inode, name, the numbers in that order), behind it its fences and
 * the devices attached.
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

const line = /^(\d+)\t([0-9a-f]+)\t([0-9a-f]+)\t(\d+)\t(\S+)\t(\d+)\t(.*)$/;

export function parseBufinfo(text: string): Bufinfo[] {
  const buffers: (Bufinfo & { attachments: string[] })[] = [];
  let devices = false;
  for (const one of text.split("\n")) {
    const found = line.exec(one);
    if (found) {
      const [, size, , , count, exporter, inode, name] = found;
      const given = name.trim();
      buffers.push({
        size: Number(size),
        count: Number(count),
        exporter,
        inode: Number(inode),
        name: given === "<none>" ? "" : given,
        attachments: [],
      });
      devices = false;
    } else if (/^\s+Attached Devices:/.test(one)) devices = true;
    else if (/^Total \d+ devices attached/.test(one)) devices = false;
    else if (devices && /^\t\S/.test(one)) buffers.at(-1)?.attachments.push(one.trim());
  }
  return buffers;
}
