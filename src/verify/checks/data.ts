import { type Found, pass } from "../../base/finding.ts";
import { HarborError } from "../../base/errors.ts";
import type { Snapshot, Table } from "../../schema/snapshot.ts";
import { counted } from "../../base/quantity.ts";
import { type Conflict, findConflict, findConflicts } from "../../migrate/preflight/check_rows.ts";
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
import { readEncoding } from "./text_encoding.ts";

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
      isSound &&= found.status === "pass";
      if (found.status === "pass") scanned.push(found.message);
      else yield found;
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
  const { dialect } = database;
  const encoding = await readEncoding(database);
  const scan = scanRows(table, dialect, {
    rows: rowRules({ ...table, foreignKeys }, schema, profile),
    texts: encoding.isLoose ? looseTexts(dialect, table.columns) : [],
    encoding,
    schemas: schema.schemas,
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
  if (found.length > 0) return yield* found;
  const formed = scan.formed();
  yield pass(
    `${counted(scan.rows(), "row")} of ${table.name}${
      formed.length === 0 ? "" : ` (${formed.join(", ")}: all in a form of their own)`
    }`,
  );
}

/** The demands of a schema that are looked at, and the rules of their findings. */
const ruleNames: Readonly<Partial<Record<Demand["kind"], string>>> = {
  null: "null_values",
  duplicate: "duplicates",
  orphan: "orphans",
};

/** Whether a table's scan has looked at it: at all references that the database has. */
function isScanned({ kind, table, columns }: Demand, { tables }: Snapshot): boolean {
  const own = tables.find(({ name }) => name === table)?.foreignKeys ?? [];
  return kind === "orphan" && own.some((key) => key.columns.join("\0") === columns.join("\0"));
}

/**
 * Yields what the schema demands of the rows and nothing in the database guards: NULL where a column must not be, keys
 * that stand twice, and what refers to nothing by a reference that is not there. Of revisions that are not applied, whose scripts fill what is empty, only the latter.
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
  const now = unguarded(current).filter((each) => each.kind in ruleNames && !isScanned(each, live));
  const isOther = ({ query }: Demand) => !now.some((each) => each.query === query);
  const isProfiles = ({ table, columns }: Demand) =>
    profile?.unique.some((each) => each.table === table && columns.join() === each.column) ?? false;
  const later = unguarded(head).filter((each) => each.kind === "duplicate" && isOther(each));
  for (const demand of [...now, ...later].filter((each) => each.kind === "null" || !isProfiles(each))) {
    await context.pace.next();
    const { kind, table, state, query } = demand;
    const isPending = later.includes(demand);
    let conflict: Conflict | null;
    try {
      // What a revision that is not applied names may still be to be made.
      conflict = isPending
        ? (await context.within((signal) => findConflicts({ database, signal }, [demand])))[0] ?? null
        : await findConflict(database, demand);
    } catch (error) {
      if (isTimeUp(error) || isFinal(error)) throw error;
      yield couldNotCheck(error, `whether rows of ${table} ${state}`);
      continue;
    }
    if (conflict === null) continue;
    // Without a key the rows would be named by a value.
    const isKeyed = live.tables.some((each) => each.name === table && each.primaryKey.length > 0);
    yield foundBroken({
      name: ruleNames[kind]!,
      table,
      words: `${state}${isPending ? `, which ${head!.revision} does not allow` : ""}`,
      status: isPending ? "warn" : "fail",
      hint: `See them, and correct them: ${query}`,
    }, { count: conflict.rows, ids: isKeyed ? conflict.examples : [], key: conflict.key });
  }
}

function broken(scan: RowScan): readonly Found[] {
  return scan.broken().map(([rule, rows]) => foundBroken(rule, rows));
}

/** Whether nothing else can be read after this error either. */
function isFinal(error: unknown): boolean {
  return error instanceof HarborError && (error.code === "interrupted" || error.code === "connection_failed");
}
