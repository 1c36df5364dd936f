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

/**
 * Returns what PostgreSQL calls the sequence of a `serial` column that it makes: of a table and a column that are too long
 * together it cuts whichever is the longer.
 */
export function serialSequence(table: string, column: string): string {
  const size = (name: string) => new TextEncoder().encode(name).length;
  const room = postgresNameBytes - "__seq".length;
  let [one, other] = [size(table), size(column)];
  while (one + other > room) {
    if (one > other) one--;
    else other--;
  }
  return `${cutName(table, one)}_${cutName(column, other)}_seq`;
}
