/** Something that stands between a schema and what it should become. */
export interface Obstacle {
  /** What it is about: `table users`, `column files.size`, `view reports` … */
  readonly path: string;
  /** As the end of a sentence: `users has no email: it is another program's`. */
  readonly state: string;
  /** What to do about it, as a command to paste or one sentence. */
  readonly remedy: string;
}
