import { HarborError } from "../../base/errors.ts";
import type { App, Question } from "../../cli/app.ts";
import { defineCommand } from "../../cli/command.ts";
import { flag } from "../../cli/options.ts";
import { forgetKept, isPutAside, type Kept, readKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { readCounted } from "../../migrate/kept/count_kept.ts";
import { lockOptions } from "../../state/lock_options.ts";
import { ageText } from "../backup/output.ts";
import { amountText, keptJson, stateWords, stepText, whatText } from "../backup/kept_output.ts";

export const keptDropCommand = defineCommand({
  description:
    "It then does not come back when its step is undone. Says how much goes and asks; without a terminal it needs --yes.",
  options: { everything: flag("--all", "all that is kept") },
  examples: [
    { line: "kept drop 7", does: "of one table and step" },
    { line: "kept drop --all", does: "everything that is kept" },
  ],
  run: async (app, { args, options }) => {
    const isMeant = selection(args[0], options.everything);
    return await app.withRun("write", async (context) => {
      const meant = await readWhole(app, context, isMeant);
      if (meant.length === 0) {
        if (!options.everything) throw unknownKept(args[0]!, context);
        app.report.line("nothing is kept");
        return { json: { dropped: [] } };
      }
      try {
        await app.confirm(() => Promise.resolve(question(context, meant)));
      } catch (failure) {
        if (!(failure instanceof HarborError) || failure.code !== "needs_confirmation") throw failure;
        return { json: { kept: meant.map(keptJson) }, failure };
      }
      const dropped = await drop(app, context, meant);
      for (const each of dropped) {
        app.report.line(`dropped    ${whatText(each)}: ${amountText([each])}`);
      }
      if (dropped.length < meant.length) {
        app.report.note("what else was meant is not there any more: another harbor-db was quicker");
      }
      return { json: { dropped: dropped.map(keptJson) } };
    });
  },
});

/** Reads what is meant, once all of it is put aside: before, nobody knows how much goes. */
async function readWhole(
  app: App,
  context: RunContext,
  isMeant: (kept: Kept) => boolean,
): Promise<readonly Kept[]> {
  const { database } = context;
  const read = async () => (await readKept(database)).filter(isMeant);
  const meant = await read();
  const noting = meant.find(({ state }) => state === "noting");
  if (noting !== undefined) throw stillNoted(noting);
  if (meant.every(isPutAside)) return await readCounted(database, meant);
  const { takeAside } = await import("../../migrate/kept/take_aside.ts");
  try {
    await database.withLock(() => takeAside(context), lockOptions(context, app.lockWaitMs));
  } catch (error) {
    // What lost the table that it would go to can be let go of all the same.
    if (!(error instanceof HarborError) || error.code !== "missing_table") throw error;
  }
  return await readCounted(database, await read());
}

/** Triggers write to it, so that the application's own writes would fail without it. */
function stillNoted(kept: Kept): HarborError {
  return new HarborError("unfinished", `Cannot drop "${kept.id}"`, {
    state: `the ${stepText(kept)} is not done, and notes in it what it fills of ${kept.table}`,
    hint: `Go on with that, harbor-db ${
      kept.direction === "upgrade" ? "upgrade" : "downgrade -1"
    }, or give it up, harbor-db upgrade --abandon: what it filled is put back then.`,
    details: { id: kept.id, revision: kept.revision },
  });
}

/** Returns which of it is meant. */
function selection(id: string | undefined, isAll: boolean): (kept: Kept) => boolean {
  if (isAll && id === undefined) return () => true;
  const state = isAll
    ? "--all already means it"
    : id === undefined
    ? "nothing says what to let go of"
    : /^[1-9]\d*$/.test(id)
    ? null
    : "it is no number of kept data";
  if (state === null) return (kept) => kept.id === Number(id);
  throw new HarborError("usage", `Cannot drop "${id ?? "kept data"}"`, {
    state,
    hint: "harbor-db kept list shows the numbers; harbor-db kept drop --all lets go of everything.",
  });
}

function unknownKept(id: string, { database }: RunContext): HarborError {
  return new HarborError("unknown_kept", `Cannot drop "${id}"`, {
    state: `${database.url} keeps nothing of that number`,
    hint: "harbor-db kept list",
  });
}

function question({ database: { url } }: RunContext, meant: readonly Kept[]): Question {
  const now = new Date();
  return {
    facts: [
      ["database", url],
      ...meant.map((each) =>
        [
          "goes",
          `${whatText(each)} (${amountText([each])}), put aside by the ${stepText(each)} ${
            ageText(each.madeAt, now)
          } ago${each.state === "kept" ? "" : `, ${stateWords[each.state]}`}`,
        ] as const
      ),
    ],
    text: `Let go of ${amountText(meant)} on ${url}? Only a backup of before has it then.`,
  };
}

/** Drops what was asked about, and nothing that came under the same number since. */
async function drop(app: App, context: RunContext, meant: readonly Kept[]): Promise<readonly Kept[]> {
  const { database } = context;
  return await database.withLock(async () => {
    const isSame = (a: Kept, b: Kept) => a.id === b.id && a.madeAt === b.madeAt && a.table === b.table;
    const known = await readKept(database);
    const there = meant.filter((each) => known.some((kept) => isSame(each, kept)));
    await forgetKept(database, there);
    return there;
  }, lockOptions(context, app.lockWaitMs));
}
