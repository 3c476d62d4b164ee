/** cpio archives in the `newc` form, the one that the kernel unpacks as an initramfs. */

export type CpioEntry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | {
      readonly kind: "character-device";
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const typeBits = { file: 0o100000, folder: 0o040000, "character-device": 0o020000 } as const;

/** The archive's bytes. Owner 0, time 0, so that equal input gives equal bytes. Paths have no leading slash. */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  const add = (bytes: Uint8Array): void => {
    parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    length += bytes.byteLength;
    const padding = -length & 3;
    if (padding > 0) parts.push(Buffer.alloc(padding));
    length += padding;
  };
  const member = (
    inode: number,
    mode: number,
    links: number,
    device: readonly [number, number],
    path: string,
    data: Uint8Array,
  ): void => {
    const fields = [
      inode,
      mode,
      0,
      0,
      links,
      0,
      data.length,
      0,
      0,
      device[0],
      device[1],
      Buffer.byteLength(path) + 1,
      0,
    ];
    add(Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${path}\0`));
    add(data);
  };
  const nothing = new Uint8Array(0);
  entries.forEach((entry, index) => {
    const mode = typeBits[entry.kind] | entry.mode;
    const device = entry.kind === "character-device" ? ([entry.major, entry.minor] as const) : ([0, 0] as const);
    member(
      index + 1,
      mode,
      entry.kind === "folder" ? 2 : 1,
      device,
      entry.path,
      entry.kind === "file" ? entry.data : nothing,
    );
  });
  member(0, 0, 1, [0, 0], "TRAILER!!!", nothing);
  return Buffer.concat(parts);
}
