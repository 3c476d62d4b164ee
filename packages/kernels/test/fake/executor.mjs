#!/usr/bin/env node
// Stands in for the executor as an ordinary process.
import { serve } from "./executor-side.mjs";

process.stdin.on("end", () => process.exit(0));
serve(process.stdin, (bytes) => process.stdout.write(bytes), { console: (text) => process.stderr.write(text) });
