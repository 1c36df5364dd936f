/** Makes text stand out on a terminal. */
export interface Colors {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

/** Returns a text in a colour. */
export type Paint = (text: string) => string;

/**
 * Returns the colours, or what changes nothing. Libraries for this look at the terminal by themselves, which takes
 * longer than all the rest of a start.
 */
export function createColors(isEnabled: boolean): Colors {
  const paint = (on: number, off: number): Paint => (text) =>
    isEnabled ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}
