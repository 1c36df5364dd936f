import { foldName } from "../../../../base/fold_name.ts";
import { HarborError } from "../../../../base/errors.ts";
import { formatBytes } from "../../../../base/quantity.ts";
import { quoteName } from "../../../../sql/quote.ts";
import type { BesideFile } from "../../database.ts";
import { foldedName, tokensOf } from "../../../../sql/cursor.ts";
import type { Shadow } from "./shadow.ts";
import { own } from "../../connection/statement.ts";

/** How many rows are looked at for their size, at either end of the table. */
const sample = 500;
/** What a row's id and the head of its record take, in bytes, about. */
const headBytes = 12;
/** How much larger an index is than what is in it, since its keys come in any order and its pages are not full. */
const indexShare = 1.5;

/**
 * Makes sure that there is room for a shadow and the indexes on it, before anything of it is made. Says nothing where the file
 * system does not tell, and looks at the table only where there is little.
 *
 * @throws {HarborError} `disk_full`
 */
export function requireRoomFor(file: BesideFile, shadow: Shadow): void {
  const room = file.room();
  if (room === null) return;
  const pragma = (name: string) =>
    Number(file.rows<Readonly<Record<string, number>>>(own(`PRAGMA ${name}`))[0]?.[name]);
  // No row takes more than all that is in the file, nor does an index.
  const most = pragma("page_count") * pragma("page_size") * (1 + indexShare * (shadow.make.length - 1));
  if (most <= room.bytes) return;
  const needed = estimate(file, shadow);
  if (needed <= room.bytes) return;
  throw new HarborError(
    "disk_full",
    `Cannot make ${shadow.name} beside the writers of "${shadow.source.name}"`,
    {
      state: `that takes about ${formatBytes(needed)} in "${room.folder}", and there is room for ${
        formatBytes(room.bytes)
      }`,
      hint: "Free some space on that device and run the command again. Nothing of it was begun.",
      details: { folder: room.folder, needed, free: room.bytes },
    },
  );
}

/** How many bytes a shadow takes, by the rows at both ends of its table and the columns that its indexes name. */
function estimate({ rows }: BesideFile, { source, columns, where, make }: Shadow): number {
  const table = quoteName(source.name);
  const sizes = columns.map(({ from }, place) => `total(length(CAST((${from}) AS BLOB))) AS c${place}`);
  const ends = ["", " DESC"].map((order) =>
    `SELECT * FROM (SELECT ${source.rowId} AS id FROM ${table} ORDER BY ${source.rowId}${order} LIMIT ${sample})`
  ).join(" UNION ");
  const [found] = rows<Readonly<Record<string, number>>>(own(
    `SELECT (SELECT count(*) FROM ${table}) AS "all", (SELECT count(*) FROM (${ends})) AS seen, count(*) AS own, ${
      sizes.join(", ")
    }
FROM ${table} WHERE ${source.rowId} IN (${ends})${where === null ? "" : ` AND (${where}\n)`}`,
  ));
  const bytesOf = (isIn: (name: string) => boolean) =>
    columns.reduce(
      (sum, { name }, at) => isIn(name) ? sum + found![`c${at}`]! : sum,
      headBytes * found!["own"]!,
    );
  const [, ...indexes] = make;
  const bytes = indexes.reduce((sum, text) => {
    const names = new Set(tokensOf(text, "sqlite").map((token) => foldedName(token, "sqlite")));
    return sum + indexShare * bytesOf((name) => names.has(foldName(name)));
  }, bytesOf(() => true));
  return found!["all"]! * bytes / Math.max(1, found!["seen"]!);
}
