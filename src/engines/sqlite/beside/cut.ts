import { isOwnTable } from "../../../sql/own/tables.ts";
import type { BesideChange, Piece } from "../../beside.ts";
import { addedColumnWay } from "./ways/added_column.ts";
import { boundEnd } from "./script/bound.ts";
import { copyWay } from "./ways/copy_way.ts";
import { definitionWay } from "./ways/definition_way.ts";
import { dropWay } from "./ways/drop_way.ts";
import { indexWay } from "./ways/index_way.ts";
import type { Way } from "./ways/way.ts";
import type { BesidePlace } from "../database.ts";
import { isOfMirror } from "./mirror/mirror.ts";
import { hasRows, openReplica, type Replica, schemaQuery, type SchemaRow } from "./form/replica.ts";

/** All ways. The first that finds something at a place and can do it takes it. */
const allWays: readonly Way[] = [definitionWay, copyWay, dropWay, addedColumnWay, indexWay];

/** Where nobody writes beside, only what moves no row costs less than the script as it is written. */
const cheapWays: readonly Way[] = [definitionWay, addedColumnWay];

/**
 * Cuts a script into what runs beside writers and what is left of it. The script runs on a replica without rows, so
 * that each way sees the schema which it would meet.
 *
 * @param script Its statements, and those that run before it
 */
export async function cut(
  place: BesidePlace,
  { earlier, texts }: { readonly earlier: readonly string[]; readonly texts: readonly string[] },
): Promise<readonly Piece[]> {
  const whole: readonly Piece[] = [{ count: texts.length, beside: null }];
  const ways = place.isThrowAway ? cheapWays : allWays;
  if (!texts.some((_, at) => ways.some((way) => way.find(texts, at) !== null))) return whole;
  // What a killed run left of a mirror stays out: the script would meet its triggers, and nothing could get the mirror's name.
  const schema = (await place.read<SchemaRow>(schemaQuery)).filter(({ name }) => !isOfMirror(name));
  if (!await isAnyLarge(place, schema)) return whole;
  const replica = openReplica(schema);
  // Where a statement needs rows, or what only the application brings, it is left to run as it is written.
  if (!replica?.run(earlier)) return whole;
  return cutOn(replica, ways, { place, texts }) ?? whole;
}

function cutOn(
  first: Replica,
  ways: readonly Way[],
  { place, texts }: { readonly place: BesidePlace; readonly texts: readonly string[] },
): readonly Piece[] | null {
  const pieces: Piece[] = [];
  const strayAtFirst = new Set(strayReferences(first));
  let replica = first;
  for (let at = 0; at < texts.length;) {
    const found = ways.flatMap((way) => {
      const unit = way.find(texts, at);
      return unit === null ? [] : [{ way, unit }];
    });
    let count = found[0]?.unit.count ?? untilNext(texts, at, ways);
    const statements = texts.slice(at, at + count);
    let after = replica.after(statements);
    if (after === null) return null;
    // What ran before is committed ahead of what runs beside writers: it has to leave no reference to a table that is not there.
    const canCommit = found.length > 0 && strayReferences(replica).every((each) => strayAtFirst.has(each));
    let beside: BesideChange | null = null;
    for (const { way, unit } of found) {
      if (unit.count !== count || !canCommit) continue;
      beside ??= way.plan({ ...unit, place, statements, before: replica, after });
    }
    const bound = beside === null ? boundEnd(texts, { at, end: at + count }, [replica, after]) : at + count;
    if (bound > at + count) {
      after = after.after(texts.slice(at + count, bound));
      if (after === null) return null;
      count = bound - at;
    }
    const last = pieces.at(-1);
    if (beside === null && last?.beside === null) {
      pieces[pieces.length - 1] = { count: last.count + count, beside };
    } else pieces.push({ count, beside });
    replica = after;
    at += count;
  }
  return pieces;
}

/** Returns which tables refer to one that is not there. */
function strayReferences({ rows }: Replica): readonly string[] {
  return rows<{ name: string }>(
    `SELECT DISTINCT lower(m.name || ' ' || k."table") AS name FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) k WHERE m.type = 'table' AND NOT EXISTS (SELECT 1 FROM sqlite_schema p WHERE p.type = 'table' AND lower(p.name) = lower(k."table"))`,
  ).map(({ name }) => name);
}

/** Returns how many statements there are up to the next that is something for a way. */
function untilNext(texts: readonly string[], at: number, ways: readonly Way[]): number {
  const next = texts.findIndex((_, place) =>
    place > at && ways.some((way) => way.find(texts, place) !== null)
  );
  return (next < 0 ? texts.length : next) - at;
}

/**
 * Whether any table is large. A small one may be referred to by a large one, whose rows are then looked through when it
 * is copied.
 */
async function isAnyLarge(place: BesidePlace, schema: readonly SchemaRow[]): Promise<boolean> {
  for (const { type, name, sql } of schema) {
    if (type !== "table" || /^sqlite_/i.test(name) || isOwnTable(name) || /^CREATE\s+VIRTUAL\s/i.test(sql)) {
      continue;
    }
    const [row] = await place.read<{ large: number }>(hasRows(name, place.largeRows));
    if (row?.large === 1) return true;
  }
  return false;
}
