import { HarborError } from "../base/errors.ts";
import type { RunContext } from "../engines/run_context.ts";
import { locate } from "../history/applied.ts";
import { headOf } from "../history/history.ts";
import { isLostInCopy } from "../migrate/preflight/rules/copied_tables.ts";
import { requireSchemas } from "../state/require_schemas.ts";
import { ownTables } from "../state/rules/match_revision.ts";
import { damageError } from "./damage.ts";
import { inspect, type Inspection, keptBeside } from "./inspect.ts";
import { type OnRecord, readOnRecord } from "./on_record.ts";
import type { Label } from "./rules/labels.ts";

/** How a database is taken over. */
export interface Choice {
  readonly inspection: Inspection;
  /** `none`: it is empty, or managed and right · `stamp`: it is exactly a revision · `bridge`: it is led to head. */
  readonly action: "none" | "stamp" | "bridge";
  /** The revision that it will be at; `null` for base. */
  readonly to: string | null;
  /** In what the scripts left another schema than `to` says, where its own record or drizzle's settles that they ran; else `null`. */
  readonly drift: readonly string[] | null;
}

/**
 * Looks at a database and chooses how it would be taken over, whether or not it can be.
 *
 * @throws {HarborError} when it cannot be read
 */
export async function chooseAdoption(context: RunContext): Promise<Choice> {
  requireSchemas(context.database, headOf(context.history));
  try {
    const found = await inspect(context);
    const recorded = await readOnRecord(context, found);
    // What scripts left otherwise than their snapshots say makes no label wrong that says they ran.
    const labels = recorded === null
      ? found.labels
      : found.labels.map((each) => each.revision === recorded.revision ? { ...each, isTrue: true } : each);
    const inspection = { ...found, labels };
    const place: Place = { drift: null, ...chooseAction(context, inspection, recorded) };
    const { action, to, drift } = place;
    const kept = action === "bridge" ? found.kept : keptBeside(inspection, to, drift ?? []);
    return { inspection: { ...inspection, kept }, ...place };
  } catch (error) {
    // What a file of SQLite's cannot be read for; a value of another form than ours is no damage of it.
    const isDamage = error instanceof HarborError && error.code === "not_a_database" &&
      error.details.column === undefined;
    throw isDamage ? damageError(context.database.url, [wordsOf(error)]) : error;
  }
}

type Place = Omit<Choice, "inspection">;

function chooseAction(
  context: RunContext,
  inspection: Inspection,
  recorded: OnRecord | null,
): Omit<Place, "drift"> & Partial<Place> {
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

function stampOf({ revision, drift }: OnRecord): Place {
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

function wordsOf(error: HarborError): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
