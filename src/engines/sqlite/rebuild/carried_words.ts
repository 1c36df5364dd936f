import { closing, commaParts, depthChange, foldedName, tokensOf } from "../../../sql/cursor.ts";
import { isWord, type Token } from "../../../sql/lexer.ts";

/** Words of one column's definition that the copy of its table takes along. */
interface ColumnWords {
  /** `NOCASE`. */
  readonly collation: string | null;
  /** By constraint, what SQLite does with a row that breaks it: `NOT NULL` → `IGNORE`. */
  readonly conflicts: ReadonlyMap<Constraint, string>;
  readonly isAutoincrement: boolean;
}

type Constraint = "NOT NULL" | "PRIMARY KEY";

/** Returns the offsets in a `CREATE TABLE` text of the words that {@link carryWords} takes along. */
export function carriedOffsets(ddl: string): ReadonlySet<number> {
  return new Set(columnsOf(ddl).flatMap(({ part }) => placesOf(part).map(({ at }) => part[at]!.start)));
}

/**
 * Adds to a `CREATE TABLE` text what the table whose place it takes says of the same columns, and no snapshot has: COLLATE,
 * ON CONFLICT of NOT NULL and of the key, AUTOINCREMENT. What the text says itself stays.
 *
 * @param renamed Names that columns got since `from` was read, by the old one in lower case
 */
export function carryWords(ddl: string, from: string, renamed: ReadonlyMap<string, string>): string {
  const wanted = new Map(columnsOf(from).map(({ name, part }) => [renamed.get(name) ?? name, wordsOf(part)]));
  const added = columnsOf(ddl).flatMap(({ name, part }) => {
    const words = wanted.get(name);
    return words === undefined ? [] : additions(part, words);
  });
  return added.toSorted((a, b) => b.at - a.at).reduce(
    (text, { at, words }) => `${text.slice(0, at)} ${words}${text.slice(at)}`,
    ddl,
  );
}

/** Whether a table gives out no number twice. */
export function isAutoincrement(ddl: string): boolean {
  return columnsOf(ddl).some(({ part }) => wordsOf(part).isAutoincrement);
}

/** Returns the columns that a `CREATE TABLE` text names, in lower case. */
export function columnNames(ddl: string): readonly string[] {
  return columnsOf(ddl).map(({ name }) => name);
}

interface ColumnPart {
  /** In lower case. */
  readonly name: string;
  readonly part: readonly Token[];
}

const tableConstraints = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

function columnsOf(ddl: string): readonly ColumnPart[] {
  const tokens = tokensOf(ddl, "sqlite");
  const open = tokens.findIndex((token) => token.kind === "sign" && token.text === "(");
  return commaParts(tokens.slice(open + 1, closing(tokens, open)))
    .filter((part) => !tableConstraints.some((word) => isWord(part[0], word)))
    .map((part) => ({ name: foldedName(part[0], "sqlite") ?? "", part }));
}

interface Place {
  readonly at: number;
  readonly word: "COLLATE" | "CONFLICT" | "AUTOINCREMENT";
  /** What an ON CONFLICT belongs to. */
  readonly constraint?: Constraint;
}

/** Returns where the words stand that can be taken along, after the column's name and outside of parentheses. */
function placesOf(part: readonly Token[]): readonly Place[] {
  let depth = 0;
  return part.flatMap((token, at): readonly Place[] => {
    depth += depthChange(token);
    if (at === 0 || depth > 0) return [];
    if (isWord(token, "COLLATE")) return [{ at, word: "COLLATE" }];
    if (isWord(token, "AUTOINCREMENT")) return [{ at, word: "AUTOINCREMENT" }];
    if (!isWord(token, "CONFLICT")) return [];
    const constraint = endOfConstraints(part).find(({ end }) => end === at - 2)?.constraint;
    return constraint === undefined ? [] : [{ at, word: "CONFLICT", constraint }];
  });
}

interface ConstraintEnd {
  readonly constraint: Constraint;
  readonly end: number;
}

/** Returns where constraints that may say ON CONFLICT have their last word. */
function endOfConstraints(part: readonly Token[]): readonly ConstraintEnd[] {
  return part.flatMap((token, at): readonly ConstraintEnd[] => {
    if (isWord(token, "NULL") && isWord(part[at - 1], "NOT")) {
      return [{ constraint: "NOT NULL", end: at }];
    }
    if (!isWord(token, "KEY") || !isWord(part[at - 1], "PRIMARY")) return [];
    const isOrdered = isWord(part[at + 1], "ASC") || isWord(part[at + 1], "DESC");
    return [{ constraint: "PRIMARY KEY", end: isOrdered ? at + 1 : at }];
  });
}

function wordsOf(part: readonly Token[]): ColumnWords {
  const places = placesOf(part);
  const collation = places.find(({ word }) => word === "COLLATE");
  return {
    collation: collation === undefined ? null : part[collation.at + 1]!.text,
    conflicts: new Map(
      places.flatMap(({ at, constraint }) =>
        constraint === undefined ? [] : [[constraint, part[at + 1]!.text]]
      ),
    ),
    isAutoincrement: places.some(({ word }) => word === "AUTOINCREMENT"),
  };
}

interface Addition {
  /** Offset in the text. */
  readonly at: number;
  readonly words: string;
}

function additions(
  part: readonly Token[],
  { collation, conflicts, isAutoincrement }: ColumnWords,
): readonly Addition[] {
  const own = wordsOf(part);
  const endOf = (token: Token) => token.start + token.text.length;
  const constraints = endOfConstraints(part).flatMap(({ constraint, end }) => {
    const action = own.conflicts.has(constraint) ? undefined : conflicts.get(constraint);
    const numbers = constraint === "PRIMARY KEY" && isAutoincrement && !own.isAutoincrement &&
      isWord(part[1], "INTEGER");
    const words = [
      ...action === undefined ? [] : [`ON CONFLICT ${action}`],
      ...numbers ? ["AUTOINCREMENT"] : [],
    ];
    return words.length === 0 ? [] : [{ at: endOf(part[end]!), words: words.join(" ") }];
  });
  const sorted = collation === null || own.collation !== null
    ? []
    : [{ at: endOf(part.at(-1)!), words: `COLLATE ${collation}` }];
  // Of two at one place the later is put before the other.
  return [...sorted, ...constraints];
}
