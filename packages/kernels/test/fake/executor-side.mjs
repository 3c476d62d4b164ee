// The executor's side of the protocol, with all the ways in which it can go wrong.
// A Program is a word: what to do.
// The file alone: this starts some hundred times, and the whole package takes its time to load.
import { FrameDecoder, encodeFrame } from "../../../linux/dist/frame.js";

export const readyText =
  "release=6.12.0-fake\nversion=#1 fake\nmachine=x86_64\npage=4096\ncpus=2\npid=1\ntaint=0\ndevice=/dev/null\n";

/**
 * @param {NodeJS.ReadableStream} input
 * @param {(bytes: Uint8Array) => void} write
 * @param {{ console: (text: string) => void, sayReady?: boolean }} options
 */
export function serve(input, write, options) {
  const decoder = new FrameDecoder();
  const seen = new Map();
  const ready = Buffer.from(readyText);
  if (options.sayReady) write(encodeFrame("ready", 0, ready));
  const damaged = (frame) => {
    frame[frame.length - 1] ^= 0xff;
    return frame;
  };
  input.on("data", (chunk) => {
    for (const event of decoder.push(chunk)) {
      if (event.kind !== "frame") {
        if (event.reason === "checksum") write(encodeFrame("error", 0, Buffer.from("checksum")));
        continue;
      }
      const { type, seq, payload } = event.frame;
      if (type === "hello") write(encodeFrame("ready", seq, ready));
      if (type === "ping") write(encodeFrame("pong", seq, payload));
      if (type !== "run") continue;
      const word = Buffer.from(payload).toString();
      const times = (seen.get(word) ?? 0) + 1;
      seen.set(word, times);
      const result = encodeFrame("result", seq, payload);
      switch (word) {
        case "hang":
          break;
        case "exit":
          process.exit(3);
          break;
        case "kill":
          process.kill(process.pid, "SIGKILL");
          break;
        case "refuse":
          write(encodeFrame("error", seq, Buffer.from("not a Program of version 1")));
          break;
        case "oops-and-die":
          options.console(
            "[    2.000001] BUG: kernel NULL pointer dereference, address: 0000000000000008\n" +
              "[    2.000002] #PF: supervisor read access\n",
          );
          setTimeout(() => process.exit(0), 50);
          break;
        case "oops-and-answer":
          options.console("[    2.000001] BUG: Bad page state in process init  pfn:12345\n");
          write(result);
          break;
        case "warn":
          options.console("[    2.000001] WARNING: CPU: 1 PID: 77 at mm/memory.c:2345 remap_pfn_range+0x1/0x2\n");
          write(result);
          break;
        case "stall":
          options.console("[   30.000001] rcu: INFO: rcu_preempt self-detected stall on CPU\n");
          break;
        case "garbage":
          write(Buffer.from("LM what is this\0\xff\xfeLLMLM", "latin1"));
          write(result);
          break;
        case "damaged-once":
          write(times === 1 ? damaged(result) : result);
          break;
        case "damaged-always":
          write(damaged(result));
          break;
        case "truncated-once":
          write(times === 1 ? result.subarray(0, 14) : result);
          break;
        case "pieces":
          for (const byte of result) write(Buffer.from([byte]));
          break;
        case "spew":
          for (let i = 0; i < 200; i++) options.console("x".repeat(10_000));
          write(result);
          break;
        default:
          write(result);
      }
    }
  });
}
