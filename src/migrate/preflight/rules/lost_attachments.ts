import { HarborError } from "../../../base/errors.ts";
import { quoteName } from "../../../sql/quote.ts";
import type { Dialect } from "../../../base/dialect.ts";
import type { Attachment } from "../../../engines/inspector.ts";
import { type Statement, ways } from "../../../history/scripts/statement.ts";
import type { Snapshot, Table } from "../../../schema/snapshot.ts";
import { foldedName, tokensOf } from "../../../sql/cursor.ts";
import { isWord, type Token } from "../../../sql/lexer.ts";

/** What a script leads from and to. */
interface Way {
  readonly statements: readonly Pick<Statement, "sql" | "run">[];
  readonly before: Snapshot;
  readonly after: Snapshot;
}

/** What a script does to an index, a constraint or a table, or to how the rows of a table are told apart. */
interface Change {
  readonly kind: "drop" | "rename" | "make" | "identify" | "unpublish";
  /** Of the last two, the table's. */
  readonly name: string;
  /** The new name; of what is made, its own; of what identifies rows, the index's, and `""` for none. */
  readonly to: string;
  /** The number of the transaction. */
  readonly transaction: number;
  /** Whether it runs outside one. */
  readonly isAlone: boolean;
}

/**
 * Says what of the attachments a script takes away: those of an index or a constraint that goes without a successor, whose
 * successor is made in another transaction, or cannot have it. All others the engine carries over.
 *
 * @returns Those that are lost, and those that are left, under the names that they hang on then
 */
export function lostAttachments(
  attachments: readonly Attachment[],
  way: Way,
): { readonly lost: readonly Attachment[]; readonly left: readonly Attachment[] } {
  const changes = changesOf(way);
  const lost: Attachment[] = [];
  const left: Attachment[] = [];
  for (const found of attachments) {
    const place = placeOfSaid(found, changes);
    const name = changes[place]?.to ?? found.name;
    // From here on the rows need no index.
    if (name === "") continue;
    const isPublished = !changes.some((each) => each.kind === "unpublish" && each.name === found.table);
    const attachment = { ...found, name, consequence: isPublished ? found.consequence : null };
    const heir = heirOf(attachment, way, changes.slice(place + 1));
    if (heir === null) lost.push(attachment);
    else left.push({ ...attachment, name: heir });
  }
  return { lost, left };
}

/** Returns a loss as people read it, with what comes of it. */
export function describeLoss({ what, consequence }: Attachment): string {
  return consequence === null ? what : `${what} (${consequence})`;
}

/**
 * Returns the error for the loss of something without which changes of a table fail.
 *
 * @param attempt The beginning of its sentence
 */
export function lossError(attempt: string, { table, what, consequence }: Attachment): HarborError {
  return new HarborError("schema_mismatch", `${attempt}${what} would be lost: ${consequence}`, {
    hint: `Choose another one first: ALTER TABLE ${
      quoteName(table)
    } REPLICA IDENTITY FULL, or DEFAULT for its key.`,
    details: { table },
  });
}

/** Returns where the script itself says how rows are told apart, unless that was lost in an earlier transaction; else -1. */
function placeOfSaid({ heir, table, name }: Attachment, changes: readonly Change[]): number {
  if (heir !== "identifying") return -1;
  const place = changes.findLastIndex((each) => each.kind === "identify" && each.name === table);
  const isLate = changes.slice(0, Math.max(place, 0)).some((each) =>
    each.kind === "drop" && each.name === name && each.transaction !== changes[place]!.transaction
  );
  return isLate ? -1 : place;
}

/** Returns the name under which an attachment is found after the script; `null` when it is lost. */
function heirOf(attachment: Attachment, { before, after }: Way, changes: readonly Change[]): string | null {
  let { name } = attachment;
  const place = changes.findIndex((change) => {
    if (change.name !== name) return false;
    if (change.kind === "rename") name = change.to;
    return change.kind === "drop";
  });
  const drop = changes[place];
  const known = partsOf(before).find((part) => part.name === name || part.name === attachment.name);
  // What no revision knows stays as it is, and what goes with its table is not missed.
  if (known === undefined && drop === undefined) return name;
  const table = after.tables.find((each) => each.name === (known?.table ?? attachment.table));
  const parts = partsOf(after);
  const heir = parts.find((part) => part.name === name) ??
    parts.find((part) => part.table === known?.table && part.made !== null && part.made === known.made);
  if (heir === undefined) {
    return table === undefined ? name : keyOf(attachment, { table, name, drop, changes });
  }
  if (drop === undefined) return heir.name;
  const isMade = changes.some((change, at) =>
    change.kind !== "drop" &&
    (drop.isAlone ? at < place : change.transaction === drop.transaction && change.to === heir.name)
  );
  const isFit = attachment.heir === "any" || (attachment.heir === "identifying" && heir.identifies);
  return isMade && isFit ? heir.name : null;
}

/** The name of a key stands in no snapshot. */
function keyOf(
  { name: attached, heir }: Attachment,
  { table, name, drop, changes }: {
    readonly table: Table;
    readonly name: string;
    readonly drop: Change | undefined;
    readonly changes: readonly Change[];
  },
): string | null {
  const isMade = changes.some(({ kind, to, transaction }) =>
    kind === "make" && to === attached && transaction === drop?.transaction
  );
  return isMade && heir !== "none" && table.primaryKey.length > 0 ? name : null;
}

/** An index or a constraint of a snapshot. */
interface Part {
  readonly name: string | null;
  readonly table: string;
  /** What it is made of; `null` for what is no index. */
  readonly made: string | null;
  /** Whether rows can be told apart by it. */
  readonly identifies: boolean;
}

function partsOf({ tables }: Snapshot): readonly Part[] {
  return tables.flatMap((table): readonly Part[] => {
    const { name, columns, indexes, uniques, checks, foreignKeys } = table;
    const isFilled = (part: string) =>
      columns.some((column) =>
        column.notNull && (part === column.name || part.startsWith(`${column.name} `))
      );
    return [
      ...indexes.map((index) => ({
        name: index.name,
        table: name,
        made: `${index.columns.join()} ${index.where ?? ""}`,
        identifies: index.unique && index.where === null && index.columns.every(isFilled),
      })),
      ...uniques.map((unique) => ({
        name: unique.name,
        table: name,
        made: `${unique.columns.join()} `,
        identifies: unique.columns.every(isFilled),
      })),
      ...[...checks, ...foreignKeys].map((part) => ({
        name: part.name,
        table: name,
        made: null,
        identifies: false,
      })),
    ];
  });
}

function changesOf({ statements, after: { dialect } }: Way): readonly Change[] {
  let transaction = 0;
  return statements.flatMap(({ sql, run }, place) => {
    const isAlone = !ways[run.kind].isShared;
    const before = statements[place - 1];
    if (isAlone || before === undefined || !ways[before.run.kind].isShared) transaction++;
    return changesIn(tokensOf(sql, dialect), dialect).map((change) => ({ ...change, transaction, isAlone }));
  });
}

type Named = Pick<Change, "kind" | "name" | "to">;

function changesIn(tokens: readonly Token[], dialect: Dialect): readonly Named[] {
  const nameAt = (place: number): string => {
    let at = place;
    while (passed.some((word) => isWord(tokens[at], word))) at++;
    while (tokens[at + 1]?.text === ".") at += 2;
    return foldedName(tokens[at], dialect) ?? "";
  };
  const [verb] = tokens;
  const index = tokens.slice(0, 3).findIndex((token) => isWord(token, "INDEX"));
  if ((index > 0 || isWord(tokens[1], "TABLE")) && isWord(verb, "DROP")) {
    return tokens.slice(2).flatMap((token): readonly Named[] => {
      const name = foldedName(token, dialect);
      return name === null ? [] : [{ kind: "drop", name, to: name }];
    });
  }
  if (index > 0 && isWord(verb, "CREATE")) {
    const name = nameAt(index + 1);
    return [{ kind: "make", name, to: name }];
  }
  if (!isWord(verb, "ALTER")) return [];
  if (index > 0) {
    const to = tokens.findIndex((token, at) => isWord(token, "TO") && isWord(tokens[at - 1], "RENAME"));
    return to < 0 ? [] : [{ kind: "rename", name: nameAt(index + 1), to: nameAt(to + 1) }];
  }
  if (isWord(tokens[1], "PUBLICATION")) {
    const names = isWord(tokens[3], "DROP") ? tokens.slice(4).map((token) => foldedName(token, dialect)) : [];
    return names.flatMap((name) => name === null ? [] : [{ kind: "unpublish", name, to: name }]);
  }
  return tokens.flatMap((token, at): readonly Named[] => {
    if (isWord(token, "IDENTITY") && isWord(tokens[at - 1], "REPLICA")) {
      const to = isWord(tokens[at + 1], "USING") ? nameAt(at + 3) : "";
      return [{ kind: "identify", name: nameAt(2), to }];
    }
    if (!isWord(token, "CONSTRAINT")) return [];
    const name = nameAt(at + 1);
    const before = tokens[at - 1];
    if (isWord(before, "DROP")) return [{ kind: "drop", name, to: name }];
    if (isWord(before, "ADD")) return [{ kind: "make", name, to: name }];
    return isWord(before, "RENAME") ? [{ kind: "rename", name, to: nameAt(at + 3) }] : [];
  });
}

const passed = ["CONCURRENTLY", "IF", "NOT", "EXISTS", "ONLY"];
