/** Folders that are made with those above them. */
import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Node's own `recursive` does not come back where a file system, such as /proc, takes no folders. */
export function makeFolder(path: string): void {
  const folder = resolve(path);
  if (isFolder(folder)) return;
  const above = dirname(folder);
  if (above !== folder) makeFolder(above);
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have been faster.
    if (!isFolder(folder)) throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
