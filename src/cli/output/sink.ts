/** A stream to write to, as a terminal or a file sees it. What it cannot write it drops: that must stop nothing. */
export interface Sink {
  readonly isTerminal: boolean;
  /** How many places a line of the terminal has; left out where nothing is to be broken. */
  readonly columns?: number | undefined;
  write(text: string): void;
}
