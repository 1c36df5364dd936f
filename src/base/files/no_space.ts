/** Whether this machine's disk, or what the user may use of it, is full. */
export function isNoSpace({ code }: NodeJS.ErrnoException): boolean {
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
}
