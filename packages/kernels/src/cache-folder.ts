/** Where kernels, the private apt directory and saved machine states lie. */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** `$LITMAP_CACHE`, else `$XDG_CACHE_HOME/litmap`, else `~/.cache/litmap`. Not made yet. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.LITMAP_CACHE) return resolve(env.LITMAP_CACHE);
  // The XDG specification has relative paths ignored.
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, "litmap");
  return join(homedir(), ".cache", "litmap");
}
