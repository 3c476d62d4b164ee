/** Which version of Linux a kernel is, `6.1.192`. */

/**
 * The version in a `uname -rv` or a banner; undefined where it begins with none. The release of Debian's older kernels,
 * `6.1.0-57-amd64`, counts their builds: their version says the update, `Debian 6.1.192-3`.
 */
export function linuxVersion(text: string): string | undefined {
  const found = /\bDebian (\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] ?? /^\d+\.\d+(?:\.\d+)?/.exec(text)?.[0];
  return found === undefined || /\..*\./.test(found) ? found : `${found}.0`;
}
