import { isSameName } from "../base/fold_name.ts";
import { copiedTables, isLostInCopy } from "../migrate/rules/copied_tables.ts";
import { aheadOf } from "../history/ahead.ts";
import { locate } from "../history/applied.ts";
import { loadInspector } from "../engines/open/inspector.ts";
import { obstaclesOf } from "./rules/bridge_obstacles.ts";
import { indexesTaken, takenKeyNames } from "./rules/key_indexes.ts";
import type { Label } from "./rules/labels.ts";
import type { Obstacle } from "../migrate/rules/obstacle.ts";
import { choosePhases } from "./choose_phases.ts";
import type { Statement } from "../history/scripts/statement.ts";
import { inTransaction } from "./rules/bridge_phases.ts";
import { type BridgeStatement, step } from "./rules/bridge_statement.ts";
import type { Demand } from "../migrate/rules/demand.ts";
import { demandsOf } from "../migrate/rules/row_demands.ts";
import { lossError, lostAttachments } from "../migrate/rules/lost_attachments.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { HarborError } from "../base/errors.ts";
import { headOf } from "../history/history.ts";
import { readKitSnapshot } from "../schema/kit_snapshot.ts";
import { ownTables } from "../state/rules/match_revision.ts";
import { quoteName, quoteText } from "../sql/quote.ts";
import { quoteTable, withPlainNames } from "../sql/table_names.ts";
import { listenersError } from "../state/listeners.ts";
import { requireSchemas } from "../state/require_schemas.ts";
import { rightsError } from "../state/check_rights.ts";
import { shareRemedy } from "../state/read_unmanaged.ts";
import { conflictError, findConflicts } from "../migrate/check_rows.ts";
import type { RunContext } from "../engines/run_context.ts";
import { describeLabels, headSchema, inspect, type Inspection, keptBeside } from "./inspect.ts";
import { type OnRecord, readOnRecord } from "./on_record.ts";

/** What `adopt` would do with a database, and whether it can. */
export interface Adoption {
  readonly inspection: Inspection;
  /** `none`: it is empty, or managed and right · `stamp`: it is exactly a revision · `bridge`: it is led to head. */
  readonly action: "none" | "stamp" | "bridge";
  /** The revision that it will be at; `null` for base. */
  readonly to: string | null;
  /** In what the scripts left another schema than `to` says, where its own record or drizzle's settles that they ran; else `null`. */
  readonly drift: readonly string[] | null;
  /** What runs beside the version table. */
  readonly statements: readonly BridgeStatement[];
  /** The same in phases, each of which commits on its own; `null` where it is one transaction, or the engine's own way. */
  readonly phases: readonly Statement[] | null;
  /** Why large tables are held for one transaction; `null` where they are not. */
  readonly whyWhole: string | null;
  /** Why it cannot be done. */
  readonly refusal: HarborError | null;
}

/**
 * Decides how a database is taken over, without changing anything.
 *
 * @param isWhole Whether it is known already that the engine finds no damage
 * @throws {HarborError} when it cannot be read; what speaks against taking it over is returned, not thrown
 */
export async function prepareAdoption(
  context: RunContext,
  isWhole = false,
): Promise<Adoption> {
  const { database } = context;
  refuseAhead(context);
  const whole = { statements: [], phases: null, whyWhole: null };
  const plan: Adoption = { ...await chooseAdoption(context), ...whole, refusal: null };
  const { inspection } = plan;
  if (plan.action === "none") return plan;
  const hanging = await listenersError(database, `Cannot adopt "${database.url}"`);
  if (hanging !== null) return { ...plan, refusal: hanging };
  const problems = isWhole ? [] : await damageOf(context);
  if (problems.length > 0) return { ...plan, refusal: damageError(database.url, problems) };
  const forbidden = await rightsError("adopt", context);
  if (forbidden !== null) return { ...plan, refusal: forbidden };
  const advance = await sequencesBehind(context);
  const settled = [...inspection.tidying, ...advance];
  if (plan.action === "stamp" && plan.drift !== null) {
    const refusal = obstacleError(database.url, misplaced(inspection), inspection.labels);
    return { ...plan, statements: settled, refusal };
  }
  if (plan.action === "stamp") {
    // An exact schema settles what a label leaves open.
    const kept = inspection.match.exact ? [] : inspection.kept;
    // What later revisions demand their own scripts see to.
    const to = inspection.schemas.find(({ revision }) => revision === plan.to)?.snapshot;
    const refusal = refuseUnfit(context, { ...inspection, kept }, [], to);
    return { ...plan, statements: settled, refusal };
  }
  return await prepareBridge(context, plan, advance);
}

/** Says that it looks, since all of a large file is read. */
async function damageOf({ database, notify }: RunContext): Promise<readonly string[]> {
  const inspector = await loadInspector(database.dialect);
  notify({ kind: "doing", text: "looking for damage" });
  try {
    return await inspector.damage(database);
  } finally {
    notify({ kind: "done" });
  }
}

/** A bridge to a head that is behind the database would take what a newer release made. */
function refuseAhead({ database, history }: RunContext): void {
  const ahead = aheadOf(history);
  if (ahead === null) return;
  const { revisions: [{ id, name }], known } = ahead;
  throw new HarborError("missing_revision", `Cannot adopt "${database.url}"`, {
    state: `it has ${id} (${name}), and this history does not: a newer release or another branch made it`,
    hint: `To go back to what this history knows: harbor-db downgrade ${known}`,
    details: { revision: id },
  });
}

/**
 * Looks at a database and chooses how it would be taken over, whether or not it can be.
 *
 * @throws {HarborError} when it cannot be read
 */
export async function chooseAdoption(
  context: RunContext,
): Promise<Pick<Adoption, "inspection" | keyof Choice>> {
  requireSchemas(context.database, headOf(context.history));
  try {
    const found = await inspect(context);
    const recorded = await readOnRecord(context, found);
    // What scripts left otherwise than their snapshots say makes no label wrong that says they ran.
    const labels = recorded === null
      ? found.labels
      : found.labels.map((each) => each.revision === recorded.revision ? { ...each, isTrue: true } : each);
    const inspection = { ...found, labels };
    const choice: Choice = { drift: null, ...chooseAction(context, inspection, recorded) };
    const { action, to, drift } = choice;
    const kept = action === "bridge" ? found.kept : keptBeside(inspection, to, drift ?? []);
    return { inspection: { ...inspection, kept }, ...choice };
  } catch (error) {
    // What a file of SQLite's cannot be read for; a value of another form than ours is no damage of it.
    const isDamage = error instanceof HarborError && error.code === "not_a_database" &&
      error.details.column === undefined;
    throw isDamage ? damageError(context.database.url, [wordsOf(error)]) : error;
  }
}

type Choice = Pick<Adoption, "action" | "to" | "drift">;

function chooseAction(
  context: RunContext,
  inspection: Inspection,
  recorded: OnRecord | null,
): Pick<Choice, "action" | "to"> & Partial<Choice> {
  const { live, match, labels, toHead, schemas } = inspection;
  const isEmpty = live.tables.length === 0 && inspection.elsewhere.length === 0;
  if (isEmpty && labels.every((label) => label.rows.length === 0)) return { action: "none", to: null };
  const head = headOf(context.history)?.id ?? null;
  const current = managedAt(context, inspection);
  // What a copy would lose, every upgrade from here would refuse.
  const isOdd = ownTables(schemas, live).tables.some(({ peculiarities }) =>
    peculiarities?.some(isLostInCopy)
  );
  if (current !== undefined) {
    // What no revision knows is in the way of a copy of its table, and not in that of a bridge.
    const drift = recorded?.drift ?? null;
    const kept = keptBeside(inspection, current, drift ?? []);
    const isInTheWay = current !== head &&
      (isOdd || kept.some((path) => /^(?:column|unique|check|foreign key) /.test(path)));
    if (!isInTheWay) return { action: "none", to: current, drift };
    return { action: "bridge", to: head };
  }
  const isUnmanaged = inspection.applied === null;
  // Scripts that make nothing leave the schema of an earlier revision, which is no reason to be at that one.
  if (recorded?.isExact && recorded.drift.length > 0 && isUnmanaged) return stampOf(recorded);
  const isLed = match.revision !== head && isOdd;
  if (match.exact && !isLed && (match.revision !== null || isEmpty)) {
    return { action: "stamp", to: match.revision };
  }
  if (recorded !== null && isUnmanaged) return stampOf(recorded);
  // Head and something of somebody else's.
  const isHead = ownTables(schemas, live).tables.length > 0 && toHead.length === 0;
  return { action: isHead ? "stamp" : "bridge", to: head };
}

function stampOf({ revision, drift }: OnRecord): Choice {
  return { action: "stamp", to: revision, drift };
}

/** Returns the revision at which the database is managed, when its schema bears that out; `null` for base. */
function managedAt(
  { history }: RunContext,
  { applied, labels }: Inspection,
): string | null | undefined {
  if (applied === null) return undefined;
  try {
    const { done, unfinished } = locate(history, applied);
    const current = history.revisions[done - 1]?.id ?? null;
    const said = labels.filter(({ by, rows }) => by === "harbor-db" || (by === "alembic" && rows.length > 0));
    const isRight = ({ revision, isTrue }: Label) => revision === current && isTrue;
    return unfinished === null && said.every(isRight) ? current : undefined;
  } catch (error) {
    if (error instanceof HarborError) return undefined;
    throw error;
  }
}

async function prepareBridge(
  context: RunContext,
  plan: Adoption,
  advance: readonly BridgeStatement[],
): Promise<Adoption> {
  const { database, history } = context;
  const { inspection } = plan;
  const refusal = refuseUnfit(context, inspection);
  if (refusal !== null) return { ...plan, refusal };
  const [{ draftBridge }, { loadDrizzleEngine }] = await Promise.all([
    import("./draft_bridge.ts"),
    import("../author/drizzle_engine.ts"),
  ]);
  const target = {
    snapshot: headSchema(inspection.schemas, inspection.live),
    kit: readKitSnapshot(headOf(history)!.snapshot()),
  };
  const bridge = await draftBridge(inspection.live, target, await loadDrizzleEngine());
  const { live, tidying } = inspection;
  const chosen = await choosePhases(database, bridge, { live, target: target.snapshot });
  const taken = indexesTaken(bridge.statements);
  const drafted = {
    ...plan,
    inspection: { ...inspection, kept: inspection.kept.filter((path) => !taken.includes(path)) },
    statements: [...tidying, ...bridge.statements, ...advance],
    phases: chosen.phases && [...inTransaction(tidying), ...chosen.phases, ...inTransaction(advance)],
    whyWhole: chosen.whyWhole,
  };
  const unfit = refuseUnfit(context, inspection, copiedTables(bridge.statements.map(({ sql }) => sql))) ??
    obstacleError(database.url, takenKeyNames(bridge.statements, live), inspection.labels);
  if (unfit !== null) return { ...drafted, refusal: unfit };
  const loss = await findLoss(context, inspection.live, target.snapshot, bridge.statements);
  if (loss !== null) return { ...drafted, refusal: loss };
  const isFilled = ({ kind, table, columns: [column] }: Demand) =>
    kind === "null" && bridge.fills.some((fill) => fill.table === table && fill.column === column);
  const demands = demandsOf(target.snapshot, inspection.live).filter((demand) => !isFilled(demand));
  const conflicts = await findConflicts(context, demands);
  return { ...drafted, refusal: conflictError(`Cannot adopt "${database.url}"`, conflicts) };
}

/** Returns the error for a bridge after which changes of a published table would fail. */
async function findLoss(
  { database }: RunContext,
  before: Snapshot,
  after: Snapshot,
  statements: readonly BridgeStatement[],
): Promise<HarborError | null> {
  const attachments = await (await loadInspector(database.dialect)).attachments(database);
  const { lost } = lostAttachments(attachments, {
    statements: statements.map(({ sql }) => ({
      sql: withPlainNames(sql, before.schemas),
      run: { kind: "transaction" },
    })),
    before,
    after,
  });
  const needed = lost.find(({ consequence }) => consequence !== null);
  return needed === undefined ? null : lossError(`Cannot adopt "${database.url}": `, needed);
}

function refuseUnfit(
  context: RunContext,
  inspection: Inspection,
  copied: readonly string[] = [],
  target: Snapshot = headSchema(inspection.schemas, inspection.live),
): HarborError | null {
  const { live, schemas, labels, kept, applied } = inspection;
  const { url } = context.database;
  const unfinished = applied?.find((row) => row.finishedAt === null);
  if (unfinished !== undefined) {
    return new HarborError(
      "unfinished",
      `Cannot adopt "${url}": the ${unfinished.direction} of ${unfinished.revision} (${unfinished.name}) stopped half way`,
      {
        hint: unfinished.direction === "upgrade"
          ? `harbor-db upgrade ${unfinished.revision}`
          : "harbor-db downgrade -1",
        details: { revision: unfinished.revision },
      },
    );
  }
  const origins = new Map(
    schemas.toReversed().flatMap(({ snapshot }) => snapshot.tables.map((table) => [table.name, table])),
  );
  const obstacles = [
    ...misplaced(inspection),
    ...obstaclesOf({ live, target, origins, labels, kept, copied }),
  ];
  return obstacleError(url, obstacles, labels);
}

/** What shows that the application's tables are not those that are looked at. */
function misplaced(inspection: Inspection): readonly Obstacle[] {
  const { live, elsewhere } = inspection;
  return [
    ...strangers(inspection),
    ...elsewhere.filter((name) => !live.others.some((other) => other.name === name)).map((name) =>
      notHere(name, live)
    ),
  ];
}

/** A name that can be read, though there is no such table. */
function notHere(name: string, { tables, dialect }: Inspection["live"]): Obstacle {
  const other = tables.find((table) => isSameName(dialect, table.name, name));
  return other === undefined
    ? {
      path: `table ${name}`,
      state:
        `${name} is not in the first schema of the search path, where the application would make it, but in a later one`,
      remedy: `Put the schema that has it first, in the database URL: ?options=-csearch_path%3Dpublic`,
    }
    : {
      path: `table ${name}`,
      state: `the table ${name} is called ${other.name}`,
      remedy: `Give it its name: ALTER TABLE ${
        quoteName(other.name)
      } RENAME TO "${name}_"; ALTER TABLE "${name}_" RENAME TO "${name}";`,
    };
}

/** None of our tables among those that are there. */
function strangers({ live, schemas, elsewhere }: Inspection): readonly Obstacle[] {
  if (elsewhere.length > 0 || ownTables(schemas, live).tables.length > 0 || live.tables.length === 0) {
    return [];
  }
  const names = live.tables.map(({ name }) => name);
  return [{
    path: `table ${names[0]}`,
    state: `it has the tables ${names.join(", ")} and none of the application's: it is another program's`,
    remedy: shareRemedy,
  }];
}

function obstacleError(
  url: string,
  obstacles: readonly Obstacle[],
  labels: Inspection["labels"],
): HarborError | null {
  const [first] = obstacles;
  if (first === undefined) return null;
  return new HarborError(
    "unmanaged",
    `Cannot adopt "${url}": ${obstacles.map(({ state }) => state).join("; ")}`,
    {
      hint: obstacles.length === 1
        ? first.remedy
        : [...new Set(obstacles.map(({ remedy }) => remedy))].join(" "),
      details: { obstacles, labels: describeLabels(labels) },
    },
  );
}

/** Numbers that are taken would make every INSERT fail, one after the other. */
async function sequencesBehind({ database }: RunContext): Promise<readonly BridgeStatement[]> {
  const inspector = await loadInspector(database.dialect);
  const probe = inspector.probes({ quick: true }).find(({ name }) => name === "sequences");
  const found = await probe?.run(database, { next: () => Promise.resolve() });
  const behind = (found?.details["sequences"] ?? []) as readonly {
    readonly table: string;
    readonly column: string;
  }[];
  return behind.map(({ table, column }) =>
    step(
      `SELECT setval(pg_get_serial_sequence(${quoteText(quoteTable(table, database.schemas))}, ${
        quoteText(column)
      }), (SELECT max(${quoteName(column)}) FROM ${quoteTable(table, database.schemas)}))`,
    )
  );
}

function damageError(url: string, problems: readonly string[]): HarborError {
  const words = problems.map((problem) => problem.replaceAll(/\s+/g, " ").trim());
  const more = words.length > 3 ? `, and ${words.length - 3} more` : "";
  const isIndexOnly = words.every((each) => /\bindex\b/i.test(each) && !/tree|page|malformed/i.test(each));
  return new HarborError(
    "not_a_database",
    `Cannot adopt "${url}": the file is damaged: ${words.slice(0, 3).join("; ")}${more}`,
    {
      hint: isIndexOnly
        ? "Nothing was changed. Stop the application and copy the file; the rows can be read, so make the indexes anew in the copy: sqlite3 COPY REINDEX, then sqlite3 COPY 'PRAGMA integrity_check', and adopt the copy."
        : "Nothing was changed. Stop the application, copy the file and salvage what can be read into a new one: sqlite3 COPY .recover | sqlite3 SALVAGED, then compare and adopt that; or restore a backup.",
      details: { problems: words },
    },
  );
}

function wordsOf(error: HarborError): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
