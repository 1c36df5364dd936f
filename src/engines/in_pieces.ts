/** How many rows are written by one statement: some hold whole scripts, and an engine takes so many values at once. */
const mostRows = 100;

/** Cuts rows into as many as are written at once. */
export function inPieces<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  const pieces: (readonly Row[])[] = [];
  for (let at = 0; at < rows.length; at += mostRows) pieces.push(rows.slice(at, at + mostRows));
  return pieces;
}
