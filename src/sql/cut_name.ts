/** Returns the beginning of a name that has no more bytes than that, without the half of a letter. */
export function cutName(name: string, bytes: number): string {
  return new TextDecoder().decode(new TextEncoder().encode(name).subarray(0, bytes), { stream: true });
}

/** The bytes that PostgreSQL keeps of a name: what is longer it cuts, with a notice that nobody reads. */
export const postgresNameBytes = 63;

/** Returns what PostgreSQL keeps of a name. */
export function postgresNameOf(name: string): string {
  return name.length * 3 <= postgresNameBytes ? name : cutName(name, postgresNameBytes);
}
