import type { SQL } from "drizzle-orm";

/** What a rule says of itself when rows break it. */
export interface RuleWords {
  /** For programs: `orphans`. */
  readonly name: string;
  readonly table: string;
  /** What is wrong with such a row, after "3 rows of files": `have no storage_backend`. */
  readonly words: string;
  readonly status: "warn" | "fail";
  readonly hint: string;
}

/** A rule that each row of a table keeps, or not. */
export interface RowRule extends RuleWords {
  /** The columns that it needs. */
  readonly columns: readonly string[];
  /** Is true for a row of `slice`, which has those columns, that breaks the rule. */
  readonly isBroken: SQL;
  /** Is true for a row that is as it should be, beside which others are not; left out where they are wrong also where none is. */
  readonly rest?: SQL;
}

/** In which form an application reads the values of a column. */
export interface ValueForm {
  /** In words, for messages: `no date and time`. */
  readonly words: string;
  /** Is true for a value that the application cannot read as what it should be. */
  readonly isWrong: (column: SQL) => SQL;
}

/** A rule on the texts of a column that SQL cannot tell. */
export interface TextRule {
  readonly table: string;
  readonly column: string;
  /** Another column, whose value says which texts are right; it may be missing. */
  readonly beside: string;
  /** Longer ones, in characters, are not loaded. */
  readonly longest: number;
  /**
   * Returns what is wrong with a text; `undefined` when nothing is.
   *
   * @param text `null` when it is too long
   */
  judge(text: string | null, beside: unknown): RuleWords | undefined;
}

/** What an application takes for granted beyond what its schema says, and where it comes from. */
export interface Profile {
  /** The application's name. */
  readonly application: string;
  /** The first revision of its history, by which it is known. */
  readonly firstRevision: string;
  /** Whether its databases may have been made by Alembic, with these ids in `alembic_version`. */
  readonly isFromAlembic: boolean;
  /** Made when they are asked for, which most commands do not. */
  rows(): readonly RowRule[];
  /** Whether it reads the values of a type in one form alone, so that a column in another form throughout is wrong, too. */
  readonly readsOneForm: boolean;
  /** What of PostgreSQL's values it cannot read, by the column's type; the first that matches counts. */
  readonly postgresForms: readonly (readonly [type: RegExp, form: ValueForm])[];
  readonly texts: readonly TextRule[];
  /** Columns in which no value may stand twice, with an index or without one. */
  readonly unique: readonly { readonly table: string; readonly column: string }[];
}
