/** Advice to another process, and pages that the network sends as they are. */
import { rules } from "./rule.js";

export const processMadviseRules = rules("process-madvise", {
  "remote-advice": {
    sentence:
      "process_madvise takes only advice that destroys nothing for another process (cold and pageout, later willneed and collapse); before 6.13 also for one's own: EINVAL.",
    kernel: "process_madvise_remote_valid, mm/madvise.c (process_madvise_behavior_valid)",
  },
  "no-process": {
    sentence: "process_madvise on a process that has ended is ESRCH.",
    kernel: "pidfd_get_task, kernel/pid.c",
  },
  "range": {
    sentence:
      "process_madvise takes its range as an iovec: beyond the user's half of the address space it is EFAULT, and a length with the sign bit is EINVAL.",
    kernel: "__import_iovec, lib/iov_iter.c",
  },
});

export const zerocopyRules = rules("zerocopy", {
  "past-user-space": {
    sentence: "send checks that the whole range lies in the user's half of the address space: EFAULT.",
    kernel: "import_ubuf, lib/iov_iter.c (import_single_range)",
  },
  "gup-refused": {
    sentence:
      "A page that MSG_ZEROCOPY cannot reference fails all that would have gone into the same buffer with it: EFAULT, whatever the walk said.",
    kernel: "skb_zerocopy_iter_stream, net/core/skbuff.c",
  },
  "referenced": {
    sentence:
      "MSG_ZEROCOPY sends the pages themselves, with a reference on each; over the loopback device the receiver's side copies them.",
    kernel:
      "__zerocopy_sg_from_iter, net/core/datagram.c (zerocopy_fill_skb_from_iter); skb_copy_ubufs, net/core/skbuff.c",
  },
});
