import { quoteForShell } from "../../base/quote_shell.ts";
import type { Column } from "drizzle-orm/column";
import { is } from "drizzle-orm/entity";
import * as pg from "drizzle-orm/pg-core";
import { SQL } from "drizzle-orm/sql/sql";
import * as lite from "drizzle-orm/sqlite-core";
import { HarborError } from "../../base/errors.ts";
import { postgresExpression } from "../../schema/twins/expression.ts";
import { indexName } from "../../schema/twins/tables.ts";

/** What a schema.ts can export that Drizzle knows and harbor-db does not keep. */
const otherThings: readonly (readonly [what: string, is: (value: unknown) => boolean])[] = [
  ["a view", (value) => is(value, pg.PgView) || is(value, lite.SQLiteView)],
  ["a materialized view", (value) => is(value, pg.PgMaterializedView)],
  ["a sequence", pg.isPgSequence],
  ["a schema", pg.isPgSchema],
  ["a role", (value) => is(value, pg.PgRole)],
  ["a policy", (value) => is(value, pg.PgPolicy)],
];

/**
 * Refuses what schema.ts exports and no revision would make.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseOtherThing(name: string, value: unknown): void {
  const [what] = otherThings.find(([, isIt]) => isIt(value)) ?? [];
  if (what === undefined) return;
  throw new HarborError("bad_schema", `Cannot keep "${name}": it is ${what}, and a schema has tables only`, {
    hint: `Do not export it, and make it by hand in a revision: harbor-db create ${
      quoteForShell(`Add ${name}`)
    }`,
  });
}

/**
 * Refuses what drizzle-kit would make wrong statements of, or end the process for: two things of one name, a value in
 * DDL, a reference to a table that is not part of the schema.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseFaults(tables: readonly pg.PgTable[]): void {
  const indexes = new Set<string>();
  const names = new Set<string>();
  for (const table of tables) {
    const config = pg.getTableConfig(table);
    const at = (what: string) => `${what} of ${config.name}`;
    once(names, config.name, "a table");
    const constraints = new Set<string>();
    for (const { name } of config.checks) once(constraints, name, at("a check"));
    const uniques = new Set<string>();
    for (const { name } of config.uniqueConstraints) once(uniques, name!, at("a unique constraint"));
    for (const { isUnique, uniqueName } of config.columns) {
      if (isUnique) once(uniques, uniqueName!, at("a unique constraint"));
    }
    for (const { config: index } of config.indexes) refuseIndex(index, indexes, at("an index"));
    for (const expression of expressionsOf(config)) {
      const { thing, what } = expression;
      postgresExpression(expression.value, { thing, what: at(what), nameOf: ({ name }: Column) => name });
    }
    for (const key of config.foreignKeys) {
      const target = key.reference().foreignTable;
      if (tables.includes(target)) continue;
      throw new HarborError(
        "bad_schema",
        `Cannot refer to "${pg.getTableConfig(target).name}": ${config.name} does, and it is not exported`,
        { hint: "Export every table: what is exported is the schema." },
      );
    }
  }
}

type PgConfig = ReturnType<typeof pg.getTableConfig>;

function expressionsOf({ checks, indexes, columns }: PgConfig) {
  const found = [
    ...checks.map(({ name, value }) => ({ thing: name, what: "the check", value })),
    ...indexes.flatMap(({ config }) =>
      [...config.columns, config.where].map((value) => ({
        thing: config.name ?? "index",
        what: "the index",
        value,
      }))
    ),
    ...columns.map(({ name, default: value }) => ({ thing: name, what: "the default", value })),
    ...columns.map(({ name, generated }) => {
      const as: unknown = generated?.as;
      return { thing: name, what: "the expression", value: typeof as === "function" ? as() : as };
    }),
  ];
  return found.filter((each): each is typeof each & { readonly value: SQL } => is(each.value, SQL));
}

function refuseIndex(index: pg.Index["config"], known: Set<string>, what: string): void {
  if (index.name === undefined && index.columns.some((column) => is(column, SQL))) {
    throw new HarborError("bad_schema", `Cannot name "${what}": it is on an expression`, {
      hint: 'Give it a name: index("ix_users_email").on(sql`lower(${users.email})`)',
    });
  }
  const name = indexName(index, { nameOf: (column: Column) => column.name });
  once(known, name, what);
  if (index.concurrently !== true) return;
  throw new HarborError(
    "bad_schema",
    `Cannot build "${name}": schema.ts says what there is, and concurrently() how it is made`,
    {
      hint: "Leave it out: an index of a table with rows is always built beside those who write.",
    },
  );
}

function once(known: Set<string>, name: string, what: string): void {
  if (known.has(name)) {
    throw new HarborError(
      "bad_schema",
      `Cannot use "${name}": ${what} has that name, and another one has it, too`,
      {
        hint: "Give one of them another name.",
      },
    );
  }
  known.add(name);
}
