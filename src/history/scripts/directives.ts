import { keyOf } from "../../base/fold_name.ts";
import type { Backfill, Statement } from "./statement.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { HarborError } from "../../base/errors.ts";
import { cursorAt, tokensOf, topLevel } from "../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../sql/lexer.ts";
import { assignedColumns } from "../../sql/repeatable_update.ts";

/** Makes the error for something wrong at an offset of the script. */
export type Fail = (offset: number, state: string, hint?: string) => HarborError;

/** A statement before its directives are read. */
export interface BareStatement {
  readonly dialect: Dialect;
  readonly sql: string;
  /** Tokens of `sql`, with offsets into it. */
  readonly tokens: readonly Token[];
  readonly fail: Fail;
}

/** What a directive does to the statement below it. */
interface Effect {
  /** The statement's text, where it becomes another. */
  readonly sql?: string;
  readonly run?: Statement["run"];
  /** A hazard that is accepted. */
  readonly allowed?: string;
}

type Directive = (rest: string, subject: BareStatement, fail: FailHere) => Effect;

/** All directives: what follows `-- harbor:`, and what it does. `docs/directives.md` has a section for each. */
export const directives: Readonly<Record<string, Directive>> = {
  backfill: (rest, subject, fail) => ({ run: readBackfill({ rest, subject, fail, form: forms.backfill }) }),
  batches: (rest, subject, fail) => ({ run: readBackfill({ rest, subject, fail, form: forms.batches }) }),
  alone: (_, { tokens }) => ({ run: runAlone(tokens) }),
  concurrently: (_, subject, fail) => {
    const sql = concurrently(subject, fail);
    return { sql, run: runAlone(tokensOf(sql, subject.dialect)) };
  },
  allow: (rest, _, fail) => ({ allowed: readAllowed(rest, fail) }),
};

/**
 * Reads the `-- harbor:` comments above a statement into how it runs.
 *
 * @throws {HarborError} `bad_script` when one is not known, lacks something or does not fit its statement
 */
export function applyDirectives(comments: readonly Token[], subject: BareStatement): Omit<Statement, "line"> {
  const allowed: string[] = [];
  let { sql } = subject;
  let run: Statement["run"] = { kind: "transaction" };
  for (const token of comments) {
    const [, word = "", rest = ""] = /^--\s*harbor:(\S*)\s*(.*)$/.exec(token.text)!;
    const fail: FailHere = (state, hint) => subject.fail(token.start, state, hint);
    const directive = Object.hasOwn(directives, word) ? directives[word] : undefined;
    if (directive === undefined) {
      const known = Object.keys(directives).map((name) => `harbor:${name}`);
      throw fail(`the directive "harbor:${word}" is not known`, `Known are ${known.join(", ")}.`);
    }
    const effect = directive(rest, subject, fail);
    if (effect.allowed !== undefined) allowed.push(effect.allowed);
    if (effect.run === undefined) continue;
    if (run.kind !== "transaction") throw fail("the statement has two directives that exclude each other");
    run = effect.run;
    sql = effect.sql ?? sql;
  }
  return { sql, allowed, run };
}

type FailHere = (state: string, hint?: string) => HarborError;

function readAllowed(rest: string, fail: FailHere): string {
  const match = /^(\S+)\s+\S/.exec(rest);
  if (match === null) {
    throw fail(
      "harbor:allow needs a hazard and a reason",
      "-- harbor:allow table_rewrite the table is small",
    );
  }
  return match[1]!;
}

/** What a directive asks of the statement that it cuts into batches. */
interface BatchForm {
  readonly word: string;
  readonly statement: (table: string) => string;
  readonly fits: (tokens: readonly Token[], table: string) => boolean;
  /** Words that may not stand outside of parentheses; `beforeWhere`: unless behind WHERE. */
  readonly refused: readonly string[];
  readonly beforeWhere: readonly string[];
  readonly deletes?: true;
}

/** Returns the token behind a table's name, which may be one in a schema of its own: `"auth"."users"` for `auth.users`. */
function behindTable([first, second, third, fourth]: readonly Token[], table: string): Token | undefined {
  if (nameOf(first) === table) return second;
  return second?.text === "." && `${nameOf(first)}.${nameOf(third)}` === table ? fourth : undefined;
}

const forms = {
  backfill: {
    word: "harbor:backfill",
    statement: (table) => `UPDATE "${table}" SET …`,
    fits: ([first, ...rest], table) => isWord(first, "UPDATE") && isWord(behindTable(rest, table), "SET"),
    refused: ["RETURNING", "ORDER", "LIMIT"],
    beforeWhere: ["FROM"],
  },
  batches: {
    word: "harbor:batches",
    statement: (table) => `DELETE FROM "${table}" WHERE …`,
    fits: ([first, second, ...rest], table) =>
      isWord(first, "DELETE") && isWord(second, "FROM") && isWord(behindTable(rest, table), "WHERE"),
    refused: ["RETURNING", "ORDER", "LIMIT"],
    beforeWhere: [],
    deletes: true,
  },
} as const satisfies Record<string, BatchForm>;

function readBackfill({ rest, subject, fail, form }: {
  readonly rest: string;
  readonly subject: BareStatement;
  readonly fail: FailHere;
  readonly form: BatchForm;
}): Backfill {
  const { word, deletes } = form;
  const example = `-- ${word} table=files key=id`;
  const parameters = new Map(
    Array.from(rest.matchAll(/\w+="(?:[^"]|"")*"(?=\s|$)|\S+/g), ([pair]) => {
      const [, name = "", quoted, plain = ""] = /^(\w+)=(?:"(.*)"|(.*))$/.exec(pair) ?? [];
      const value = quoted?.replaceAll('""', '"') ?? plain;
      if (!["table", "key"].includes(name) || value === "") {
        throw fail(`${word} does not take "${pair}"`, example);
      }
      return [name, value] as const;
    }),
  );
  const table = parameters.get("table");
  const key = parameters.get("key");
  if (table === undefined || key === undefined) throw fail(`${word} needs table= and key=`, example);
  const { tokens, sql, dialect } = subject;
  if (!form.fits(tokens, table)) {
    throw fail(`${word} needs a statement of the form ${form.statement(table)}`, example);
  }
  const outer = topLevel(tokens);
  const where = outer.find((token) => isWord(token, "WHERE"));
  const refused = outer.find((token) =>
    form.refused.some((each) => isWord(token, each)) ||
    (form.beforeWhere.some((each) => isWord(token, each)) &&
      (where === undefined || token.start < where.start))
  );
  if (refused !== undefined) {
    throw fail(`a statement with ${refused.text.toUpperCase()} cannot be cut into batches`);
  }
  const changed = where === undefined ? tokens : tokens.slice(0, tokens.indexOf(where));
  if (assignedColumns(changed, dialect).includes(keyOf(key, dialect))) {
    throw fail(`a statement that changes "${key}", its key, cannot be cut into batches`);
  }
  return {
    kind: "backfill",
    table,
    key,
    update: where === undefined ? sql : sql.slice(0, where.start).trimEnd(),
    condition: where === undefined ? null : sql.slice(where.start + where.text.length).trim(),
    ...deletes ? { deletes } : {},
  };
}

/** Whether `CREATE INDEX CONCURRENTLY` is a statement. */
const buildsConcurrently: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/** Turns `CREATE INDEX` or `DROP INDEX` into its CONCURRENTLY form. */
function concurrently(subject: BareStatement, fail: FailHere): string {
  if (!buildsConcurrently[subject.dialect]) {
    throw fail("harbor:concurrently has a meaning on PostgreSQL only");
  }
  const [first, second, third] = subject.tokens;
  const index = [second, third].find((token) => isWord(token, "INDEX"));
  const known = isWord(first, "DROP") || isWord(first, "CREATE");
  if (!known || index === undefined) {
    throw fail("harbor:concurrently needs a CREATE INDEX or DROP INDEX statement");
  }
  const end = index.start + index.text.length;
  return `${subject.sql.slice(0, end)} CONCURRENTLY${subject.sql.slice(end)}`;
}

/** Returns how a statement runs outside of any transaction. */
export function runAlone(tokens: readonly Token[]): Extract<Statement["run"], { readonly kind: "alone" }> {
  return { kind: "alone", makesIndex: concurrentIndex(tokens) };
}

/** Returns the name of the index in `CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name`, else `null`. */
function concurrentIndex(tokens: readonly Token[]): string | null {
  const at = cursorAt(tokens);
  if (!at.take("CREATE")) return null;
  at.take("UNIQUE");
  return at.take("INDEX", "CONCURRENTLY") ? at.name() || null : null;
}
