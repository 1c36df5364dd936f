import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { counted, formatBytes, formatCount } from "../../base/quantity.ts";
import type { Database } from "../../engines/database.ts";
import { isCounted, isPutAside, type Kept, keptName } from "../../engines/kept_table.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { quoteName } from "../../sql/quote.ts";
import { homeOf, isReturnable, isTriedAgain, type Standing } from "../../state/rules/due.ts";
import { any } from "./side/words.ts";

/** So many rows of a side table are counted, which takes a server or a disk well under a second. */
const most = 1_000_000;

/** Kept data, and what was seen of it. */
export interface CountedKept {
  readonly kept: Kept;
  /** The rows in its side table; `null` where nobody counted them: more than are counted, being put aside, not to be read. */
  readonly there: number | null;
  /** How many of those on record are not there. */
  readonly gone: number;
  /** How many of those there stay kept when the rest comes back: there is a NULL in the key by which a row is known. */
  readonly nameless: number;
}

/** Counts the rows in side tables, and compares them with what is on record at that moment. */
export async function countKept(
  database: Database,
  all: readonly Kept[],
): Promise<readonly CountedKept[]> {
  return await Promise.all(all.map(async (kept): Promise<CountedKept> => {
    const found = isPutAside(kept) ? await countOne(database, kept) : null;
    return {
      kept,
      there: found?.there ?? null,
      gone: Math.max(0, (found?.wanted ?? 0) - (found?.there ?? 0)),
      nameless: found?.nameless ?? 0,
    };
  }));
}

/** Returns what is kept with the number of rows that were counted, where they were; else with that on record. */
export async function readCounted(
  database: Database,
  all: readonly Kept[],
): Promise<readonly Kept[]> {
  return (await countKept(database, all)).map(({ kept, there }) => ({ ...kept, rows: there ?? kept.rows }));
}

/** In one query, since a run may put it back meanwhile. */
async function countOne(database: Database, { id, sideTable, kind, keys }: Kept) {
  // Whole rows are told apart by all that they have.
  const key = kind === "table" ? [] : keys.map((name) => sql`${sql.identifier(name)} IS NULL`);
  const isNameless = key.length === 0 ? sql`FALSE` : any(key);
  const rows = sql`SELECT CASE WHEN ${isNameless} THEN 1 END AS nameless FROM ${ownTable(sideTable)} LIMIT ${
    sql.raw(String(most + 1))
  }`;
  try {
    const [row] = await database.read<Record<"wanted" | "there" | "nameless", number | bigint | string>>(
      sql`SELECT k.row_count AS wanted, seen.* FROM ${
        ownTable(keptName)
      } AS k, (SELECT count(*) AS there, count(nameless) AS nameless FROM (${rows}) AS r) AS seen WHERE k.id = ${id}`,
    );
    if (row === undefined || Number(row.there) > most) return null;
    return { wanted: Number(row.wanted), there: Number(row.there), nameless: Number(row.nameless) };
  } catch (error) {
    // One that is lost, or another's.
    if (error instanceof HarborError && ["missing_table", "read_only"].includes(error.code)) return null;
    throw error;
  }
}

/** Says of what somebody took rows, and what to do about it. */
export function goneText({ kept, gone }: CountedKept): { readonly state: string; readonly hint: string } {
  const { id, table, revision, direction, rows, sideTable } = kept;
  return {
    state: `${sideTable} lacks ${formatCount(gone)} of the ${
      counted(rows, "row")
    } of ${table} on record, put aside by the ${direction} of ${revision}`,
    hint:
      `They do not come back with the rest. A backup may have them: harbor-db backup list; where the rest is given up, too: harbor-db kept drop ${id}`,
  };
}

/** Says that rows are not known by their key. */
export function namelessWords(rows: number, keys: readonly string[]): string {
  const have = counted(rows, "row has a NULL in its key", "rows have a NULL in their key");
  return `${have} (${keys.join(" and ")}), which names no row`;
}

/** Says of what rows will stay, and how to see them. */
export function namelessText(
  { kept, nameless }: CountedKept,
): { readonly state: string; readonly hint: string } {
  const { id, table, keys, sideTable } = kept;
  return {
    state: `of ${table} (${id}) ${namelessWords(nameless, keys)}`,
    hint: `They stay kept when the rest comes back. To see them: SELECT * FROM ${sideTable} WHERE ${
      keys.map((name) => `${quoteName(name)} IS NULL`).join(" OR ")
    }`,
  };
}

/** Says of what stayed kept how it may come back. */
export function leftText(kept: Kept, standing: Standing): { readonly state: string; readonly hint: string } {
  const { id, table, rows } = kept;
  return {
    state: `of ${table} (${id}) ${counted(rows, "row")} stayed kept when the rest came back`,
    hint: wayOfLeft(kept, standing),
  };
}

function wayOfLeft(kept: Kept, standing: Standing): string {
  const { id, revision, direction, sideTable } = kept;
  const byHand =
    `, so that they come back by hand alone. To see them: SELECT * FROM ${sideTable}; to let go of them: harbor-db kept drop ${id}`;
  if (!isReturnable(kept)) return `Nothing says what the script gave in their place${byHand}`;
  const again = "harbor-db kept return";
  if (isTriedAgain(kept, standing)) {
    return `Where what was in the way is gone, this brings them back, but for what something newer has overtaken: ${again}`;
  }
  const home = homeOf(kept, standing.history);
  if (home === null) return `No revision of the history stands for ${revision}${byHand}`;
  const isHalfWay = standing.applied.some(({ finishedAt }) => finishedAt === null);
  const way = isHalfWay
    ? "a revision stopped half way, which comes first: harbor-db status"
    : `harbor-db ${direction} ${home}, then ${again}`;
  return `They fit the schema of ${home}: ${way}`;
}

/** Says how much there is: `1 014 rows counted, about 4.1 MB`. */
export function seenText(all: readonly CountedKept[]): string {
  const isKnown = ({ kept }: CountedKept) => isCounted(kept);
  if (!all.some((each) => isKnown(each) || each.there !== null)) return "not yet counted";
  const sum = (of: readonly CountedKept[], size: (each: CountedKept) => number) =>
    of.reduce((total, each) => total + size(each), 0);
  const [seen, unseen] = [
    all.filter(({ there }) => there !== null),
    all.filter((each) => each.there === null && isKnown(each)),
  ];
  return [
    ...seen.length > 0 ? [`${counted(sum(seen, ({ there }) => there!), "row")} counted`] : [],
    ...unseen.length > 0 ? [`${counted(sum(unseen, ({ kept }) => kept.rows), "row")} on record alone`] : [],
    ...all.some(isKnown) ? [`about ${formatBytes(sum(all.filter(isKnown), ({ kept }) => kept.bytes))}`] : [],
    ...all.every(isKnown) ? [] : ["and what is not yet counted"],
  ].join(", ");
}
