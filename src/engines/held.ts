/** What keeps a script from running. */
export interface Held {
  /** The place of the script. */
  readonly script: number;
  readonly objects: readonly HoldingObject[];
}

/** A view, a trigger or an index that uses what a script takes away. */
export interface HoldingObject {
  readonly kind: string;
  readonly name: string;
  /** Its DDL. */
  readonly sql: string | null;
}
