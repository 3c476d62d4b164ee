import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    // Tests start compilers, QEMU and the command itself; two cores share them.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
