import { isArray } from "../../../sql/postgres_spelling.ts";

/** Whether what differs in a type differs in another one, and what is compared with it is so with the same result. */
export function isOfFamily(from: string, to: string): boolean {
  return from === to || (family(from) === family(to) && isFilled(from) === isFilled(to));
}

/** Whether blanks at the end of a text say nothing. */
function isFilled(type: string): boolean {
  return /^character\(/.test(type);
}

function family(type: string): string {
  const name = type.replace(/\(.*\)/, "").toLowerCase();
  if (/^(?:character|varchar|char|text|clob)\b/.test(name)) return isArray(type) ? "text[]" : "text";
  return /^(?:smallint|integer|bigint|int)$/.test(name) ? "integer" : type.toLowerCase();
}
