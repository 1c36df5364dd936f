import { quoteName } from "../../sql/quote.ts";
import type { Dialect } from "../../base/dialect.ts";
import { type Found, shownId } from "../../base/finding.ts";
import { sql } from "drizzle-orm";
import { counted } from "../../base/quantity.ts";
import type { Snapshot, Table } from "../../schema/snapshot.ts";
import { quoteTable } from "../../sql/table_names.ts";
import type { Profile, RowRule, RuleWords } from "../../profile/profile.ts";
import { markedTable } from "../../sql/own/schema.ts";
import { wrongForms } from "./value_forms.ts";

/** Returns the rules for a table as it is: the general ones, and those of the profile whose columns it has. */
export function rowRules(
  table: Table,
  { dialect, schemas }: Pick<Snapshot, "dialect" | "schemas">,
  profile: Profile | null,
): readonly RowRule[] {
  const names = new Set(table.columns.map((column) => column.name));
  const own = (profile?.rows() ?? []).filter((rule) =>
    rule.table === table.name && rule.columns.every((column) => names.has(column))
  );
  return [...own, ...formRules(dialect, table, profile), ...orphanRules(table, schemas)];
}

function formRules(
  dialect: Dialect,
  { name: table, columns }: Table,
  profile: Profile | null,
): readonly RowRule[] {
  // What the database makes, and an enum type's values, are in form.
  return columns.filter(({ identity, values }) => !identity && values === undefined).flatMap((column) => {
    const value = sql`${sql.identifier(column.name)}`;
    return wrongForms(dialect, column, profile).map(({ words, isWrong, isRight }) => ({
      name: "wrong_form",
      table,
      columns: [column.name],
      isBroken: sql`${value} IS NOT NULL AND (${isWrong(value)})`,
      ...isRight === undefined ? {} : { rest: sql`${value} IS NOT NULL AND (${isRight(value)})` },
      words: `have in ${column.name} ${words}`,
      status: "fail" as const,
      hint: `${
        isRight === undefined
          ? "The application fails on them."
          : "They do not sort and compare with the others."
      } Write the values anew in the right form, or NULL where that is allowed.`,
    }));
  });
}

/** Says what is wrong with texts that are not UTF-8. */
export function notUtf8(
  { name }: Table,
  column: string,
  { key, bytes, schemas }: Keyed & {
    readonly bytes: (column: string) => string;
    readonly schemas: readonly string[] | undefined;
  },
): RuleWords {
  return {
    name: "not_utf8",
    table: name,
    words: `have in ${column} a text that is not UTF-8`,
    status: "fail",
    hint: `The application fails on them. See the bytes, and write the text anew: SELECT ${
      bytes(quoteName(column))
    } FROM ${quoteTable(name, schemas)} WHERE ${key.map((each) => `${quoteName(each)} = …`).join(" AND ")}`,
  };
}

function orphanRules(
  { name: table, foreignKeys }: Table,
  schemas: readonly string[] | undefined,
): readonly RowRule[] {
  return foreignKeys.map((key) => {
    const given = key.columns.map((column) => `slice.${quoteName(column)} IS NOT NULL`);
    const same = key.columns.map((column, place) => {
      const equals = key.operators === undefined ? "=" : `OPERATOR(${key.operators[place]})`;
      return `parent.${quoteName(key.references[place]!)} ${equals} slice.${quoteName(column)}`;
    });
    const isOrphan = (parent: string) =>
      `${given.join(" AND ")} AND NOT EXISTS (SELECT 1 FROM ${parent} AS parent WHERE ${same.join(" AND ")})`;
    return {
      name: "orphans",
      table,
      columns: key.columns,
      isBroken: sql.raw(isOrphan(markedTable(key.table))),
      words: `refer by ${key.columns.join(", ")} to rows of ${key.table} that do not exist`,
      status: "fail" as const,
      hint:
        `Restore the rows of ${key.table} from a backup (harbor-db backup list), or remove those that refer to them. See them: SELECT * FROM ${
          quoteTable(table, schemas)
        } AS slice WHERE ${isOrphan(quoteTable(key.table, schemas))}`,
    };
  });
}

/** What the rows of a table are told apart by. */
export interface Keyed {
  /** Names of the key's columns, or what the engine calls the id of rows without a key; empty where there is none. */
  readonly key: readonly string[];
}

/** How many rows break a rule, and the ids of the first few: a list each where the key has several columns. */
export interface Broken {
  readonly count: number;
  readonly ids: readonly unknown[];
}

/** How many ids are shown. */
export const shownIds = 5;

/** Returns the finding for rows that break a rule. */
export function foundBroken(rule: RuleWords, { count, ids, key }: Broken & Keyed): Found {
  const shown = ids.length === 0
    ? ""
    : ` (${key.join(", ")} ${ids.map(shownId).join(", ")}${count > ids.length ? ", …" : ""})`;
  return {
    status: rule.status,
    message: `${counted(count, "row")} of ${rule.table} ${
      count === 1 ? singular(rule.words) : rule.words
    }${shown}`,
    hint: rule.hint,
    details: { rule: rule.name, table: rule.table, count, key, ids },
  };
}

function singular(words: string): string {
  return words.replace(/^have /, "has ").replace(/^refer /, "refers ").replace(/^are /, "is ");
}
