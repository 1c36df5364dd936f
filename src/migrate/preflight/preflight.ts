import { carriedSchema } from "./rules/carried_schema.ts";
import { copiedTables, isLostInCopy, remedyForWords } from "./rules/copied_tables.ts";
import { loadInspector } from "../../engines/open/inspector.ts";
import { describeLoss, lossError, lostAttachments } from "./rules/lost_attachments.ts";
import { changedTypes, goneColumns, heldColumns } from "./rules/type_changes.ts";
import { holdersIn, leftHolders, mayMakeHolders } from "./rules/left_holders.ts";
import { compareSnapshots } from "../../schema/compare/snapshots.ts";
import type { Demand } from "./rules/demand.ts";
import { demandsOf } from "./rules/row_demands.ts";
import { HarborError } from "../../base/errors.ts";
import type { Revision } from "../../history/history.ts";
import { judgeable } from "./rules/judge_demand.ts";
import { ownTables } from "../../state/rules/match_revision.ts";
import { follow, halfWay, type Origins, type Passage, startOf } from "../rules/origins.ts";
import type { Step } from "../rules/plan.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { rightsError } from "../../state/check_rights.ts";
import { conflictError, findConflicts } from "./check_rows.ts";
import type { Kept } from "../../engines/kept_table.ts";
import { refuseHolders } from "./holders.ts";
import { refuseMissingTypes } from "./missing_types.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { bringsBack } from "../../state/rules/due.ts";
import { latestSchemas } from "../../state/read_unmanaged.ts";
import { plainTexts, withPlainTexts } from "../../history/plain_texts.ts";

/** What a look ahead left for later. */
export interface LookAhead {
  /** What hangs on indexes and constraints and goes with them, each as a sentence. */
  readonly losses: readonly string[];
  /** The constraints that nothing enforces, so that the steps may leave rows which break them, each in words. */
  readonly unenforced: readonly string[];
  /**
   * Looks at what could not be judged before the steps in front of this one were done, and once more at what a copy would lose: others
   * may have changed the table since, beside a backup or a long backfill. Reads nothing where there is nothing of that kind.
   *
   * @throws {HarborError} `data_conflict` or `schema_mismatch`
   */
  readonly before: (step: Step) => Promise<void>;
}

/** A step with the schemas around it, and where its tables and columns come from in what is there now. */
export interface Stage extends Passage {
  readonly step: Step;
  /** Before the step. */
  readonly from: Origins;
  /** After it. */
  readonly to: Origins;
}

/** What is to be done. */
export interface Way {
  /** The revision that the database is at; `null` for base. */
  readonly from: string | null;
  readonly steps: readonly Step[];
  /** All that is kept. */
  readonly kept: readonly Pick<Kept, "revision" | "direction">[];
  /** What is there, where it was just read and nobody else changes it. */
  readonly live?: Snapshot | undefined;
}

/** What is looked for at a stage. */
interface Question {
  readonly stage: Stage;
  readonly demands: readonly Demand[];
  readonly types: boolean;
  readonly losses: boolean;
  /** Whether an earlier step brings rows back, at which it is looked again when this one is next. */
  readonly isOpen: boolean;
}

/**
 * Looks ahead, so that nothing stops half way: at the user's rights; at the rows, for what the schemas to come demand and these do not have;
 * at views that hold a column whose type is to change; and at what a table's copy would lose, since no revision knows
 * it. Reads only.
 *
 * What a script itself gives values to is left to the script, and what only an earlier step makes is looked at when the
 * step is next. A step that was interrupted has been looked at.
 *
 * @throws {HarborError} `read_only`, `data_conflict` or `schema_mismatch`
 */
export async function preflight(
  context: RunContext,
  { from, steps, kept, live }: Way,
): Promise<LookAhead> {
  const { database, history } = context;
  const [first] = steps;
  if (first === undefined) return nothingLeft;
  const start = from === null ? first.revision : history.revisions.find(({ id }) => id === from);
  const forbidden = await rightsError(first.direction, context);
  if (forbidden !== null) throw forbidden;
  await refuseMissingTypes(context, { from, steps });
  if (start === undefined) return nothingLeft;
  const declared = snapshotIfThere(start);
  if (declared === null) return nothingLeft;
  const known = from === null ? { ...declared, tables: [] } : declared;
  const isResumed = first.resume !== null;
  const stages = stagesOf(history.revisions, known, steps).slice(isResumed ? 1 : 0);
  const subject = {
    attempt: `Cannot ${first.direction} "${database.url}"`,
    untouched: "Nothing was changed.",
  };
  const questions = stages.map((stage, place): Question => ({
    stage,
    demands: demandsAt(stage),
    types: true,
    // What is half way there has the tables of neither schema.
    losses: !isResumed,
    isOpen: stages.slice(0, place).some(({ step }) => bringsBack(step, kept, history)),
  }));
  const left = await ask(context, questions, { ...subject, known, live });
  if (!isResumed) await refuseHolders(context, steps, subject.attempt);
  return {
    losses: await findLosses(context, stages, subject.attempt),
    unenforced: await (await loadInspector(database.dialect)).unenforced(database),
    async before(step) {
      if (step.revision.id === first.revision.id) await lookAgain(context, questions, { ...subject, known });
      const question = left.get(step.revision.id);
      if (question === undefined || step.resume !== null) return;
      const { before } = question.stage;
      const from = startOf(before);
      const stage = { ...question.stage, step, from, to: follow(from, question.stage) };
      const place = questions.findIndex((each) => each.stage.step.revision.id === step.revision.id);
      await ask(context, [{ ...question, stage }], {
        attempt: `Cannot ${step.direction} "${step.revision.id}"`,
        untouched: "Nothing of this revision was done.",
        known: before,
        passed: stages.slice(0, place).flatMap(({ statements }) => statements),
      });
    },
  };
}

const nothingLeft: LookAhead = { losses: [], unenforced: [], before: () => Promise.resolve() };

/**
 * Finds what hangs on indexes and constraints and does not survive the steps.
 *
 * @throws {HarborError} `schema_mismatch` for an upgrade after which changes of a published table would fail
 */
async function findLosses(
  { database }: RunContext,
  stages: readonly Stage[],
  attempt: string,
): Promise<readonly string[]> {
  const mayLose = stages.some(({ statements }) => statements.some((sql) => /\bdrop\b/i.test(sql)));
  if (!mayLose) return [];
  let attachments = await (await loadInspector(database.dialect)).attachments(database);
  const losses: string[] = [];
  for (const { step: { direction, script, revision }, before, after } of stages) {
    const { lost, left } = lostAttachments(attachments, {
      statements: withPlainTexts(script, [before, after]),
      before,
      after,
    });
    const needed = lost.find(({ consequence }) => consequence !== null);
    if (needed !== undefined && direction === "upgrade") {
      throw lossError(`${attempt}: on the way past ${revision.id}, `, needed);
    }
    losses.push(...lost.map(describeLoss));
    attachments = left;
  }
  return losses;
}

/** Returns the steps with the schemas around them. */
export function stagesOf(
  revisions: readonly Revision[],
  start: Snapshot,
  steps: readonly Step[],
): readonly Stage[] {
  let before = start;
  let from = startOf(before);
  return steps.map((step): Stage => {
    const { revision, direction, script, resume } = step;
    const parent = revisions.find(({ id }) => id === revision.parent);
    const goal = direction === "upgrade" ? revision : parent;
    const after = goal === undefined ? { ...before, tables: [] } : snapshotIfThere(goal) ?? before;
    const statements = plainTexts(script, [before, after]);
    const followed = follow(from, { before, after, statements });
    const to = resume === null ? followed : halfWay(followed);
    const stage = { step, before, after, statements, from, to };
    [before, from] = [after, to];
    return stage;
  });
}

/** Returns what one step demands of the rows that its tables have before it. */
function demandsAt(stage: Stage): readonly Demand[] {
  const { after } = stage;
  const before = carriedSchema(stage);
  const copied = copiedTables(stage.statements);
  const demands = demandsOf(after, before, true);
  // A copy is judged as a whole: it must not leave more references dangling than there were.
  const orphans = copied.length === 0
    ? []
    : demandsOf(after, before).filter(({ kind, table }) => kind === "orphan" && copied.includes(table));
  return [...demands, ...orphans.filter((orphan) => demands.every(({ query }) => query !== orphan.query))];
}

/** Looks once more, before the first step, at what copies would lose: others may have changed a table beside the backup. */
async function lookAgain(
  context: RunContext,
  questions: readonly Question[],
  setting: Setting,
): Promise<void> {
  const again = questions.filter(({ stage, losses }) => losses && copiedTables(stage.statements).length > 0);
  if (again.length === 0) return;
  const live = await context.database.introspect();
  for (const { stage } of again) refuseLosses(context, stage, { ...setting, live });
}

/** How the answer is to be understood. */
interface Setting {
  readonly attempt: string;
  readonly untouched: string;
  /** The schema that what is there should have. */
  readonly known: Snapshot;
  /** The one that is there, where it is known. */
  readonly live?: Snapshot | undefined;
  /** What of the plan has run. */
  readonly passed?: readonly string[];
}

/**
 * Answers the questions as far as that can be done now.
 *
 * @returns What is left of them, by revision
 */
async function ask(
  context: RunContext,
  questions: readonly Question[],
  setting: Setting,
): Promise<ReadonlyMap<string, Question>> {
  const { database } = context;
  const live = setting.live ?? await database.introspect();
  for (const { stage, losses } of questions) if (losses) refuseLosses(context, stage, { ...setting, live });
  refuseHeldColumns(questions.filter(({ types }) => types).map(({ stage }) => stage), { ...setting, live });
  const judged = questions.map(({ stage, demands }, place) => {
    const passed = questions.slice(0, place + 1).flatMap(({ stage }) => stage.statements);
    return demands.map((demand) => ({
      demand,
      now: judgeable(demand, { ...stage, live, origins: stage.to, passed }),
    }));
  });
  const now = judged.flat().flatMap(({ now }) => now ?? []);
  const conflicts = await findConflicts(context, now);
  const error = conflictError(setting.attempt, conflicts, setting.untouched);
  if (error !== null) throw error;
  const left = questions.map((question, place): Question => ({
    ...question,
    demands: judged[place]!.filter(({ now }) => question.isOpen || now === null).map(({ demand }) => demand),
    // An earlier step may make what holds a column.
    types: changedTypes(question.stage).length > 0 ||
      (questions.slice(0, place).some(({ stage }) => mayMakeHolders(stage)) &&
        goneColumns(question.stage).length > 0),
    losses: (place > 0 || !question.losses) && copiedTables(question.stage.statements).length > 0,
  }));
  const open = left.filter(({ demands, types, losses }) => demands.length > 0 || types || losses);
  return new Map(open.map((question) => [question.stage.step.revision.id, question]));
}

function refuseHeldColumns(
  stages: readonly Stage[],
  { attempt, live }: Setting & { readonly live: Snapshot },
): void {
  let holders = holdersIn(live.others);
  for (const stage of stages) {
    const { statements, step: { revision } } = stage;
    holders = statements.reduce(leftHolders, holders);
    if (holders.length === 0) return;
    const others = holders.map(({ object }) => object);
    const [obstacle] = heldColumns(stage, stage.from, { ...live, others });
    if (obstacle === undefined) continue;
    throw new HarborError(
      "schema_mismatch",
      `${attempt}: on the way past ${revision.id}, ${obstacle.state}`,
      {
        hint: obstacle.remedy,
        details: { obstacle, revision: revision.id },
      },
    );
  }
}

function refuseLosses(
  { history }: RunContext,
  { before, from, statements, step: { direction, revision } }: Stage,
  { attempt, known, live, passed = [] }: Setting & { readonly live: Snapshot },
): void {
  const copied = copiedTables(statements).flatMap((name) => from.get(name)?.table ?? []);
  if (copied.length === 0) return;
  const own = ownTables(latestSchemas(history), live).tables.filter(({ name }) => copied.includes(name));
  const expected = known.tables.filter(({ name }) => copied.includes(name));
  // What an earlier step is to make, and is there already, fails there: it is not unknown.
  const reached = before.tables.flatMap((table) => {
    const name = from.get(table.name)?.table ?? null;
    return name !== null && copied.includes(name) ? [{ ...table, name }] : [];
  });
  // Indexes, views and triggers outlive a copy, and so do words of a column's own.
  const extras = [expected, reached].map((tables) =>
    compareSnapshots({ ...known, tables }, { ...live, tables: own })
      .filter(({ kind, path }) => kind === "extra" && !path.startsWith("index "))
      .map(({ path }) => path)
  );
  // What a script of the plan names is that script's own.
  const named = new Set(passed.flatMap(wordsOf));
  const isForeign = (name: string) => named.size === 0 || !wordsOf(name).every((word) => named.has(word));
  const odd = own.filter(({ name }) => isForeign(name)).flatMap(({ name, peculiarities = [] }) =>
    peculiarities.filter(isLostInCopy).map((words) => ({ name, words }))
  );
  const lost = [
    ...extras[0]!.filter((path) => extras[1]!.includes(path) && isForeign(wordsOf(path).at(-1) ?? "")),
    ...odd.map(({ name, words }) => `${words} of table ${name}`),
  ];
  if (lost.length === 0) return;
  throw new HarborError(
    "schema_mismatch",
    `${attempt}: on the way past ${revision.id} a table has to be copied, and the copy would lose ${
      lost.join(", ")
    }, which no revision knows`,
    {
      hint: odd.length > 0
        ? odd.map(({ name, words }) => remedyForWords(name, words))
        : direction === "upgrade"
        ? "A bridge to head keeps it: harbor-db adopt"
        : "Restore a backup: harbor-db backup list",
      details: { lost, revision: revision.id },
    },
  );
}

/** Returns the words of a text: what something in a schema is called is the last of its path. */
function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}_]+/gu) ?? [];
}
