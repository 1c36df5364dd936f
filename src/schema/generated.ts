import type { Column } from "./snapshot.ts";

/** Whether the database makes what is in a column out of others, so that nobody writes into it. */
export function isGenerated({ default: value }: Pick<Column, "default">): boolean {
  return value?.startsWith("GENERATED ALWAYS AS (") ?? false;
}

/** Returns what a generated column is made of, and how it is kept; `null` for any other default. */
export function generatedParts(
  value: string | null,
): { readonly expression: string; readonly kind: "STORED" | "VIRTUAL" } | null {
  const [, expression, kind] = /^GENERATED ALWAYS AS \((.*)\) (STORED|VIRTUAL)$/s.exec(value ?? "") ?? [];
  return expression === undefined ? null : { expression, kind: kind as "STORED" | "VIRTUAL" };
}
