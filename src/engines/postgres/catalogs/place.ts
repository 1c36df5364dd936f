import { writeOwnTables } from "../../../sql/own/schema.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { placeOfName } from "../../../sql/table_names.ts";

/** Where a run works: the schema in which things are made that name none, and those of their own that the history names. */
export interface Place {
  readonly home: string;
  readonly named: readonly string[];
}

/** The oid of the default schema, in statements that {@link inPlace} has written. */
export const homeSchema = "(SELECT oid FROM pg_namespace WHERE nspname = '\0')";

/** Behind `=`: any of the schemas that the run works on, in such statements. */
export const ownSchemas = "ANY (ARRAY(SELECT oid FROM pg_namespace WHERE nspname IN ('\0', '\0named')))";

/** Returns an expression, for such statements: the name of a thing as `nameIn` gives it. */
export function shownName(schema: string, name: string): string {
  return `concat((SELECT concat(own.nspname, '.') FROM pg_namespace own WHERE own.oid = ${schema}
    AND own.nspname IN ('\0named')), ${name})`;
}

/** Writes the run's schemas where a statement of ours speaks of them. */
export function inPlace(text: string, { home, named }: Place): string {
  const list = named.length === 0 ? "NULL" : named.map(quoteText).join(", ");
  const table = (name: string) => {
    const { schema, bare } = placeOfName(name, named);
    return `${quoteName(schema ?? home)}.${quoteName(bare)}`;
  };
  return writeOwnTables(text, table).replaceAll("'\0'", () => quoteText(home))
    .replaceAll("'\0named'", () => list);
}
