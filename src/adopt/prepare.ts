import { HarborError } from "../base/errors.ts";
import type { DamageLook } from "../engines/inspector.ts";
import { loadInspector } from "../engines/open/inspector.ts";
import type { RunContext } from "../engines/run_context.ts";
import { aheadOf } from "../history/ahead.ts";
import { headOf } from "../history/history.ts";
import type { Statement } from "../history/scripts/statement.ts";
import { conflictError, findConflicts } from "../migrate/preflight/check_rows.ts";
import { copiedTables } from "../migrate/preflight/rules/copied_tables.ts";
import type { Demand } from "../migrate/preflight/rules/demand.ts";
import { lossError, lostAttachments } from "../migrate/preflight/rules/lost_attachments.ts";
import { demandsOf } from "../migrate/preflight/rules/row_demands.ts";
import { readKitSnapshot } from "../schema/kit_snapshot.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { quoteName, quoteText } from "../sql/quote.ts";
import { quoteTable, withPlainNames } from "../sql/table_names.ts";
import { rightsError } from "../state/check_rights.ts";
import { listenersError } from "../state/listeners.ts";
import { type Choice, chooseAdoption } from "./choose_adoption.ts";
import { choosePhases } from "./choose_phases.ts";
import { damageError, damageOf } from "./damage.ts";
import { headSchema } from "./inspect.ts";
import { inTransaction } from "./rules/bridge_phases.ts";
import { type BridgeStatement, step } from "./rules/bridge_statement.ts";
import { indexesTaken, takenKeyNames } from "./rules/key_indexes.ts";
import { misplaced, obstacleError, unfitError } from "./unfit.ts";

/** What `adopt` would do with a database, and whether it can. */
export interface Adoption extends Choice {
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
 * @param options.damage How damage is looked for; `null`: elsewhere
 * @param options.isTrial Whether it is a copy of what was just looked at, whose rows are not looked at again
 * @throws {HarborError} when it cannot be read; what speaks against taking it over is returned, not thrown
 */
export async function prepareAdoption(
  context: RunContext,
  { damage = "whole", isTrial = false }: {
    readonly damage?: DamageLook | null;
    readonly isTrial?: boolean;
  } = {},
): Promise<Adoption> {
  const { database } = context;
  refuseAhead(context);
  const whole = { statements: [], phases: null, whyWhole: null };
  const plan: Adoption = { ...await chooseAdoption(context), ...whole, refusal: null };
  const { inspection } = plan;
  if (plan.action === "none") return plan;
  const hanging = await listenersError(database, `Cannot adopt "${database.url}"`);
  if (hanging !== null) return { ...plan, refusal: hanging };
  const problems = damage === null ? [] : await damageOf(context, damage);
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
    const refusal = unfitError(context, { ...inspection, kept }, [], to);
    return { ...plan, statements: settled, refusal };
  }
  return await prepareBridge(context, plan, { advance, isTrial });
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

async function prepareBridge(
  context: RunContext,
  plan: Adoption,
  { advance, isTrial }: { readonly advance: readonly BridgeStatement[]; readonly isTrial: boolean },
): Promise<Adoption> {
  const { database, history } = context;
  const { inspection } = plan;
  const refusal = unfitError(context, inspection);
  if (refusal !== null) return { ...plan, refusal };
  const [{ draftBridge }, { loadDrizzleEngine }] = await Promise.all([
    import("./draft_bridge.ts"),
    import("../author/project/drizzle_engine.ts"),
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
  const unfit = unfitError(context, inspection, copiedTables(bridge.statements.map(({ sql }) => sql))) ??
    obstacleError(database.url, takenKeyNames(bridge.statements, live), inspection.labels);
  if (unfit !== null) return { ...drafted, refusal: unfit };
  const loss = await findLoss(context, inspection.live, target.snapshot, bridge.statements);
  if (loss !== null) return { ...drafted, refusal: loss };
  if (isTrial) return drafted;
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
