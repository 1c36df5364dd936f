import { HarborError } from "../../../base/errors.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";
import type { KitSnapshot } from "../../../schema/kit_snapshot.ts";
import { namedSchemas } from "../../../schema/named_schemas.ts";
import {
  type ColumnRename,
  invertRenames,
  type Rename,
  renameFlag,
  type Renames,
  tablesByName,
  typesByName,
  writeName,
} from "./renames.ts";

/**
 * Checks that every rename the user gave names something that is gone and something that is new.
 *
 * @throws {HarborError} `usage`
 */
export function refuseImpossibleRenames(from: KitSnapshot, to: KitSnapshot, renames: Renames): void {
  const before = tablesByName(from);
  const after = tablesByName(to);
  const oldNames = invertRenames({ ...renames, columns: [] }).tables;
  const fail = (
    what: string,
    state: string,
    hint: string | readonly string[] =
      "The left side is what the last revision has, the right side what schema.ts has.",
  ) => {
    throw new HarborError("usage", `Cannot rename "${what}": ${state}`, { hint });
  };
  const isSource = ({ table, to }: ColumnRename) =>
    renames.columns.some((each) => each.table === table && each.from === to);
  const isTarget = ({ table, from }: ColumnRename) =>
    renames.columns.some((each) => each.table === table && each.to === from);
  for (const rename of renames.tables) {
    if ([rename.from, rename.to].every((name) => before.has(name) && after.has(name))) {
      fail(
        rename.from,
        `"${rename.to}" is no new name, and the old one is not gone`,
        placesTaken(rename, {
          isOld: (name) => before.has(name),
          isTaken: (name) => before.has(name) || after.has(name),
          renames: renames.tables,
          schemas: namedSchemas(from),
        }),
      );
    }
    if (!before.has(rename.from) || after.has(rename.from)) fail(rename.from, "no such table is gone");
    if (!after.has(rename.to) || before.has(rename.to)) fail(rename.from, `no table "${rename.to}" is new`);
  }
  const [typesBefore, typesAfter] = [typesByName(from), typesByName(to)];
  // SQLite has none.
  for (const rename of typesBefore.size + typesAfter.size === 0 ? [] : renames.types) {
    if (!typesBefore.has(rename.from) || typesAfter.has(rename.from)) {
      fail(rename.from, "no such type is gone");
    }
    if (!typesAfter.has(rename.to) || typesBefore.has(rename.to)) {
      fail(rename.from, `no type "${rename.to}" is new`);
    }
  }
  for (const rename of renames.columns) {
    const old = before.get(oldNames.find((each) => each.from === rename.table)?.to ?? rename.table)?.columns;
    const now = after.get(rename.table)?.columns;
    const [what, target] = [rename.from, rename.to].map((name) => `${rename.table}.${name}`) as [
      string,
      string,
    ];
    if (old?.[rename.from] === undefined || now === undefined) fail(what, "no such column is gone");
    if (now![rename.from] !== undefined && !isTarget(rename)) {
      fail(
        what,
        "no such column is gone",
        `If another column has its name now, say which: --rename …=${what}`,
      );
    }
    if (now![rename.to] === undefined) fail(what, `no column "${target}" is new`);
    if (old![rename.to] !== undefined && !isSource(rename)) {
      fail(
        what,
        `no column "${target}" is new`,
        `If that one has another name now, say which: --rename ${target}=…`,
      );
    }
  }
}

/** Says how tables change places: each revision gives one of them a name that is free. Which, only where it is known of each. */
function placesTaken(
  rename: Rename,
  { isOld, isTaken, renames, schemas }: {
    /** Whether a table had the name before. */
    readonly isOld: (name: string) => boolean;
    readonly isTaken: (name: string) => boolean;
    readonly renames: readonly Rename[];
    readonly schemas: readonly string[];
  },
): readonly string[] {
  const { from, to } = rename;
  const flag = (gone: string, now: string) => renameFlag({ table: null, gone }, now, schemas);
  const round = followed(rename, renames);
  const last = round.at(-1)!.to;
  if (!isOld(last)) return [`"${to}" needs its other name first, in a revision of its own.`];
  if (last !== from) {
    return [
      "Tables whose names change places take one revision more than they are. Say what each of them becomes, and this names the commands:",
      `${round.map((each) => flag(each.from, each.to)).join(" ")} --rename ${
        writeName({ table: last, schemas })
      }=…`,
    ];
  }
  let between = `${from}_before`;
  while (isTaken(between)) between = `${between}_`;
  const others = round.slice(1).reverse().map((each) => [each.from, each.to] as const);
  const steps = [[from, between], ...others, [between, to]] as const;
  return [
    `Tables whose names change places take ${steps.length} revisions. From the names of before on, change one in schema.ts, then generate:`,
    ...steps.map(([old, now]) =>
      `"${old}" to "${now}": harbor-db generate ${quoteForShell(`${old} to ${now}`)} ${flag(old, now)}`
    ),
  ];
}

/** Returns the renames that follow upon `first`, each of the name that the one before it takes. */
function followed(first: Rename, renames: readonly Rename[]): readonly Rename[] {
  const round = [first];
  for (let { to } = first; to !== first.from;) {
    const next = renames.find(({ from }) => from === to);
    if (next === undefined || round.includes(next)) break;
    round.push(next);
    to = next.to;
  }
  return round;
}
