import { counted } from "../../../base/quantity.ts";
import { type Found, pass } from "../../../base/finding.ts";
import { sql } from "drizzle-orm";
import { HarborError } from "../../../base/errors.ts";
import type { Database } from "../../database.ts";
import { type Probe, type SliceTurns } from "../../inspector.ts";
import { ownSchemas, shownName } from "../catalogs/place.ts";
import { quoteName } from "../../../sql/quote.ts";

/** How many 8 kB blocks of a table are looked at in one statement. */
const blocksPerSlice = 4_096;

/**
 * Compares indexes with their tables, and reads the tables' own pages, by PostgreSQL's extension `amcheck` where it
 * is installed. Its locks keep nobody from reading or writing.
 *
 * Source: https://www.postgresql.org/docs/current/amcheck.html
 */
export function amcheckProbe(quick: boolean): Probe {
  return {
    name: "amcheck",
    async run(database, pace) {
      const [user] = await database.read<{ role: string }>(sql`SELECT current_user::text AS role`);
      const role = quoteName(user!.role);
      const [extension] = await database.read<{ schema: string; heap: boolean }>(
        sql`SELECT n.nspname::text AS schema, EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND p.proname = 'verify_heapam') AS heap FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'`,
      );
      if (extension === undefined) {
        return {
          status: "warn",
          message:
            "not checked: the content of indexes and pages, because the extension amcheck is not installed",
          hint:
            `As a superuser: CREATE EXTENSION amcheck SCHEMA public; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO ${role};`,
          details: { notChecked: ["amcheck"] },
        };
      }
      try {
        return await check(database, pace, { ...extension, quick });
      } catch (error) {
        return judge(error, { schema: extension.schema, role });
      }
    },
  };
}

interface Amcheck {
  readonly schema: string;
  /** Whether it can check tables too (PostgreSQL 14 and newer). */
  readonly heap: boolean;
  readonly quick: boolean;
}

async function check(
  database: Database,
  pace: SliceTurns,
  { schema, heap, quick }: Amcheck,
): Promise<Found> {
  const own = sql.identifier(schema);
  const indexes = await database.read<{ oid: number; name: string }>(
    sql`SELECT x.indexrelid::bigint AS oid, ${
      sql.raw(shownName("i.relnamespace", "i.relname"))
    } AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam WHERE i.relnamespace = ${
      sql.raw(ownSchemas)
    } AND a.amname = 'btree' AND x.indisvalid AND x.indisready AND i.relpersistence <> 't' ORDER BY pg_relation_size(i.oid)`,
  );
  const problems: string[] = [];
  for (const { oid, name } of indexes) {
    await pace.next();
    // Every row of the table is looked up in the index, but for a quick check.
    await database.read(sql`SELECT ${own}.bt_index_check(${oid}::oid::regclass, ${!quick})`).catch(
      (error) => {
        if (!isDamage(error)) throw error;
        problems.push(`index ${name}: ${error.state}`);
      },
    );
  }
  if (heap && !quick) problems.push(...await checkHeap(database, pace, schema));
  const unread = [...quick ? ["rows in indexes"] : [], ...heap && !quick ? [] : ["pages of tables"]];
  const notChecked = unread.length === 0 ? {} : { notChecked: unread };
  if (problems.length === 0) {
    return pass(`amcheck finds ${counted(indexes.length, "index", "indexes")} as they should be`, notChecked);
  }
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
  return {
    status: "fail",
    message: `the database is damaged: ${problems[0]}${more}`,
    hint:
      "Take a backup first: harbor-db backup. An index is made anew from its rows by REINDEX INDEX CONCURRENTLY; for a table: harbor-db restore <backup>",
    details: { problems, ...notChecked },
  };
}

async function checkHeap(database: Database, pace: SliceTurns, schema: string): Promise<readonly string[]> {
  const tables = await database.read<{ oid: number; name: string; blocks: number }>(
    sql`SELECT c.oid::bigint AS oid, ${
      sql.raw(shownName("c.relnamespace", "c.relname"))
    } AS name, pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks FROM pg_class c WHERE c.relnamespace = ${
      sql.raw(ownSchemas)
    } AND c.relkind = 'r' AND c.relpersistence <> 't' ORDER BY 2`,
  );
  const problems: string[] = [];
  for (const { oid, name, blocks } of tables) {
    for (let first = 0; first < blocks; first += blocksPerSlice) {
      await pace.next();
      const last = Math.min(first + blocksPerSlice, blocks) - 1;
      const rows = await database.read<{ blkno: number; msg: string }>(
        // With every argument, so that no other function of that name fits as well.
        sql`SELECT blkno, msg FROM ${
          sql.identifier(schema)
        }.verify_heapam(${oid}::oid::regclass, false, false, 'none'::text, ${first}::bigint, ${last}::bigint) LIMIT 20`,
      ).catch((error) => {
        if (!isDamage(error)) throw error;
        return [{ blkno: first, msg: error.state }];
      });
      problems.push(...rows.map(({ blkno, msg }) => `table ${name}, block ${blkno}: ${msg}`));
    }
  }
  return problems;
}

/** data_corrupted and index_corrupted. */
function isDamage(error: unknown): error is HarborError {
  return error instanceof HarborError && /^XX00[12]$/.test(error.details.sqlState ?? "");
}

function judge(
  error: unknown,
  { schema, role }: { readonly schema: string; readonly role: string },
): Found {
  if (!(error instanceof HarborError) || error.details.sqlState !== "42501") throw error;
  return {
    status: "warn",
    message:
      "not checked: the content of indexes and pages, because this role may not use the extension amcheck",
    hint: `As a superuser: GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${
      quoteName(schema)
    } TO ${role}; or leave it: --skip integrity`,
    details: { notChecked: ["amcheck"] },
  };
}
