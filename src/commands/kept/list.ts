import { formatBytes, formatCount } from "../../base/quantity.ts";
import type { App } from "../../cli/app.ts";
import { defineCommand, type Outcome } from "../../cli/command.ts";
import { isCounted, readKept } from "../../engines/kept_table.ts";
import {
  type CountedKept,
  countKept,
  goneText,
  leftText,
  namelessText,
  seenText,
} from "../../migrate/kept/count_kept.ts";
import { lostText, withSideTables } from "../../migrate/kept/side_tables.ts";
import { isDue, isLeftOver, isTriedAgain } from "../../state/rules/due.ts";
import { underPresentRevisions } from "../../state/rules/present_kept.ts";
import { readAppliedIn } from "../../engines/version_table.ts";
import { ageText } from "../backup/output.ts";
import { keptJson, stateWords, stepText, whatText } from "../backup/kept_output.ts";

const examples = [{ line: "kept list", does: "what would come back, and of which revision" }];

/** What stands below: without a word behind it, it lists. */
export const keptCommand = defineCommand({
  description:
    "Before a step would destroy data, it is put aside in the same database, and put back when the step is undone.",
  options: {},
  examples,
  run: (app) => listKept(app),
});

export const keptListCommand = defineCommand({
  options: {},
  examples,
  run: (app) => listKept(app),
});

async function listKept(app: App): Promise<Outcome> {
  const { all, lost, left, returnable } = await app.withRun("read", async (context) => {
    const { database, history } = context;
    const recorded = await readKept(database);
    const applied = recorded.length > 0 ? await readAppliedIn(context) ?? [] : [];
    const standing = { history, applied };
    const kept = underPresentRevisions(recorded, standing);
    const there = await withSideTables(database, kept);
    const left = there.filter((each) => isLeftOver(each, standing));
    return {
      left: left.map((each) => leftText(each, standing)),
      returnable: new Set(
        there.filter((each) => isDue(each, standing) || isTriedAgain(each, standing)).map(({ id }) => id),
      ),
      all: await countKept(database, kept),
      lost: kept.filter((each) => !there.includes(each)),
    };
  });
  if (all.length === 0) app.report.line("nothing is kept");
  else {
    const now = new Date();
    // Programs get the same from `keptJson`.
    const columns: Readonly<Record<string, (each: CountedKept) => string>> = {
      id: ({ kept }) => String(kept.id),
      what: ({ kept }) => whatText(kept),
      "put aside by": ({ kept }) => stepText(kept),
      since: ({ kept }) => ageText(kept.madeAt, now),
      rows: ({ kept, there }) =>
        there !== null || isCounted(kept) ? formatCount(there ?? kept.rows) : "not yet counted",
      size: ({ kept }) => isCounted(kept) ? formatBytes(kept.bytes) : "-",
      state: ({ kept }) => stateWords[kept.state],
    };
    await app.report.table(
      Object.keys(columns),
      all.map((each) => Object.values(columns).map((cell) => cell(each))),
    );
    app.report.line(seenText(all));
    const texts = [
      ...lost.map(lostText),
      ...all.filter(({ gone }) => gone > 0).map(goneText),
      ...left,
      ...all.filter(({ nameless }) => nameless > 0).map(namelessText),
    ];
    for (const { state, hint } of texts) app.report.note(`${state}. ${app.report.remedy(hint)}`);
  }
  return {
    json: {
      kept: all.map(({ kept, there, nameless }) => ({
        ...keptJson(kept),
        there,
        nameless: there === null ? null : nameless,
        returnable: returnable.has(kept.id),
      })),
    },
  };
}
