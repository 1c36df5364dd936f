import type { BesideProgress } from "../../../beside_progress.ts";
import type { BesideFile } from "../../database.ts";
import { type Step } from "../../transaction/transaction.ts";
import type { Rows } from "../form/source_table.ts";
import type { BesideContext } from "./paced.ts";
import { sightOf } from "./progress.ts";
import type { Shadow } from "./shadow.ts";
import { own } from "../../connection/statement.ts";

/** Something that is made of a mirror, beside writers. */
export interface MirrorTask {
  /** What it stands for, of the script: by that an earlier run's work is found again. */
  readonly statement: string;
  /** Returns the mirror on the schema as it is; `null` where that has to be done the plain way. */
  plan(rows: Rows, id: number): Shadow | null;
  /** The statement's place in the script's batch, for errors. */
  readonly index: number;
  /** What records it, in the transaction that puts it in its place. */
  readonly record: readonly Step[];
  /** What runs before that in the same transaction, while the table is still the old one. */
  readonly opening?: readonly Step[];
}

/** A mirror that is begun, and how far it has come. */
export interface Work {
  readonly shadow: Shadow;
  readonly progress: BesideProgress;
}

/** A mirror that is being made. */
export interface Run extends Work {
  readonly task: MirrorTask;
  readonly context: BesideContext;
}

/** Thrown where somebody else changed what the work was begun on. */
export class Overtaken extends Error {}

/** Runs work in a transaction, unless somebody changed what it was begun on. */
export async function fenced(file: BesideFile, { shadow, progress }: Run, work: () => void): Promise<void> {
  await file.transact(() => {
    if (sightOf(file.rows, shadow.id, shadow.source) !== progress.seen) throw new Overtaken();
    work();
  });
}

/** Runs statements of our own. */
export function runAll(file: BesideFile, texts: readonly string[]): void {
  for (const text of texts) file.change(own(text));
}
