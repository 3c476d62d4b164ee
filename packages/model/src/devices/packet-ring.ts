/** A packet socket's receive ring in user space: pages by vm_insert_page (net/packet/af_packet.c). */
import { errnos } from "@litmap/litmus";
import { File, Inode } from "../vfs/file.js";
import { PG } from "../mm/frames.js";
import { vmInsertPage } from "../mm/insert.js";
import { folioPut } from "../mm/rmap.js";
import { rules } from "../rules/rule.js";
import type { FileOps } from "../vfs/file.js";
import type { Kernel } from "../kernel.js";
import type { Vma, VmOps } from "../mm/vma.js";
import type { Path } from "../sched/path.js";

const rule = rules({
  "packet/ring-limit": {
    sentence: "A ring whose block table is larger than kmalloc gives (4 MiB) gives ENOMEM.",
    kernel: "alloc_pg_vec, net/packet/af_packet.c",
  },
  "packet/no-memory": {
    sentence: "A ring that cannot get its pages frees what it had and gives ENOMEM.",
    kernel: "alloc_pg_vec, net/packet/af_packet.c",
  },
  "packet/offset": {
    sentence: "A ring is mapped at offset 0 only, else EINVAL.",
    kernel: "packet_mmap, net/packet/af_packet.c",
  },
  "packet/no-ring": {
    sentence: "mmap of a packet socket without a ring gives EINVAL.",
    kernel: "packet_mmap, net/packet/af_packet.c",
  },
  "packet/whole-ring": {
    sentence: "A mapping must be exactly as long as the ring, else EINVAL.",
    kernel: "packet_mmap, net/packet/af_packet.c",
  },
  "packet/mapped": {
    sentence:
      "mmap inserts all ring pages by vm_insert_page (VM_MIXEDMAP, refcounted); no VM_DONTEXPAND, no fault handler.",
    kernel: "packet_mmap, net/packet/af_packet.c",
  },
  "packet/not-bound": {
    sentence: "send through an unbound packet socket gives ENXIO.",
    kernel: "packet_snd, net/packet/af_packet.c",
  },
  "packet/waits": {
    sentence: "recv on a packet socket waits for a packet.",
    kernel: "packet_recvmsg, net/packet/af_packet.c",
  },
  "packet/frame-ready": {
    sentence:
      "The socket polls as readable when the frame before the ring's head no longer belongs to the kernel; user " +
      "space can write that word.",
    kernel: "packet_poll, net/packet/af_packet.c",
  },
});

/** Blocks whose table kmalloc still gives: 4 MiB of pointers. */
const MOST_BLOCKS = (4 * 1024 * 1024) / 8;

/** struct packet_sock with its rx_ring; a block is a page. */
class PacketRing {
  pages: number[] = [];
  /** Mappings of the ring. */
  mapped = 0;
}

/** packet_create, net/packet/af_packet.c: a raw packet socket that is bound to nothing. */
export function newPacketSocket(k: Kernel): File {
  const inode = new Inode(k.id(), "socket");
  inode.noexec = k.design["dma-buf.mount"] === "noexec";
  return new File(inode, socketOps(k), true, true, false, new PacketRing());
}

/** packet_set_ring: a ring of so many pages. 0 or -ENOMEM. */
export function packetSetRing(k: Kernel, socket: File, pages: number): number {
  const ring = socket.data as PacketRing;
  if (pages > MOST_BLOCKS) return k.refuse(rule["packet/ring-limit"], errnos.ENOMEM, `${pages} pages`);
  if (pages > k.totalRam) return k.refuse(rule["packet/no-memory"], errnos.ENOMEM, `${pages} pages`);
  for (let i = 0; i < pages; i++) ring.pages.push(k.frames.alloc(0, PG.allocated));
  return 0;
}

function socketOps(k: Kernel): FileOps {
  return {
    mmap: (file, vma) => packetMmap(k, file.data as PacketRing, vma),
    *write() {
      return k.refuse(rule["packet/not-bound"], errnos.ENXIO);
    },
    *read() {
      k.note(rule["packet/waits"]);
      yield { kind: "wait", object: "a packet", ready: () => false };
      return 0;
    },
    *poll(file) {
      return packetPoll(k, file.data as PacketRing);
    },
    *release(file) {
      for (const pfn of (file.data as PacketRing).pages) folioPut(k, pfn);
    },
    path: () => "socket:[N]",
  };
}

/** packet_mmap: 0, -EINVAL, or what vm_insert_page gives. */
function* packetMmap(k: Kernel, ring: PacketRing, vma: Vma): Path<number> {
  if (vma.pgoff !== 0) return k.refuse(rule["packet/offset"], errnos.EINVAL, `page ${vma.pgoff}`);
  if (ring.pages.length === 0) return k.refuse(rule["packet/no-ring"], errnos.EINVAL);
  const pages = (vma.end - vma.start) / k.pageSize;
  if (pages !== ring.pages.length)
    return k.refuse(rule["packet/whole-ring"], errnos.EINVAL, `${pages} of ${ring.pages.length} pages`);
  for (let i = 0; i < pages; i++) {
    const error = vmInsertPage(k, vma, vma.start + i * k.pageSize, ring.pages[i]);
    if (error !== 0) return error;
  }
  k.note(rule["packet/mapped"]);
  ring.mapped++;
  vma.ops = mmapOps(ring);
  return 0;
}

/** packet_mmap_ops: they count mappings, and have no fault method. */
function mmapOps(ring: PacketRing): VmOps {
  return {
    name: "packet_mmap_ops",
    *open() {
      ring.mapped++;
    },
    *close() {
      ring.mapped--;
    },
  };
}

/**
 * packet_poll with no packet ever received: the frame before the first is the last one, whose status is a word of
 * shared memory.
 */
function packetPoll(k: Kernel, ring: PacketRing): string[] {
  const last = ring.pages.at(-1);
  const status = last === undefined ? undefined : k.frames.bytes(last)?.subarray(0, 4);
  if (status === undefined || status.every((byte) => byte === 0)) return ["out"];
  k.note(rule["packet/frame-ready"]);
  return ["in", "out"];
}
