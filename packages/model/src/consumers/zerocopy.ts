/** MSG_ZEROCOPY over the loopback device: pages that go out as they are (net/core/skbuff.c, net/core/datagram.c). */
import { errnos } from "@litmap/litmus";
import { accessOk } from "../vfs/vfs.js";
import { getUserPagesFast } from "../mm/gup-fast.js";
import { putPages } from "../mm/pin.js";
import { spannedPages } from "../mm/page-bytes.js";
import { NotModelled } from "../sched/path.js";
import { rules } from "../rules/rule.js";
import { hex, narrow } from "../word.js";
import type { Kernel } from "../kernel.js";
import type { Path } from "../sched/path.js";
import type { Task } from "../task.js";

const rule = rules({
  "zerocopy/past-user-space": {
    sentence: "send of a range that ends above TASK_SIZE gives EFAULT.",
    kernel: [
      ["5.10", "import_single_range, lib/iov_iter.c"],
      ["6.4", "import_ubuf, lib/iov_iter.c"],
    ],
  },
  "zerocopy/gup-refused": {
    sentence: "MSG_ZEROCOPY of a page that GUP refuses fails the whole skb with EFAULT, regardless of GUP's errno.",
    kernel: "skb_zerocopy_iter_stream, net/core/skbuff.c",
  },
  "zerocopy/referenced": {
    sentence: "MSG_ZEROCOPY sends the user's pages with a reference on each; on loopback the receive path copies them.",
    kernel: [
      ["5.10", "__zerocopy_sg_from_iter, net/core/datagram.c"],
      ["6.11", "zerocopy_fill_skb_from_iter, net/core/datagram.c"],
    ],
  },
});

/** What surely fits one buffer of the socket, bytes. */
export const MOST = 32 * 1024;

/** tcp_sendmsg with MSG_ZEROCOPY of what fits one buffer: all bytes, or -EFAULT. */
export function* sendZerocopy(k: Kernel, task: Task, word: bigint, bytes: bigint): Path<number> {
  if (!accessOk(k, word, bytes)) return k.refuse(rule["zerocopy/past-user-space"], errnos.EFAULT, hex(word));
  const [address, length] = [narrow(word), narrow(bytes)];
  if (length > MOST) throw new NotModelled("send_zerocopy() of more than 32K");
  if (length === 0) return 0;
  const wanted = spannedPages(k, address, length);
  const first = address - (address % k.pageSize);
  const pages: number[] = [];
  while (pages.length < wanted) {
    const got = yield* getUserPagesFast(k, task, first + pages.length * k.pageSize, wanted - pages.length, 0, pages);
    if (got > 0) continue;
    putPages(k, pages);
    return k.refuse(rule["zerocopy/gup-refused"], errnos.EFAULT, `0x${address.toString(16)}`);
  }
  k.note(rule["zerocopy/referenced"], `${wanted} pages`);
  putPages(k, pages);
  return length;
}
