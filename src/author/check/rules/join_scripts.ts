import { breakpoint } from "../../../history/scripts/script.ts";
import type { ReadStatement } from "./script_operations.ts";

/**
 * Whether a script, run where nothing is, leaves what its snapshot says and nothing else: every statement is understood, and
 * none brings rows.
 */
export function isPlain(script: readonly ReadStatement[]): boolean {
  const rebuilds = script.some(({ operations }) => operations.some(({ kind }) => kind === "rebuild table"));
  return script.every(({ statement: { sql }, operations }) =>
    operations.length === 0
      // The first of the statements that copy a table stands for the others.
      ? rebuilds && /^(?:INSERT INTO|DROP TABLE|ALTER TABLE)\b/i.test(sql)
      : operations.every(({ kind }) => !["insert", "hidden", "names schema"].includes(kind)) &&
        !isBeyond.test(sql)
  );
}

/** What the server has, and no schema; and a table that a query fills. Comments before it are read in one way alone. */
const isBeyond =
  /^(?:\s|--.*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:(?:CREATE|ALTER|DROP)\s+(?:DATABASE|SYSTEM|TABLESPACE)\b|CREATE\s+(?:\w+\s+)*TABLE\b[^]*\bAS\s*\(?\s*(?:SELECT|VALUES|WITH|TABLE)\b)/i;

/** Puts scripts one behind the other, under a name of their own. */
export function joinScripts(name: string, texts: readonly string[]): string {
  const parts = texts.map((text) => text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n").trim());
  return `-- ${name}\n${parts.join(`\n${breakpoint}\n`)}\n`;
}
