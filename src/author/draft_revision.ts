import type { Dialect } from "../base/dialect.ts";
import { quoteName } from "../sql/quote.ts";
import { schemaChanges, withoutSchemas } from "../schema/flat_schemas.ts";
import type { KitSnapshot } from "../schema/kit_snapshot.ts";
import { decide } from "./rules/change/decisions.ts";
import { noRenames } from "./rules/change/renames.ts";
import { viewChanges, withoutViews } from "./rules/change/views.ts";
import { unqualified, writePostgresScript } from "./rules/script/postgres/write_postgres_script.ts";
import { writeSqliteScript } from "./rules/script/write_sqlite_script.ts";
import { lossesOf } from "./rules/change/losses.ts";
import { type SchemaChange, stagesOf } from "./rules/change/stages.ts";
import { draft, type DraftStatement, namedDrafts, renderDraft } from "./rules/script/draft_statement.ts";
import { templateDown, templateUp } from "./rules/script/template.ts";
import type { DrizzleEngine } from "./project/drizzle_engine.ts";

/** A change of one dialect in both directions. */
export interface ChangePair {
  readonly up: SchemaChange;
  readonly down: SchemaChange;
}

/** The scripts of a revision of one dialect. */
export interface DraftedScripts {
  readonly up: string;
  readonly down: string;
  /** What was done beyond the plain statements, as sentences. */
  readonly notes: readonly string[];
  /** What the upgrade, and the downgrade, cannot give back. */
  readonly losses: { readonly upgrade: readonly string[]; readonly downgrade: readonly string[] };
}

const arrangers = { sqlite: writeSqliteScript, postgresql: writePostgresScript };

/** Writes the scripts of a change, up and down. */
export async function draftScripts(
  name: string,
  { up, down }: ChangePair,
  engine: DrizzleEngine,
): Promise<DraftedScripts> {
  const losses = lossesOf(up, down);
  const statements = await statementsOf(up, engine);
  return {
    up: renderDraft({ name, remarks: losses.upgrade, statements }),
    down: renderDraft({ name, remarks: losses.downgrade, statements: await statementsOf(down, engine) }),
    notes: [
      ...new Set(statements.flatMap(({ above }) => above.filter((line) => !line.startsWith("harbor:")))),
    ],
    losses,
  };
}

/** Writes the scripts that make a whole schema of nothing, and take it away. */
export async function draftWhole(
  name: string,
  snapshot: KitSnapshot,
  engine: DrizzleEngine,
): Promise<DraftedScripts> {
  const ends = { from: await engine.snapshot(snapshot.dialect, {}), to: snapshot };
  return await draftScripts(
    name,
    decide(ends, { renames: noRenames, dropped: "all", fills: new Map() }),
    engine,
  );
}

/** Writes a pair of scripts that do nothing yet. */
export function draftTemplate(name: string, dialect: Dialect): DraftedScripts {
  const statements = [draft("SELECT 1;")];
  return {
    up: renderDraft({ name, remarks: templateUp(dialect), statements }),
    down: renderDraft({ name, remarks: templateDown(), statements }),
    notes: [],
    losses: { upgrade: [], downgrade: [] },
  };
}

async function statementsOf(change: SchemaChange, engine: DrizzleEngine): Promise<readonly DraftStatement[]> {
  const statements = await changeStatements(change, engine);
  // A script has at least one statement, so that any runner takes it.
  return statements.length > 0 ? statements : [draft("SELECT 1;", "Nothing changes here.")];
}

/** Returns the statements that make a change; none when nothing changes. */
export async function changeStatements(
  change: SchemaChange,
  engine: DrizzleEngine,
): Promise<readonly DraftStatement[]> {
  const schemas = schemaChanges(change);
  const inner = { ...change, from: withoutSchemas(change.from), to: withoutSchemas(change.to) };
  const statements = namedDrafts(await flatStatements(inner, engine), schemas.all);
  return [
    ...schemas.made.map((name) => draft(`CREATE SCHEMA IF NOT EXISTS ${quoteName(name)};`)),
    ...statements,
    ...schemas.gone.map((name) => draft(`DROP SCHEMA ${quoteName(name)};`)),
  ];
}

/** Returns the statements of a change in which nothing is in a schema of its own. */
async function flatStatements(
  change: SchemaChange,
  engine: DrizzleEngine,
): Promise<readonly DraftStatement[]> {
  const tables = { ...change, from: withoutViews(change.from), to: withoutViews(change.to) };
  const stages = stagesOf(tables);
  const expand = await engine.difference(...stages.expand);
  const contract: string[] = [];
  for (const pair of stages.contract) contract.push(...await engine.difference(...pair));
  const statements = arrangers[change.to.dialect](tables, stages, { expand, contract });
  const { dropped, isEarly, made } = viewChanges(change);
  const drops = dropped.map(({ name, materialized }) =>
    draft(`DROP ${materialized === true ? "MATERIALIZED " : ""}VIEW ${quoteName(name)};`)
  );
  const none = { ...change.to, tables: {}, views: {} };
  const creations: DraftStatement[] = [];
  for (const [key, view] of made) {
    const said = await engine.difference(none, { ...none, views: { [key]: view } });
    const isAgain = dropped.some(({ name }) => name === view.name);
    const remark = `Rights that were granted on ${view.name} go with the view that it replaces.`;
    creations.push(
      ...said.map((sql) => draft(unqualified(sql), ...isAgain ? remarks[change.to.dialect](remark) : [])),
    );
  }
  return isEarly ? [...drops, ...statements, ...creations] : [...statements, ...drops, ...creations];
}

/** Nobody grants rights on SQLite. */
const remarks: Readonly<Record<Dialect, (remark: string) => readonly string[]>> = {
  sqlite: () => [],
  postgresql: (remark) => [remark],
};
