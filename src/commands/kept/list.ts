import { formatBytes, formatCount } from "../../base/quantity.ts";
import type { App } from "../../cli/app.ts";
import { defineCommand, type Outcome } from "../../cli/command.ts";
import { type Kept, readKept } from "../../engines/kept_table.ts";
import { ageText } from "../backup/output.ts";
import { amountText, isCounted, keptJson, stateWords, stepText, whatText } from "../backup/kept_output.ts";

const examples = [{ line: "kept list", does: "what would come back, and of which revision" }];

/** What stands below: without a word behind it, it lists. */
export const keptCommand = defineCommand({
  name: "kept",
  summary: "list what steps put aside instead of destroying it",
  description:
    "Before a step would destroy data, it is put aside in the same database, and put back when the step is undone.",
  options: {},
  examples,
  run: (app) => listKept(app),
});

export const keptListCommand = defineCommand({
  name: "kept list",
  summary: "list kept data: what, of which revision, since when and how much",
  options: {},
  examples,
  run: (app) => listKept(app),
});

async function listKept(app: App): Promise<Outcome> {
  const kept = await app.withRun("read", ({ database }) => readKept(database));
  if (kept.length === 0) app.report.line("nothing is kept");
  else {
    const now = new Date();
    // Programs get the same from `keptJson`.
    const columns: Readonly<Record<string, (each: Kept) => string>> = {
      id: ({ id }) => String(id),
      what: whatText,
      "put aside by": stepText,
      since: ({ madeAt }) => ageText(madeAt, now),
      rows: (each) => isCounted(each) ? formatCount(each.rows) : "not yet counted",
      size: (each) => isCounted(each) ? formatBytes(each.bytes) : "-",
      state: ({ state }) => stateWords[state],
    };
    await app.report.table(
      Object.keys(columns),
      kept.map((each) => Object.values(columns).map((cell) => cell(each))),
    );
    app.report.line(`on record: ${amountText(kept)}`);
  }
  return { json: { kept: kept.map(keptJson) } };
}
