import { invertChange } from "./losses.ts";
import type { DecidedFill, SchemaChange } from "./stages.ts";
import { HarborError } from "../../../base/errors.ts";
import { type Fill, fillFlag, type FillValues, requiredFills } from "./fills.ts";
import { flattened, schemaChanges } from "../../../schema/flat_schemas.ts";
import { canonical } from "../../../schema/same_schema.ts";
import type { KitEnds } from "../../../schema/kit_snapshot.ts";
import { refuseImpossibleRenames } from "./impossible_renames.ts";
import {
  type Dropped,
  type RenameCandidate,
  renameCandidates,
  renameFlag,
  type Renames,
  tablesByName,
} from "./renames.ts";

/** What a person has to say about a change, since the two snapshots do not. */
export interface Decisions {
  readonly renames: Renames;
  readonly dropped: Dropped;
  readonly fills: FillValues;
}

/** A value that nobody has said, with the flag that would, and whether it is the way back that needs it. */
type OpenFill = Fill & { readonly flag: string; readonly isBack: boolean };

/** What is still to be said. */
export interface OpenQuestions {
  readonly renames: readonly RenameCandidate[];
  /** The schemas of their own that the names may be in. */
  readonly schemas: readonly string[];
  /** Asked once no rename is open; with the flag that would answer. */
  readonly fills: readonly OpenFill[];
}

/**
 * Returns what is to be asked about the change of all dialects together, each question once.
 *
 * @throws {HarborError} `usage` when a decision fits nothing
 */
export function openQuestions(ends: readonly KitEnds[], decisions: Decisions): OpenQuestions {
  const changes = ends.map(flatEnds);
  const { renames, dropped, fills: values } = decisions;
  for (const { from, to } of changes) refuseImpossibleRenames(from, to, renames);
  const candidates = changes.flatMap((ends) => renameCandidates(ends, renames, dropped));
  const schemas = [...new Set(changes.flatMap((ends) => schemaChanges(ends).all))];
  if (candidates.length > 0) return { renames: distinct(candidates), schemas, fills: [] };
  const fills = changes.flatMap(({ from, to }) => {
    const up = requiredFills({ from, to, renames, values }).map((fill) => ({
      fill,
      snapshot: to,
      isBack: false,
    }));
    const down = invertChange({ from, to, renames }, values).fills.map((fill) => ({
      fill,
      snapshot: from,
      isBack: true,
    }));
    return [...up, ...down];
  });
  refuseUnusedFills(values, fills.map(({ fill }) => fill));
  const open = fills.filter(({ fill }) => fill.value === null).map(({ fill, snapshot, isBack }) => ({
    ...fill,
    isBack,
    flag: fillFlag(fill, tablesByName(snapshot).get(fill.table)!, schemas),
  }));
  return {
    renames: [],
    schemas,
    fills: open.filter(({ flag }, at) => open.findIndex((each) => each.flag === flag) === at),
  };
}

/** Returns the change in both directions, once nothing is open. */
export function decide(ends: KitEnds, { renames, fills: values }: Decisions) {
  const { from, to } = flatEnds(ends);
  const up: SchemaChange = {
    from,
    to,
    renames,
    fills: decided(requiredFills({ from, to, renames, values })),
  };
  const back = invertChange({ from, to, renames }, values);
  const down: SchemaChange = { ...back, fills: decided(back.fills) };
  return { up, down };
}

/** What is in schemas of its own is named with them, in questions as in answers. */
function flatEnds({ from, to }: KitEnds): KitEnds {
  return { from: flattened(from), to: flattened(to) };
}

/** Makes the error for questions that nobody is there to answer. */
export function unanswered(command: string, { renames, fills, schemas }: OpenQuestions): HarborError {
  const [candidate] = renames;
  if (candidate !== undefined) {
    const flags = candidate.added.map((name) => renameFlag(candidate, name, schemas));
    const prefix = candidate.table === null ? "" : `${candidate.table}.`;
    const added = candidate.added.map((name) => `${prefix}${name}`).join(", ");
    const are = candidate.added.length === 1 ? "is" : "are";
    return new HarborError(
      "usage",
      `Cannot ${command}: ${prefix}${candidate.gone} is gone and ${added} ${are} new, which is a rename or a drop`,
      {
        hint: `Say which: ${flags.join(", or ")}; or --no-rename to drop the one and add the other.`,
        details: { renames, flags },
      },
    );
  }
  const flags = fills.map((fill) => fill.flag);
  const columns = fills.map(({ table, column }) => `${table}.${column}`);
  const names = columns.join(", ");
  const [state, instead] = fills.every(({ isBack }) => isBack)
    ? [
      `the way back makes ${names} NOT NULL again, and nothing says what rows get that have no value by then`,
      "",
    ]
    : [
      `${names} ${
        columns.length === 1 ? "is" : "are"
      } NOT NULL without a default, and nothing says what the rows that exist get`,
      "; or give the column a default",
    ];
  return new HarborError("usage", `Cannot ${command}: ${state}`, {
    hint: `Say it as SQL: ${flags.join(" ")}${instead}.`,
    details: { columns, flags },
  });
}

/** Returns those fills whose value is known. */
export function decided(fills: readonly Fill[]): readonly DecidedFill[] {
  return fills.flatMap((fill) => fill.value === null ? [] : [{ ...fill, value: fill.value }]);
}

/** What is alike in one dialect may differ in another, which sorts it otherwise. */
function distinct(candidates: readonly RenameCandidate[]): readonly RenameCandidate[] {
  const keyOf = (candidate: RenameCandidate) =>
    canonical({ ...candidate, added: candidate.added.toSorted() });
  return [...new Map(candidates.map((candidate) => [keyOf(candidate), candidate])).values()];
}

function refuseUnusedFills(values: FillValues, fills: readonly Fill[]): void {
  const used = new Set(fills.map(({ table, column }) => `${table}.${column}`));
  const unused = [...values.keys()].find((name) => !used.has(name));
  if (unused === undefined) return;
  throw new HarborError("usage", `Cannot fill "${unused}": no row needs a value there`, {
    hint: `Leave --fill "${unused}=…" out.`,
  });
}
