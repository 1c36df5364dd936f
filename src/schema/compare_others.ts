import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { isSameExpression } from "./compare_expressions.ts";
import { keyOf } from "./declared_objects.ts";
import { expressionWords } from "./expression_words.ts";
import type { OtherObject, Snapshot } from "./snapshot.ts";

/** One thing beside the tables in which a schema is not what it should be. */
export interface OtherDifference {
  readonly kind: "missing" | "extra" | "changed";
  /** Its kind and name. */
  readonly path: string;
  /** What it is made of, as it should be and as it is. */
  readonly expected: string | null;
  readonly actual: string | null;
}

/**
 * Returns in what views, sequences, policies and types differ that revisions make. What nobody declares is passed over,
 * in either of the two.
 */
export function compareOthers(expected: Snapshot, actual: Snapshot): readonly OtherDifference[] {
  const live = new Map(actual.others.map((each) => [keyOf(each), each]));
  const wanted = new Map(expected.others.map((each) => [keyOf(each), each]));
  const declared = [...wanted].filter(([, { isDeclared }]) => isDeclared === true);
  return [
    ...declared.flatMap(([path, object]): readonly OtherDifference[] => {
      const found = live.get(path);
      if (found === undefined) return [{ kind: "missing", path, expected: shown(object), actual: null }];
      const isSame = object.sql === null || found.sql === null ||
        (judges[object.kind] ?? sameText)(object.sql, found.sql, expected.dialect);
      return isSame ? [] : [{ kind: "changed", path, expected: shown(object), actual: shown(found) }];
    }),
    ...[...live].filter(([path, { isDeclared }]) => isDeclared === true && !wanted.has(path))
      .map(([path, object]): OtherDifference => ({
        kind: "extra",
        path,
        expected: null,
        actual: shown(object),
      })),
  ];
}

function shown({ sql, kind }: OtherObject): string {
  return (sql ?? kind).replaceAll(/\s+/g, " ").trim();
}

type Judge = (expected: string, actual: string, dialect: Dialect) => boolean;

const sameText: Judge = (expected, actual) => expected === actual;

const judges: Partial<Readonly<Record<OtherObject["kind"], Judge>>> = {
  view: (expected, actual, dialect) => sameQuery[dialect](expected, actual),
  "materialized view": (expected, actual, dialect) => sameQuery[dialect](expected, actual),
  policy: samePolicy,
};

function samePolicy(expected: string, actual: string, dialect: Dialect): boolean {
  const [a, b] = [expected, actual].map((text) => text.split("\n")) as [string[], string[]];
  // Who the current user was shows nowhere.
  const head = (line = "") => /current_|session_user/i.test(a[0]!) ? line.replace(/ TO .*/, "") : line;
  return a.length === b.length && head(a[0]) === head(b[0]) &&
    a.slice(1).every((line, at) => {
      const [word] = /^(?:USING|WITH CHECK) /.exec(line) ?? [""];
      const other = b[at + 1]!;
      return other.startsWith(word) &&
        isSameExpression(line.slice(word.length), other.slice(word.length), dialect);
    });
}

const sameQuery: Readonly<Record<Dialect, (expected: string, actual: string) => boolean>> = {
  // What was written is kept.
  sqlite: (expected, actual) => {
    const words = (text: string) =>
      expressionWords(text.replace(/^\s*CREATE\s+VIEW\b.*?\bAS\b/is, "").replace(/;\s*$/, ""), "sqlite").join(
        " ",
      );
    return words(expected) === words(actual);
  },
  // PostgreSQL prints a query anew: with casts, aliases and its own words for some. What it says must be the same.
  postgresql: (expected, actual) => {
    try {
      const [a, b] = [wordsOfQuery(expected), wordsOfQuery(actual)];
      // All columns are listed by their names there.
      const takesAll = /\*/.test(expected.replaceAll(/\(\s*\*\s*\)/g, ""));
      return [...a].every((word) => b.has(word)) && (takesAll || [...b].every((word) => a.has(word)));
    } catch (error) {
      if (error instanceof HarborError) return true;
      throw error;
    }
  },
};

/** Words that PostgreSQL adds or leaves out when it prints a query. */
const noise = new Set(
  ('( ) , ; [ ] * - ? "?column?" all and any array as asc bigint boolean by case cast char character cross date double ' +
    "else end exists false from in inner int int4 int8 integer interval is join json jsonb like not numeric on or " +
    "outer precision real select set smallint text then time timestamp timestamptz true using uuid values varchar " +
    'varying when where with without zone "case" "exists" "array" "all" "any"').split(" "),
);

/** What else a word comes back as. */
const rewritten: Readonly<Record<string, readonly string[]>> = {
  in: ["="],
  between: [">=", "<="],
  bpchar: [],
};

function wordsOfQuery(text: string): ReadonlySet<string> {
  const words = expressionWords(text, "postgresql");
  const kept = words.flatMap((word, at) => {
    if (word === "::" || words[at - 1] === "::") return [];
    const [, number] = /^'-?(\d+(?:\.\d+)?)'$/.exec(word) ?? [];
    return number === undefined ? rewritten[word] ?? [word] : [number];
  });
  return new Set(kept.filter((word) => !noise.has(word)));
}
