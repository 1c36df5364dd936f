import type { Database } from "../../engines/database.ts";
import { type Kept, readKept, renameKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Snapshot, Table } from "../../schema/snapshot.ts";
import { isOfHost } from "../../sql/table_names.ts";
import type { PaceOptions } from "../paced/backfill_walk.ts";
import { returnOf } from "./back/return.ts";
import type { Subject, Undoing } from "./back/subject.ts";
import { walkAll, type Work } from "./back/walk.ts";
import { oppositeOf } from "./given_values.ts";
import { asThere, namesToGive, placeOf } from "./rules/as_there.ts";
import { type ReturnedResult, settle } from "./settle_return.ts";
import { columnsOf, countOf, keyIndexOf } from "./side/contents.ts";
import { type Listener, words } from "./side/words.ts";
import { requireSideTables, withSideTables } from "./side_tables.ts";

/**
 * Puts kept data back, in batches that save how far they came: an interrupted return goes on there.
 *
 * A value is put back on a row that still exists and holds there what the script gave it: what was written since is newer,
 * and stays. What does not fit stays kept.
 *
 * @param isMeant Which of it
 */
export async function putBack(
  context: RunContext,
  isMeant: (kept: Kept) => boolean,
  pace: PaceOptions,
): Promise<readonly ReturnedResult[]> {
  const meant = (await readKept(context.database)).filter(isMeant);
  if (meant.length === 0) return [];
  await requireSideTables(context.database, meant);
  const live = await context.database.introspect();
  const places = meant.map((kept) => placeOf(kept, live, () => sinceKept(kept, context)));
  const renaming = places.flatMap((place, at) => {
    const names = place === null ? [] : namesToGive(meant[at]!, place, live);
    return place === null || names.length === 0 ? [] : renameKept(place.kept, names);
  });
  if (renaming.length > 0) await context.database.write(renaming);
  const found = inOrder(places.map((place, at) => place ?? { kept: meant[at]!, table: null }), live);
  const returning = new Set(
    found.flatMap(({ kept, table }) => kept.kind === "table" && table !== null ? [table.name] : []),
  );
  const all = await withSideTables(context.database, await readKept(context.database));
  const works = await Promise.all(found.map(async ({ kept, table }): Promise<Work> => {
    const before = await countOf(context.database, kept);
    if (table === null) return { kept, before, way: null };
    const noted = await columnsOf(context.database, kept.sideTable);
    const undoing = undoingOf(kept, all, { ...context, live });
    await context.database.write(undoing.flatMap(({ noted }) => keyIndexOf(noted)));
    const isLatest = found.every((each) =>
      each.kept.id <= kept.id || each.kept.table !== kept.table || each.kept.kind !== kept.kind ||
      !each.kept.columns.some(({ name }) => kept.columns.some((column) => column.name === name))
    );
    const subject: Subject = {
      kept,
      table,
      live,
      hosts: await hostsOf(context.database, table, live),
      isLatest,
      returning,
      undoing,
      noted,
      rules: await rulesOf(context.database, table.name),
      gives: givesFor(kept, found),
    };
    return { kept, before, way: returnOf(context.database.dialect, subject) };
  }));
  const refusals = await walkAll(context, works, pace);
  const results: ReturnedResult[] = [];
  for (const work of works) {
    results.push(await settle(context, work, { live, refusal: refusals.get(work.kept.id) ?? null }));
  }
  // The script made again all that there was.
  return results.filter(({ rows, deleted, missing, left }) => rows + deleted + missing + left > 0);
}

/** Returns what the step ran that undid the one by which something was kept. */
function sinceKept(
  { revision: id, direction }: Kept,
  { database, history }: Pick<RunContext, "database" | "history">,
): readonly string[] {
  const revision = history.revisions.find((each) => each.id === id);
  return revision === undefined ? [] : oppositeOf({ revision, direction }, database) ?? [];
}

/** Returns the rules that fire when rows of a table are written. */
async function rulesOf(database: Database, table: string): Promise<readonly Listener[]> {
  const question = words[database.dialect].readRules(table);
  return question === null ? [] : await database.read<Listener>(question);
}

/** Returns the tables of the host's to which a table refers, of those that can be looked at. */
async function hostsOf(
  database: Database,
  { foreignKeys }: Table,
  live: Snapshot,
): Promise<ReadonlySet<string>> {
  const others = foreignKeys.filter((key) => isOfHost(key.table, live));
  const question = others.length === 0
    ? null
    : words[database.dialect].readHosts(others.map((key) => key.table));
  const found = question === null ? [] : await database.read<{ readonly name: string }>(question);
  return new Set(found.map(({ name }) => name));
}

/**
 * Returns what scripts give columns that a table did not have when it was put aside, where both come back at once: behind one
 * script that makes what several made.
 */
function givesFor(kept: Kept, found: readonly Found[]): ReadonlyMap<string, string> {
  const columns = found.filter((each) => each.kept.table === kept.table && each.kept.kind === "columns")
    .flatMap((each) => each.kept.columns);
  return new Map(
    columns.flatMap(({ name, given }) =>
      given === null || kept.columns.some((column) => column.name === name) ? [] : [[name, given]]
    ),
  );
}

/**
 * Returns what the step that undid another noted of the same values when it began, under the names that it gave them, by which their
 * rows are known.
 */
function undoingOf(
  kept: Kept,
  all: readonly Kept[],
  { database, history, live }: Pick<RunContext, "database" | "history"> & { readonly live: Snapshot },
): readonly Undoing[] {
  const since = sinceKept(kept, { database, history });
  return all.filter((each) => isOfTheWayBack(each, kept)).flatMap((noted) => {
    const now = asThere(noted, live, since)?.kept;
    const isOfTheSame = now?.table === kept.table && now.keys.join("\0") === kept.keys.join("\0");
    return now !== undefined && isOfTheSame ? [{ noted, now }] : [];
  });
}

function isOfTheWayBack(other: Kept, kept: Kept): boolean {
  return other.kind === "changed" && kept.kind === "changed" && other.id > kept.id &&
    other.state === "kept" && kept.keys.length > 0 &&
    other.revision === kept.revision && other.direction !== kept.direction;
}

/** What is newer comes first, so that it is not taken for a change; of whole tables, those that others refer to. */
function inOrder(meant: readonly Found[], { tables }: Snapshot): readonly Found[] {
  const depths = new Map<string, number>();
  const depthOf = (name: string, seen: readonly string[]): number => {
    const known = depths.get(name);
    if (known !== undefined || seen.includes(name)) return known ?? 0;
    const keys = tables.find((table) => table.name === name)?.foreignKeys ?? [];
    const depth = 1 + Math.max(-1, ...keys.map(({ table }) => depthOf(table, [...seen, name])));
    depths.set(name, depth);
    return depth;
  };
  const rank = ({ kind, table }: Kept) => kind === "table" ? depthOf(table, []) : Infinity;
  return meant.toSorted(({ kept: a }, { kept: b }) => rank(a) === rank(b) ? b.id - a.id : rank(a) - rank(b));
}

interface Found {
  readonly kept: Kept;
  readonly table: Table | null;
}
