/** What a way finds at a place of a script: statements that belong together, and the table that they change. */
export interface Found {
  readonly count: number;
  readonly table: string;
}
