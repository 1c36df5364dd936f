import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { isSameExpression } from "../expressions/compare.ts";
import { keyOf } from "../declared_objects.ts";
import { expressionWords } from "../expressions/words.ts";
import { isQueryWord, withoutRows } from "../expressions/row_comparisons.ts";
import type { OtherObject, Snapshot } from "../snapshot.ts";
import { elementType } from "../../sql/postgres_spelling.ts";
import { bareType } from "./bare_type.ts";
import { timeOf } from "../expressions/literal_times.ts";

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
  const isUsed = (name: string) =>
    expected.tables.some(({ columns }) => columns.some(({ type }) => bareType(elementType(type)) === name));
  const declared = [...wanted].filter(([, { isDeclared }]) => isDeclared === true);
  return [
    ...declared.flatMap(([path, object]): readonly OtherDifference[] => {
      const found = live.get(path);
      if (found === undefined) return [{ kind: "missing", path, expected: shown(object), actual: null }];
      const isSame = object.sql === null || found.sql === null ||
        (judges[object.kind] ?? sameText)(object.sql, found.sql, expected.dialect);
      return isSame ? [] : [{ kind: "changed", path, expected: shown(object), actual: shown(found) }];
    }),
    ...[...live].filter(([path, { isDeclared, kind, name }]) =>
      isDeclared === true && !wanted.has(path) &&
      // A type that a column is to have is compared with the column.
      !(kind === "type" && isUsed(name))
    ).map(([path, object]): OtherDifference => ({
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
      const [one, two] = [line.slice(word.length), other.slice(word.length)];
      return other.startsWith(word) &&
        (isSameExpression(one, two, dialect) || (/\bselect\b/i.test(one) && sameQuery[dialect](one, two)));
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
  // PostgreSQL prints a query anew: with casts, aliases and its own words for some. What it says must be the same, as
  // far as its words tell: parentheses, casts and the order of clauses do not count.
  postgresql: (expected, actual) => {
    try {
      const texts = textsIn(expressionWords(actual, "postgresql"));
      const [a, b] = [wordsOfQuery(expected, texts), wordsOfQuery(actual, texts)];
      // All columns are listed by their names there.
      const takesAll = /\*/.test(expected.replaceAll(/\(\s*\*\s*\)/g, ""));
      // A table that is named twice is called otherwise the second time.
      const isSecond = (word: string) => /^\w+_\d+$/.test(word) && a.has(word.replace(/_\d+$/, ""));
      return [...a].every((word) => b.has(word)) &&
        (takesAll || [...b].every((word) => a.has(word) || isSecond(word)));
    } catch (error) {
      if (error instanceof HarborError) return true;
      throw error;
    }
  },
};

/** Words that PostgreSQL adds or leaves out when it prints a query. */
const noise = new Set(
  ('( ) , ; [ ] * ? "?column?" all any array as asc bigint boolean by case cast char character cross date double ' +
    "else end exists from in inner int int4 int8 integer interval join json jsonb like numeric on " +
    "outer precision real select set smallint text then time timestamp timestamptz using uuid values varchar " +
    'varying when where with without zone "case" "exists" "array" "all" "any"').split(" "),
);

/** What else a word comes back as. */
const rewritten: Readonly<Record<string, readonly string[]>> = {
  in: ["="],
  bpchar: [],
};

/** What the words are compared by beside being there: logic by how often it is said, operators by what they stand between. */
const logic = new Set(["and", "or", "not", "true", "false"]);
const operators = new Set("= <> < > <= >= + - / % || -> ->> ~ !~ ~~ !~~ ~~* !~~* is".split(" "));

/** What stands around an operand without being one, and what ends one. */
const around = new Set('( ) [ ] :: any all array as cast "any" "all" "array"'.split(" "));
const ends = new Set(", ; select where on by from when then else end case having and or".split(" "));

/** Where the words end that GROUP BY and ORDER BY list, which PostgreSQL prints as what their names stand for. */
const clauses = new Set(
  "having limit offset union except intersect window select where from rows range".split(" "),
);

/** The types whose values PostgreSQL prints otherwise than they were written. */
const respelledTypes = new Set("bool boolean date interval time timestamp timestamptz timetz".split(" "));

/** Returns the strings of a printed query that are nothing else: PostgreSQL prints the type of each. */
function textsIn(words: readonly string[]): ReadonlySet<string> {
  const isText = (word: string, at: number) =>
    word.startsWith("'") && words[at + 1] === "::" && !respelledTypes.has(words[at + 2] ?? "");
  return new Set(words.filter(isText));
}

/** @param texts The strings that count as they stand */
function wordsOfQuery(text: string, texts: ReadonlySet<string>): ReadonlySet<string> {
  const words = withoutBetween(spelledAlike(withoutRows(expressionWords(text, "postgresql")), texts));
  return new Set([
    ...words.filter((word) => !noise.has(word)),
    ...countsOf(words),
    ...neighboursOf(words),
  ]);
}

/** Leaves casts out, and says in one way what PostgreSQL says in another. */
function spelledAlike(words: readonly string[], texts: ReadonlySet<string>): readonly string[] {
  return words.flatMap((word, at) => {
    const [last, next = ""] = [words[at - 1], words[at + 1]];
    if (word === "::" || last === "::") return [];
    // What a CASE is without an ELSE.
    if (word === "null" && last === "else") return [];
    const [, sign, number] = /^'(-?)(\d+(?:\.\d+)?)'$/.exec(word) ?? [];
    if (number !== undefined) return sign === "" ? [number] : ["-", number];
    if (texts.has(word)) return [word];
    const [, boolean] = /^'(t|f)(?:rue|alse)?'$/.exec(word) ?? [];
    if (boolean !== undefined) return [boolean === "t" ? "true" : "false"];
    // A time comes back as it was read.
    if (/^'.*'$/s.test(word)) return [`'${timeOf(word.slice(1, -1))}'`];
    // `NOT IN` of a list comes back as `<> ALL`, `NOT LIKE` as an operator of its own.
    const isQuery = (place: number) => isQueryWord(words[place]);
    const isList = next === "in" && !isQuery(at + 3);
    if (word === "not" && (isList || next.startsWith("~~"))) return [];
    if (word === "in" && last === "not" && !isQuery(at + 2)) return ["<>"];
    if (word.startsWith("~~") && last === "not") return [`!${word}`];
    if (word === "all" && /^(?:union|except|intersect)$/.test(last ?? "")) return [`${last} all`];
    return rewritten[word] ?? [word];
  });
}

/** Writes `x BETWEEN a AND b` as two comparisons, with of `x` what stands beside the sign. */
function withoutBetween(words: readonly string[]): readonly string[] {
  const made: string[] = [];
  const open: { readonly depth: number; readonly of: string; readonly isNot: boolean }[] = [];
  let depth = 0;
  for (const word of words) {
    depth += Number(word === "(") - Number(word === ")");
    const known = open.at(-1);
    if (word === "between") {
      const isNot = made.at(-1) === "not" && made.pop() !== undefined;
      open.push({ depth, isNot, of: made.findLast((each) => !around.has(each)) ?? "" });
      made.push(isNot ? "<" : ">=");
    } else if (word === "and" && known?.depth === depth) {
      open.pop();
      made.push(...known.isNot ? ["or", known.of, ">"] : ["and", known.of, "<="]);
    } else made.push(word);
  }
  return made;
}

function countsOf(words: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  // The depth of a list whose words do not count.
  let [depth, listed] = [0, Infinity];
  for (const [at, word] of words.entries()) {
    if (word === "(") depth++;
    if (word === ")") depth--;
    if (depth < listed || (depth === listed && clauses.has(word))) listed = Infinity;
    if (word === "by" && /^(?:group|order)$/.test(words[at - 1] ?? "") && listed === Infinity) listed = depth;
    if (listed === Infinity && logic.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${word}, ${count} times`);
}

function neighboursOf(words: readonly string[]): readonly string[] {
  const bare = words.filter((word) => !around.has(word) && (!noise.has(word) || isKept(word)));
  return bare.flatMap((word, at) => {
    if (!operators.has(word)) return [];
    const before = bare[at - 1] === "not" ? bare[at - 2] : bare[at - 1];
    const after = bare[at + 1] === "not" && bare[at + 2] === "distinct" ? "distinct" : bare[at + 1];
    if (before === "*" || after === "*") return [];
    const [one, other] = [before, after].map((each) =>
      each === undefined || ends.has(each) || operators.has(each) ? "" : each
    );
    return [`${one} ${word} ${other}`];
  });
}

function isKept(word: string): boolean {
  return logic.has(word) || operators.has(word) || ends.has(word) || word === "*";
}
