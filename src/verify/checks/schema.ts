import type { State } from "../../state/state.ts";
import { type Found, pass } from "../../base/finding.ts";
import { describeDifference, type Difference } from "../../schema/compare_snapshots.ts";
import { HarborError } from "../../base/errors.ts";
import type { History, Revision } from "../../history/history.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { keptOf } from "../../adopt/inspect.ts";
import { differencesFrom, snapshotOf } from "../../state/read_unmanaged.ts";
import { type Check } from "./check.ts";

/** The live schema against what the current revision leaves behind. */
export const schemaCheck: Check = {
  name: "schema",
  summary:
    "the live schema is the current revision's: tables, columns, types, NULL, defaults, keys, indexes, checks; and what else is there",
  cost: "a few milliseconds; reads the catalog only",
  async *run(context) {
    const history = await context.history();
    const state = await context.state();
    const current = currentRevision(history, state);
    const live = await context.schema();
    if (current === null && live.tables.length === 0) {
      return yield pass("no revision is applied and there is no table");
    }
    const differences = current === null ? [] : differencesFrom(history, current, live);
    const isAdopted = state.applied.some((row) => row.origin === "adopt");
    const found = [...differences.map((each) => drift(each, isAdopted)), ...strangers(history, live)];
    const { length } = live.tables;
    yield* found.length > 0
      ? found
      : [pass(`${length} tables exactly as revision ${current?.id} leaves them`)];
  },
};

/**
 * Returns the revision whose schema the database should have; `null` for base.
 *
 * @throws {HarborError} `check_failed` when it should have none that is known
 */
function currentRevision(history: History, { kind, applied }: State): Revision | null {
  const refuse = (state: string) => {
    throw new HarborError("check_failed", `Cannot check "schema": ${state}`, {
      hint: "See what the check history says.",
    });
  };
  if (kind === "unmanaged") refuse("it is not known which revision the database is at");
  if (applied.some((row) => row.finishedAt === null)) {
    refuse("a revision is half done, so its schema is on the way");
  }
  const names = new Set(applied.map((row) => row.revision));
  const done = history.revisions.filter((revision) => names.has(revision.id));
  if (done.length < names.size) refuse("the database has a revision that the history does not have");
  return done.at(-1) ?? null;
}

function drift(difference: Difference, isAdopted: boolean): Found {
  // What an adopted database had of its own was kept on purpose.
  const isKept = isAdopted && difference.kind === "extra";
  return {
    status: isKept ? "warn" : "fail",
    message: describeDifference(difference),
    hint: isKept
      ? "If it was there before harbor-db, it was kept; put it into schema.ts or drop it: harbor-db generate"
      : remedy(difference),
    details: { ...difference },
  };
}

function remedy({ kind, path, expected }: Difference): string {
  const index = /^index (.+)$/.exec(path)?.[1];
  const [, unique = "", on = ""] = /^(UNIQUE )?(.+)$/.exec(expected ?? "") ?? [];
  if (kind === "missing" && index !== undefined) return `CREATE ${unique}INDEX ${index} ON ${on}`;
  return "If it was changed by hand, change it back; if it is meant, put it into schema.ts: harbor-db generate";
}

/** Names what no revision makes: another program's tables, views, triggers and the like. */
function strangers(history: History, live: Snapshot): readonly Found[] {
  const schemas = history.revisions.map((each) => ({ revision: each.id, snapshot: snapshotOf(each) }));
  const objects = keptOf([], live, schemas);
  if (objects.length === 0) return [];
  return [{
    status: "warn",
    message: `objects that no revision makes: ${objects.join(", ")}`,
    hint:
      "They are left alone. Give another program's tables a database of their own; what is meant belongs into a revision.",
    details: { objects },
  }];
}
