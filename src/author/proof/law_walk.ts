import type { RunContext } from "../../engines/run_context.ts";
import type { Direction } from "../../history/applied.ts";
import type { Passage } from "../../migrate/rules/origins.ts";
import { outlooksOf } from "./rules/outlook.ts";
import { type Filled, readContents } from "./contents.ts";
import {
  afterPassage,
  type Breach,
  emptiedBy,
  holdLaw,
  type LawOfRevision,
  type Written,
  writtenBetween,
} from "./law.ts";
import { freshBehind } from "./fresh_values.ts";
import type { MeantLosses } from "./meant_losses.ts";
import { numbersGivenBy } from "./numbers.ts";
import { putRows } from "./put_rows.ts";
import { rowsForWrites, writeRows, writesBetween } from "./write_rows.ts";

/** Holds a walk up, down and up again to the law, and is the application that writes meanwhile. */
export interface LawWalk {
  /** Takes down what is there at first. */
  begin(was: Filled): void;
  /** Looks at what is there after a step, and writes where another one follows. */
  arrive(now: Filled, direction: Direction, isMore: boolean): Promise<Arrival>;
  seen(revision: string): LawOfRevision;
}

interface Arrival {
  readonly breaches: readonly Breach[];
  /** What is there after the writes. */
  readonly after: Filled;
  /** The tables that got rows that were made up. */
  readonly filled: readonly string[];
}

/** What was there at a place, and what was written at the other one since. */
interface End {
  was: Filled | null;
  written: Written;
}

/** Makes what holds one walk to the law. */
export function createLawWalk(
  { database }: Pick<RunContext, "database">,
  { up, down, isMeant }: {
    readonly up: readonly Passage[];
    readonly down: readonly Passage[];
    readonly isMeant: MeantLosses;
  },
): LawWalk {
  const emptied = emptiedBy(up);
  const numbers = { upgrade: numbersGivenBy(up), downgrade: numbersGivenBy(down) };
  const ends: Readonly<Record<Direction, End>> = {
    // What a step leads back to: the downgrade to what was before, the upgrade to what was written behind it.
    downgrade: { was: null, written: new Map() },
    upgrade: { was: null, written: new Map() },
  };
  /** What the next step starts from. */
  let start: Filled | null = null;
  const tables = new Set<string>();
  const unseen = new Map<string, LawOfRevision["unseen"][number]>();
  let rows = 0;
  const note = (each: LawOfRevision["unseen"][number]) => unseen.set(`${each.table}\n${each.reason}`, each);

  async function write(now: Filled, direction: Direction): Promise<Omit<Arrival, "breaches">> {
    const { schema } = now;
    const way = direction === "upgrade" ? [...down, ...up] : up;
    const outlooks = outlooksOf(schema, way);
    const { filled, empty } = await putRows(database, schema, outlooks, rowsForWrites);
    for (const { table, reason } of empty) note({ table, reason });
    const before: Filled = filled.length === 0
      ? now
      : { schema, contents: await readContents(database, schema) };
    await writeRows(database, schema, { outlooks, writes: writesBetween[direction] });
    const after: Filled = { schema, contents: await readContents(database, schema) };
    const other = direction === "upgrade" ? "downgrade" : "upgrade";
    ends[other].written = (direction === "upgrade" ? down : up)
      .reduce(afterPassage, writtenBetween(before, after.contents));
    return { after, filled };
  }

  return {
    begin(was) {
      ends.downgrade.was = was;
      start = was;
    },
    async arrive(now, direction, isMore) {
      const { was, written } = ends[direction];
      let breaches: readonly Breach[] = [];
      if (was !== null) {
        const { compared, unseen: fresh } = freshBehind(start!, direction === "upgrade" ? up : down);
        const held = holdLaw({
          was: { ...was, contents: compared(was.contents) },
          now: compared(now.contents),
          written,
          emptied,
          numbers: numbers[direction],
          isMeant,
        });
        held.tables.forEach((name) => tables.add(name));
        [...held.unseen, ...fresh].forEach(note);
        rows += held.rows;
        breaches = held.breaches;
      }
      if (!isMore) return { breaches, after: now, filled: [] };
      const done = await write(now, direction);
      if (direction === "upgrade") ends.upgrade.was = done.after;
      start = done.after;
      return { breaches, ...done };
    },
    seen: (revision) => ({ revision, tables: tables.size, rows, unseen: [...unseen.values()] }),
  };
}
