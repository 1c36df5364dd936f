import { quoteName } from "../../sql/quote.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { Found } from "../../base/finding.ts";
import { sql } from "drizzle-orm";
import { counted } from "../../base/quantity.ts";
import type { Table } from "../../schema/snapshot.ts";
import type { Profile, RowRule, RuleWords } from "../../profile/profile.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { formOf } from "./value_forms.ts";

/** Returns the rules for a table as it is: the general ones, and those of the profile whose columns it has. */
export function rowRules(dialect: Dialect, table: Table, profile: Profile | null): readonly RowRule[] {
  const names = new Set(table.columns.map((column) => column.name));
  const own = (profile?.rows() ?? []).filter((rule) =>
    rule.table === table.name && rule.columns.every((column) => names.has(column))
  );
  return [...own, ...formRules(dialect, table), ...orphanRules(table)];
}

function formRules(dialect: Dialect, { name: table, columns }: Table): readonly RowRule[] {
  return columns.flatMap((column) => {
    const form = column.identity ? null : formOf(dialect, column);
    if (form === null || form === undefined) return [];
    const value = sql.identifier(column.name);
    return [{
      name: "wrong_form",
      table,
      columns: [column.name],
      isBroken: sql`${value} IS NOT NULL AND (${form.isWrong(sql`${value}`)})`,
      words: `have in ${column.name} ${form.words}`,
      status: "fail" as const,
      hint:
        "The application fails on them. Write the values anew in the right form, or NULL where that is allowed.",
    }];
  });
}

/** Says what is wrong with texts that are not UTF-8. */
export function notUtf8({ name }: Table, column: string): RuleWords {
  return {
    name: "not_utf8",
    table: name,
    words: `have in ${column} a text that is not UTF-8`,
    status: "fail",
    hint: `The application fails on them. See the bytes, and write the text anew: SELECT hex(CAST(${
      quoteName(column)
    } AS BLOB)) FROM ${quoteName(name)} WHERE id = …`,
  };
}

function orphanRules({ name: table, foreignKeys }: Table): readonly RowRule[] {
  return foreignKeys.map((key) => {
    const own = key.columns.map((column) => sql.identifier(column));
    const matches = key.references.map((column, i) =>
      sql`parent.${sql.identifier(column)} = slice.${own[i]}`
    );
    const set = own.map((column) => sql`slice.${column} IS NOT NULL`);
    return {
      name: "orphans",
      table,
      columns: key.columns,
      isBroken: sql`${sql.join(set, sql` AND `)} AND NOT EXISTS (SELECT 1 FROM ${
        ownTable(key.table)
      } AS parent WHERE ${sql.join(matches, sql` AND `)})`,
      words: `refer by ${key.columns.join(", ")} to rows of ${key.table} that do not exist`,
      status: "fail" as const,
      hint:
        `Restore the rows of ${key.table} from a backup (harbor-db backup list), or remove those that refer to them.`,
    };
  });
}

/** How many rows break a rule, and the ids of the first few. */
export interface Broken {
  readonly count: number;
  readonly ids: readonly unknown[];
}

/** How many ids are shown. */
export const shownIds = 5;

/** Returns the finding for rows that break a rule. */
export function foundBroken(rule: RuleWords, { count, ids }: Broken): Found {
  const shown = ids.length === 0 ? "" : ` (id ${ids.join(", ")}${count > ids.length ? ", …" : ""})`;
  return {
    status: rule.status,
    message: `${counted(count, "row")} of ${rule.table} ${
      count === 1 ? singular(rule.words) : rule.words
    }${shown}`,
    hint: rule.hint,
    details: { rule: rule.name, table: rule.table, count, ids },
  };
}

function singular(words: string): string {
  return words.replace(/^have /, "has ").replace(/^refer /, "refers ").replace(/^are /, "is ");
}
