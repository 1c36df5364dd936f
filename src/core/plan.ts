import { HarborError } from "./errors.ts";
import type { History, Revision } from "./history.ts";
import type { Script } from "./script.ts";

/** Which way a step goes. */
export type Direction = "upgrade" | "downgrade";

/** A row of the version table: a revision that the database has, or is on its way to or from. */
export interface Applied {
  readonly revision: string;
  readonly name: string;
  /** Checksum of the upgrade script when it ran. */
  readonly checksum: string;
  /** What was last started on it. */
  readonly direction: Direction;
  /** Statements of that script that are committed. */
  readonly statementsDone: number;
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  /** When the upgrade was complete; `null` while a script is under way, in either direction. */
  readonly finishedAt: string | null;
  /** How long the upgrade took, in milliseconds; `null` when it was not measured. */
  readonly ms: number | null;
  /** The harbor-db that did it: `0.1.0`. */
  readonly appliedBy: string;
  /**
   * How the row came about: by running the script, on somebody's word, by a look at the schema, or by a bridge, which
   * led to head from a schema that was no revision's.
   */
  readonly origin: "run" | "stamp" | "alembic" | "adopt" | "bridge";
}

/** One revision to upgrade or downgrade. */
export interface Step {
  readonly revision: Revision;
  readonly direction: Direction;
  readonly script: Script;
  /** Where an interrupted run left off; `null` for a fresh start. */
  readonly resume: { readonly statementsDone: number } | null;
}

/** Where a command is to go. `text` is a target as the user writes it: `head`, `base`, an id or prefix, `+n`, `-n`. */
export interface Goal {
  readonly direction: Direction;
  readonly text: string;
}

/**
 * Returns the steps that take a database from what it has applied to the goal.
 *
 * Pure: the same arguments always give the same steps, so `upgrade --dry-run` prints exactly what `upgrade` would
 * run. `applied` may be in any order.
 *
 * @returns The steps in running order; empty when already there
 * @throws {HarborError} `missing_revision`, `out_of_order` or `checksum_mismatch` when history and database disagree ·
 * `unfinished` when a revision stopped half way in the other direction · `irreversible` when a step down has no script
 * or undoes a bridge ·
 * `unknown_target`, `ambiguous_target`, `wrong_direction` for a goal that cannot be · `bad_script`
 */
export function plan(history: History, applied: readonly Applied[], goal: Goal): readonly Step[] {
  const position = locate(history, applied);
  const target = resolveTarget(history, position.done, goal.text);
  const { unfinished, done } = position;
  if (unfinished !== null && unfinished.direction !== goal.direction) throw halfWay(unfinished, goal);
  if (goal.direction === "upgrade") {
    if (target < done) throw wrongWay(history, goal, { target, done });
    return history.revisions.slice(done, target).map((revision, index) => ({
      revision,
      direction: goal.direction,
      script: revision.upgrade(),
      resume: index === 0 ? unfinished : null,
    }));
  }
  refuseBridged(history, applied, { target, done });
  // A downgrade under way still counts as done: its row is there until its last statement.
  if (target > done) throw wrongWay(history, goal, { target, done });
  return history.revisions.slice(target, done).toReversed().map((revision, index) => ({
    revision,
    direction: goal.direction,
    script: revision.downgrade() ?? noWayBack(revision),
    resume: index === 0 ? unfinished : null,
  }));
}

/** Where a database stands in a history. */
export interface Position {
  /** How many revisions are applied; one whose downgrade stopped half way still counts, one whose upgrade did does not. */
  readonly done: number;
  /** The revision that stopped half way, in either direction. */
  readonly unfinished: Applied | null;
}

/**
 * Compares the version table with the history.
 *
 * @throws {HarborError} `missing_revision`, `out_of_order` or `checksum_mismatch` when they disagree
 */
export function locate(history: History, applied: readonly Applied[]): Position {
  const rows = new Map(applied.map((row) => [row.revision, row]));
  const known = new Set(history.revisions.map((revision) => revision.id));
  const unknown = applied.find((row) => !known.has(row.revision));
  if (unknown !== undefined) {
    throw new HarborError(
      "missing_revision",
      `Cannot place revision "${unknown.revision}" (${unknown.name}): the database has it and the history does not`,
      {
        hint: "Use the harbor-db or the --dir that made it (a newer release, another branch).",
        details: { revision: unknown.revision },
      },
    );
  }
  const gap = history.revisions.findIndex((revision) => !rows.has(revision.id));
  const present = gap < 0 ? history.revisions.length : gap;
  const later = history.revisions.slice(present).find((revision) => rows.has(revision.id));
  if (later !== undefined) {
    const missing = history.revisions[present]!;
    throw new HarborError(
      "out_of_order",
      `Cannot go on from revision "${later.id}" (${later.name}): it is applied, and "${missing.id}" (${missing.name}) before it is not`,
      {
        hint:
          `If the schema does have what ${missing.id} makes: harbor-db stamp ${later.id}. If not, restore a backup.`,
        details: { revision: later.id, missing: missing.id },
      },
    );
  }
  for (const revision of history.revisions.slice(0, present)) {
    if (rows.get(revision.id)!.checksum !== revision.checksum) throw edited(revision, rows.get(revision.id)!);
  }
  const unfinished = applied.find((row) => row.finishedAt === null) ?? null;
  return { done: unfinished?.direction === "upgrade" ? present - 1 : present, unfinished };
}

/**
 * Returns how many revisions are applied at a target.
 *
 * @throws {HarborError} `unknown_target` or `ambiguous_target`
 */
export function resolveTarget(history: History, done: number, text: string): number {
  const { revisions } = history;
  if (text === "head") return revisions.length;
  if (text === "base") return 0;
  if (/^[+-]\d+$/.test(text)) {
    const target = done + Number(text);
    if (target >= 0 && target <= revisions.length) return target;
    throw new HarborError(
      "unknown_target",
      `Cannot find target "${text}": there are ${
        text[0] === "+" ? revisions.length - done : done
      } revisions that way`,
      { hint: "harbor-db history" },
    );
  }
  const found = /^[0-9a-f]+$/i.test(text)
    ? revisions.filter((revision) => revision.id.startsWith(text.toLowerCase()))
    : [];
  if (found.length === 1) return revisions.indexOf(found[0]!) + 1;
  if (found.length > 1) {
    const candidates = found.map((revision) => revision.id);
    throw new HarborError(
      "ambiguous_target",
      `Cannot find target "${text}": it is the beginning of ${candidates.join(" and ")}`,
      {
        hint: "Give more digits.",
        details: { candidates },
      },
    );
  }
  throw new HarborError("unknown_target", `Cannot find target "${text}": no revision has that id`, {
    hint: "harbor-db history",
  });
}

function wrongWay(
  history: History,
  goal: Goal,
  at: { readonly target: number; readonly done: number },
): HarborError {
  const other = goal.direction === "upgrade" ? "downgrade" : "upgrade";
  const nameAt = (count: number) => count === 0 ? "base" : history.revisions[count - 1]!.id;
  return new HarborError(
    "wrong_direction",
    `Cannot ${goal.direction} to "${goal.text}": the database is at ${nameAt(at.done)}, which is ${
      at.target < at.done ? "after" : "before"
    } it`,
    { hint: `harbor-db ${other} ${nameAt(at.target)}` },
  );
}

function halfWay(row: Applied, goal: Goal): HarborError {
  return new HarborError(
    "unfinished",
    `Cannot ${goal.direction} to "${goal.text}": the ${row.direction} of ${row.revision} (${row.name}) stopped half way, after ${row.statementsDone} statements`,
    {
      hint: row.direction === "upgrade" ? `harbor-db upgrade ${row.revision}` : "harbor-db downgrade -1",
      details: { revision: row.revision, statementsDone: row.statementsDone },
    },
  );
}

function edited(revision: Revision, row: Applied): HarborError {
  return new HarborError(
    "checksum_mismatch",
    `Cannot trust revision "${revision.id}" (${revision.name}): its script was edited after it was applied on ${row.startedAt}`,
    {
      hint: row.finishedAt === null
        ? `It stopped half way: restore ${revision.tag}.sql from version control and go on, or go back to a backup: harbor-db backup list`
        : `Restore ${revision.tag}.sql from version control and put the change into a new revision; if the edit changes nothing: harbor-db stamp ${revision.id}`,
      details: { revision: revision.id, applied: row.checksum, history: revision.checksum },
    },
  );
}

/** The scripts lead back to schemas that a bridged database never had; where it came from is in its backup. */
function refuseBridged(
  history: History,
  applied: readonly Applied[],
  at: { readonly target: number; readonly done: number },
): void {
  const undone = history.revisions.slice(at.target, at.done).map(({ id }) => id);
  const row = applied.find(({ revision, origin }) => origin === "bridge" && undone.includes(revision));
  if (row === undefined) return;
  throw new HarborError(
    "irreversible",
    `Cannot downgrade "${row.revision}" (${row.name}): the database was adopted on ${row.startedAt} by a bridge, and only its backup leads back to where it came from`,
    {
      hint: `harbor-db backup list, then harbor-db restore <the last one before ${row.startedAt}>`,
      details: { revision: row.revision, adoptedAt: row.startedAt },
    },
  );
}

function noWayBack(revision: Revision): never {
  throw new HarborError(
    "irreversible",
    `Cannot downgrade "${revision.id}" (${revision.name}): it has no downgrade script`,
    { hint: `Write ${revision.tag}.down.sql, or restore a backup: harbor-db backup list` },
  );
}
