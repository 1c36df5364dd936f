import { type Found, pass } from "../../base/finding.ts";
import { HarborError } from "../../base/errors.ts";
import type { Table } from "../../schema/snapshot.ts";
import { counted } from "../../base/quantity.ts";
import { findConflicts } from "../../migrate/preflight/check_rows.ts";
import type { Demand } from "../../migrate/preflight/rules/demand.ts";
import { demandsOf } from "../../migrate/preflight/rules/row_demands.ts";
import type { Profile } from "../../profile/profile.ts";
import { profileOf } from "../../profile/find_profile.ts";
import type { RevisionSchema } from "../../state/rules/match_revision.ts";
import { isTimeUp } from "./time_limit.ts";
import { type Check, type CheckContext, couldNotCheck } from "./check.ts";
import { foundBroken, rowRules } from "../rules/data_rules.ts";
import { countDuplicates, duplicateWords, uniqueColumnsOf } from "./duplicates.ts";
import { looseTexts } from "../rules/value_forms.ts";
import { checkProjectRules } from "./project_rules.ts";
import { unreadOf } from "./read_schemas.ts";
import { isOfHost } from "../../sql/table_names.ts";
import { whereIn } from "../rules/where_in.ts";
import { type RowScan, scanRows } from "./row_scan.ts";

/** The rows themselves, by what their schema says, the application takes for granted, and the project's own rules ask. */
export const dataCheck: Check = {
  name: "data",
  summary:
    "rows are what their schema says and the application expects: dates and booleans in the right form, no orphans, no NULL and nothing twice where there must not be; what the application takes for granted besides; the project's own rules",
  cost:
    "reads every row once: about 3 s per million files, in slices of some 20 ms where who writes would wait for it",
  async *run(context) {
    const known = await context.schemas();
    const history = await context.history();
    const unread = unreadOf(known, whereIn(history, await context.state()).current);
    const { names } = known;
    const live = (await context.schema()).tables;
    const tables = names.flatMap((name) => live.filter((table) => table.name === name));
    const scanned: string[] = [];
    let isSound = unread.length === 0;
    yield* unread;
    const profile = profileOf(history);
    for (const table of tables) {
      for await (const found of checkTable(context, table, profile)) {
        isSound &&= found.status === "pass";
        if (found.status === "pass") scanned.push(found.message);
        else yield found;
      }
    }
    for await (const found of checkDemands(context, profile)) {
      isSound = false;
      yield found;
    }
    for await (const found of checkProjectRules(context)) {
      isSound = false;
      yield found;
    }
    if (isSound) yield pass(scanned.length === 0 ? "there are no rows to check" : scanned.join(", "));
  },
};

/** Yields what is wrong with a table's rows, or else how many there are. */
async function* checkTable(
  context: CheckContext,
  table: Table,
  profile: Profile | null,
): AsyncGenerator<Found> {
  const database = await context.database();
  const schema = await context.schema();
  // What is the host's is nobody's to look at; the server holds its references.
  const foreignKeys = table.foreignKeys.filter((key) => !isOfHost(key.table, schema));
  const scan = scanRows(table, {
    rows: rowRules(database.dialect, { ...table, foreignKeys }, profile),
    texts: looseTexts(database.dialect, table.columns),
    judged: profile?.texts ?? [],
  });
  const found: Found[] = [];
  try {
    await scan.run(database, context.pace);
    for (const unique of uniqueColumnsOf(table, profile)) {
      const repeated = await countDuplicates(database, context.pace, unique);
      if (repeated.count > 0) found.push(foundBroken(duplicateWords(unique), repeated));
    }
  } catch (error) {
    // What was seen so far is true all the same.
    yield* broken(scan);
    yield* found;
    if (isTimeUp(error)) {
      const at = { table: table.name, rows: scan.rows() };
      throw error.with({
        state: `${error.state}, after ${counted(at.rows, "row")} of ${at.table}`,
        details: at,
      });
    }
    if (isFinal(error)) throw error;
    return yield couldNotCheck(error, `the rows of ${table.name}`);
  }
  found.unshift(...broken(scan));
  yield* found.length > 0 ? found : [pass(`${counted(scan.rows(), "row")} of ${table.name}`)];
}

/**
 * Yields what the schema demands of the rows and nothing in the database guards: NULL where a column must not be, and keys
 * that stand twice. Of revisions that are not applied, whose scripts fill what is empty, only the latter.
 */
async function* checkDemands(context: CheckContext, profile: Profile | null): AsyncGenerator<Found> {
  const database = await context.database();
  const { schemas } = await context.schemas();
  const live = await context.schema();
  const { applied } = await context.state();
  const current = schemas.findLast(({ revision }) =>
    applied.some((row) => row.revision === revision && row.finishedAt !== null)
  );
  const head = schemas.at(-1);
  const unguarded = (schema: RevisionSchema | undefined) =>
    schema === undefined ? [] : demandsOf(schema.snapshot, live);
  const now = unguarded(current).filter(({ kind }) => kind === "null" || kind === "duplicate");
  const isOther = ({ query }: Demand) => !now.some((each) => each.query === query);
  const isProfiles = ({ table, columns }: Demand) =>
    profile?.unique.some((each) => each.table === table && columns.join() === each.column) ?? false;
  const later = unguarded(head).filter((each) => each.kind === "duplicate" && isOther(each));
  for (const demand of [...now, ...later].filter((each) => each.kind === "null" || !isProfiles(each))) {
    await context.pace.next();
    const [conflict] = await context.within((signal) => findConflicts({ database, signal }, [demand]));
    if (conflict === undefined) continue;
    const { kind, table, state, query } = demand;
    const isPending = later.includes(demand);
    // Without a key the rows would be named by a value.
    const isKeyed = live.tables.some((each) => each.name === table && each.primaryKey.length > 0);
    yield foundBroken({
      name: kind === "null" ? "null_values" : "duplicates",
      table,
      words: `${state}${isPending ? `, which ${head!.revision} does not allow` : ""}`,
      status: isPending ? "warn" : "fail",
      hint: `See them, and correct them: ${query}`,
    }, { count: conflict.rows, ids: isKeyed ? conflict.examples : [] });
  }
}

function broken(scan: RowScan): readonly Found[] {
  return scan.broken().map(([rule, rows]) => foundBroken(rule, rows));
}

/** Whether nothing else can be read after this error either. */
function isFinal(error: unknown): boolean {
  return error instanceof HarborError && (error.code === "interrupted" || error.code === "connection_failed");
}
