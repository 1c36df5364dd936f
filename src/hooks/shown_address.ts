/** Returns an address without what may be secret in it: of what is none, nothing. */
export function shownAddress(written: string): string {
  const url = URL.parse(written);
  return url === null || url.host === "" ? "(not shown)" : `${url.protocol}//${url.host}${url.pathname}`;
}
