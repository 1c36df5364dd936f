import { breakpoint } from "../../../history/scripts/script.ts";
import { withSchemaNames } from "../../../sql/table_names.ts";

/** A statement of a script that is being written. */
export interface DraftStatement {
  /** With its semicolon. */
  readonly sql: string;
  /** Comment lines above it, directives included, without their `-- `. */
  readonly above: readonly string[];
}

/** Makes a statement of a script. */
export function draft(sql: string, ...above: readonly string[]): DraftStatement {
  return { sql: sql.trim(), above };
}

/** What a script is written of. */
export interface DraftScript {
  /** The revision's name, which is a script's first line. */
  readonly name: string;
  /** Comment lines below the name. */
  readonly remarks: readonly string[];
  readonly statements: readonly DraftStatement[];
}

/** Returns the text of a script. */
export function renderDraft({ name, remarks, statements }: DraftScript): string {
  const head = [name, ...remarks].map((line) => `-- ${line}`.trimEnd() + "\n").join("");
  const parts = statements.map(({ sql, above }) => `${above.map((line) => `-- ${line}\n`).join("")}${sql}`);
  return `${head}${parts.join(`${breakpoint}\n`)}\n`;
}

/** Returns statements of flat names as those that name tables' schemas. */
export function namedDrafts(
  drafts: readonly DraftStatement[],
  schemas: readonly string[],
): readonly DraftStatement[] {
  return drafts.flatMap(({ sql, above }) =>
    withSchemaNames(sql, schemas).map((text, at) => draft(text, ...at === 0 ? above : []))
  );
}
