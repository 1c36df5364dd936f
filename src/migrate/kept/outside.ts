import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import { userStatement } from "../../engines/statement_names.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { plainTexts } from "../../history/plain_texts.ts";
import type { Script } from "../../history/scripts/script.ts";
import type { Table } from "../../schema/snapshot.ts";
import { foldedName, tokensOf } from "../../sql/cursor.ts";
import { isWord } from "../../sql/lexer.ts";
import { quoteName } from "../../sql/quote.ts";
import { isDefaultSchema, nameIn, quoteTable } from "../../sql/table_names.ts";
import type { Step } from "../rules/plan.ts";
import { columnsGone, type Loss, lossesOf, tablesOfLosses } from "./rules/losses.ts";
import { words } from "./side/words.ts";

/** The schemas that scripts name and no snapshot does, and the tables in them as `schema.name`. */
export interface Outside {
  readonly schemas: readonly string[];
  readonly tables: readonly Table[];
}

const nothing: Outside = { schemas: [], tables: [] };

/** Returns what scripts name that is outside of the schemas of the history; reads nothing where their texts name no such schema. */
export async function readOutside(database: Database, scripts: readonly Script[]): Promise<Outside> {
  if (database.schema === undefined) return nothing;
  const known = database.schemas ?? [];
  const named = scripts.flatMap(({ statements }) => statements.flatMap((each) => namesIn(each.sql)))
    .filter(({ name }) => !isDefaultSchema(name) && name !== database.schema && !known.includes(name));
  const question = words[database.dialect].readColumns([...new Set(named.map(({ name }) => name))]);
  if (named.length === 0 || question === null) return nothing;
  const found = await database.read<
    { readonly schema: string; readonly table: string; readonly name: string; readonly type: string }
  >(question);
  const tables = [...Map.groupBy(found, ({ schema, table }) => nameIn(schema, table))];
  return {
    schemas: [
      ...new Set([
        ...found.map(({ schema }) => schema),
        ...named.filter(({ isMade }) => isMade).map(({ name }) => name),
      ]),
    ],
    tables: tables.map(([name, columns]) => ({
      name,
      columns: columns.map(({ name, type }) => ({
        name,
        type,
        notNull: false,
        default: null,
        identity: false,
      })),
      primaryKey: [],
      foreignKeys: [],
      indexes: [],
      uniques: [],
      checks: [],
    })),
  };
}

/** Returns a script's texts with one name for each table, also for those outside: one is not taken for another that is called alike. */
export async function textsToKeep(database: Database, script: Script): Promise<readonly string[]> {
  return plainTexts(script, [database, await readOutside(database, [script])]);
}

/** Returns the names in a statement that may be those of schemas; `isMade` of one that it makes. */
function namesIn(text: string): readonly { readonly name: string; readonly isMade: boolean }[] {
  if (!text.includes(".") && !/\bschema\b/i.test(text)) return [];
  const tokens = tokensOf(text, "postgresql");
  const isOfSchemas = tokens.some((token) => isWord(token, "SCHEMA"));
  const isMade = isWord(tokens[0], "CREATE") && isWord(tokens[1], "SCHEMA");
  return tokens.flatMap((token, place) => {
    const name = isOfSchemas || tokens[place + 1]?.text === "." ? foldedName(token, "postgresql") : null;
    return name === null ? [] : [{ name, isMade }];
  });
}

/**
 * Makes sure that no table or column goes with something in it in schemas that no snapshot names: that is not kept.
 *
 * @param untouched What was not done yet, as a sentence
 * @throws {HarborError} `data_conflict` where one would
 */
export async function requireInside(
  { database }: Pick<RunContext, "database">,
  steps: readonly Step[],
  untouched: string,
): Promise<void> {
  const texts = steps.flatMap(({ script }) => script.statements.map((each) => each.sql));
  if (tablesOfLosses(texts, database.dialect)?.length === 0) return;
  const outside = await readOutside(database, steps.map(({ script }) => script));
  if (outside.tables.length === 0) return;
  const statements = steps.flatMap(({ script, resume }) =>
    plainTexts(script, [database, outside]).slice(resume?.statementsDone ?? 0)
  );
  for (const loss of lossesOf({ tables: outside.tables, dialect: database.dialect }, statements)) {
    // What an UPDATE or an upsert writes there is the script's to say, as in any other table that it alone knows.
    if (loss.kind === "changed" || !await hasSomething(database, loss, outside.schemas)) continue;
    const { name } = loss.table;
    const columns = columnsGone(loss);
    throw new HarborError("data_conflict", `Cannot put aside what goes of "${name}"`, {
      state: `${
        columns.length === 0 ? "it has rows" : `there is something in ${columns.join(", ")}`
      }, and no snapshot of the history names its schema: what is there is not kept`,
      hint: `${untouched} Copy what you need of it first. Without keeping it goes for good: --no-keep`,
      details: { table: name, columns },
    });
  }
}

/** Whether anything would be destroyed: what is NULL in every row is nothing. */
async function hasSomething(database: Database, loss: Loss, schemas: readonly string[]): Promise<boolean> {
  const some = columnsGone(loss).map((name) => `${quoteName(name)} IS NOT NULL`);
  const condition = some.length === 0 ? "TRUE" : some.join(" OR ");
  const found = await database.read(
    userStatement(
      sql.raw(`SELECT 1 AS one FROM ${quoteTable(loss.table.name, schemas)} WHERE ${condition} LIMIT 1`),
    ),
  );
  return found.length > 0;
}
