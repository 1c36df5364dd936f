/** Whether this machine's disk, or what the user may use of it, is full. Deno's file handles give no code. */
export function isNoSpace({ code, message }: NodeJS.ErrnoException): boolean {
  return ["ENOSPC", "EDQUOT", "EFBIG"].includes(code ?? "") ||
    /^(No space left on device|Disk quota exceeded|File too large) \(os error/.test(message);
}
