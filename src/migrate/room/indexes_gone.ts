import type { Snapshot } from "../../schema/snapshot.ts";
import { columnsGone, type Loss } from "../kept/rules/losses.ts";

/** Returns the indexes on columns that go, and those that statements name and do not make again. */
export function indexesGone(
  { tables }: Snapshot,
  { texts, losses }: { readonly texts: readonly string[]; readonly losses: readonly Loss[] },
): readonly string[] {
  const makes = (text: string, name: string) => /^\s*CREATE\b/i.test(text) && text.includes(name);
  const isDropped = (name: string) =>
    texts.some((text) => text.includes(name)) && !texts.some((text) => makes(text, name));
  return tables.flatMap(({ name: table, indexes }) => {
    const gone = losses.filter((loss) => loss.table.name === table).flatMap(columnsGone);
    return indexes.filter(({ name, columns }) =>
      isDropped(name) || columns.some((each) => gone.includes(each))
    )
      .map(({ name }) => name);
  });
}
